/** Kinds of files that a model may be shown. */
export type FileKind = 'audio' | 'pdf' | 'text'
