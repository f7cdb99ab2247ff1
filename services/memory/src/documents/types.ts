/** Where a document is: an agent's, and of one user unless `userId` is empty. */
export interface DocumentKey {
  agentId: string
  userId: string
  path: string
}

/** A document by its owner and path; the agent is known already. */
export type Address = Pick<DocumentKey, 'userId' | 'path'>

/** What lists show of a document. */
export interface DocumentHead extends DocumentKey {
  id: string
  hash: string
  createdAt: Date
  updatedAt: Date
}

export interface MemoryDocument extends DocumentHead {
  content: string
}

export interface DocumentFilter {
  /** Any of these agents. */
  agentIds?: readonly string[] | undefined
  /** Any of these owners; an empty one stands for the agent as a whole. */
  userIds?: readonly string[] | undefined
  path?: string | undefined
}
