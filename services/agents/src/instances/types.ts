/** What the agents service knows of a user of an agent. */
export interface Instance {
  userId: string
  firstSeenAt: Date
  lastSeenAt: Date
  fileCount: number
  metadata: Record<string, string>
}

export interface UserFile {
  agentId: string
  userId: string
  fileName: string
  content: string
}
