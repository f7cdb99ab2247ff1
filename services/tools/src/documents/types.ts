/** Documents whose text is taken out, for models that are shown texts alone. */
export interface DocumentSource {
  bytes: Uint8Array
}

/** The text of a document; undefined for what is none, or cannot be read. */
export interface DocumentText {
  text: string | undefined
  /** There was more. */
  isCut: boolean
}

/** Characters that are taken of a document: a long book's. */
export const mostDocumentChars = 2_000_000
