/** A note as an agent keeps it, and what people ask when they mean it. */
export interface Labelled {
  /** Below `memory/`, without its ending. */
  path: string
  text: string
  questions: readonly string[]
  /** Questions that share next to no word with the text: those that take an understanding of what words mean. */
  inOtherWords: readonly string[]
}
