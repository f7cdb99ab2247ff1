/** A text of which an agent's prompt is made. */
export interface ContextFile {
  /** Whose it is; empty for the file at agent level. */
  userId: string
  name: string
  content: string
}

/** What stands in the prompt while an agent and a user get to know each other. */
export const meetingFile = 'BOOTSTRAP.md'
