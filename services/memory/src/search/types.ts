/** A found chunk with its score. */
export interface Hit {
  id: string
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
