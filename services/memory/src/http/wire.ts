/** Documents as the HTTP contract shows them. */
import type { DocumentHead } from '../documents/types.ts'

/** Only personal documents name a user. */
export const ownerOf = (userId: string) => (userId === '' ? {} : { user_id: userId })

export const timesOf = ({ createdAt, updatedAt }: DocumentHead) => ({
  created_at: createdAt.getTime(),
  updated_at: updatedAt.getTime(),
})

export const toInfo = (document: DocumentHead) => ({
  path: document.path,
  hash: document.hash,
  agent_id: document.agentId,
  ...ownerOf(document.userId),
  updated_at: document.updatedAt.getTime(),
})

export const toEntry = (document: DocumentHead & { content?: string }) => ({
  id: document.id,
  agent_id: document.agentId,
  ...ownerOf(document.userId),
  path: document.path,
  ...(document.content === undefined ? {} : { content: document.content }),
  hash: document.hash,
  ...timesOf(document),
})
