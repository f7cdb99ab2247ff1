/** The things memory knows, as its domain speaks of them. */

/** Where a document is: an agent's, and of one user unless `userId` is empty. */
export interface DocumentKey {
  agentId: string
  userId: string
  path: string
}

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

/** A piece of a document as the chunker cuts it. */
export interface ChunkText {
  /** 1-based, inclusive. */
  startLine: number
  endLine: number
  /** Counts the pieces of one overlong line; 0 for all other chunks. */
  part: number
  text: string
}

/** A stored chunk that wants a vector. */
export interface WaitingChunk {
  id: string
  agentId: string
  hash: string
  text: string
}

/** Vectors are comparable within one space only. */
export interface EmbeddingSpace {
  /** Empty for the built-in embedder. */
  provider: string
  model: string
  dims: number
}

/** How a space is called in the database and in logs. */
export const spaceLabel = ({ provider, model }: EmbeddingSpace): string =>
  provider === '' ? model : `${provider}/${model}`

/** A found chunk with the score of one side of the search. */
export interface Hit {
  path: string
  startLine: number
  endLine: number
  part: number
  text: string
  userId: string
  score: number
}

export interface SearchResult {
  path: string
  startLine: number
  endLine: number
  score: number
  snippet: string
  scope: 'global' | 'personal'
}
