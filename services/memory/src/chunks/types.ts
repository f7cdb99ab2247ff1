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
