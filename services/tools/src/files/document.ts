/** A text that file tools read and change like a file. */
export interface Document {
  /** Undefined when there is none. @throws TOOL_ERROR when tools may not read it */
  read: () => Promise<string | undefined>
  /** Replaces the text; empty may remove it. @throws TOOL_ERROR when tools may not write it */
  write: (content: string) => Promise<void>
  /** @throws TOOL_ERROR when tools may not write it */
  append: (content: string) => Promise<void>
}
