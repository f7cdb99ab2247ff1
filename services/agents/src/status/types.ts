/** What a tenant has and what is at work. */
import type { ListRunningRequest, RunningRun } from '@clawmesh/contracts/gen/clawmesh/agents/v1/status.ts'

export interface TenantStatus {
  /** Agents with a session that a run holds, on whichever replica. */
  running: { agentKey: string; model: string }[]
  agents: number
  sessions: number
}

export interface StatusRows {
  of: (tenantId: string) => Promise<TenantStatus>
  /** Runs that are on, the newest first, 200 at most; by its id also one that ended a minute ago at most. Empty fields of the filter filter nothing. */
  runs: (tenantId: string, filter: ListRunningRequest) => Promise<RunningRun[]>
}
