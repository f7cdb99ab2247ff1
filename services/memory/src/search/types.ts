/** A chunk as a search finds it. */
export interface FoundChunk {
  path: string
  startLine: number
  endLine: number
  part: number
  text: string
  userId: string
}

/** With how well it answers, 0 to 1. */
export interface Hit extends FoundChunk {
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
