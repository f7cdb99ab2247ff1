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
