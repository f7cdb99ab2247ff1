/** What a tenant has and what is at work. */
export interface TenantStatus {
  /** Agents with a session that a run holds, on whichever replica. */
  running: { agentKey: string; model: string }[]
  agents: number
  sessions: number
}
