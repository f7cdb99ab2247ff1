/** A text of which an agent's prompt is made. */
export interface ContextFile {
  /** Whose it is; empty for the file at agent level. */
  userId: string
  name: string
  content: string
}
