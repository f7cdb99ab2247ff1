/** Files that a model may be shown. */
export type FileKind = 'audio' | 'pdf' | 'text'

/** What is neither audio nor a PDF is a text. */
export const fileKindOf = (mimeType: string): FileKind => {
  if (mimeType.startsWith('audio/')) return 'audio'
  return mimeType === 'application/pdf' ? 'pdf' : 'text'
}
