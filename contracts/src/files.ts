/** Of one file of a workspace. */
export const largestFileBytes = 50 * 1024 * 1024

/** Types of images that models are shown. */
export const shownImageTypes: ReadonlySet<string> = new Set(['image/png', 'image/jpeg', 'image/gif', 'image/webp'])

/** Files that a model may be shown. `audio` is WAV and MP3, `other_audio` all else that is heard. */
export type FileKind = 'audio' | 'other_audio' | 'pdf' | 'text' | 'video'

const commonAudio: ReadonlySet<string> = new Set(['audio/wav', 'audio/mpeg'])

/** What is neither audio, a video nor a PDF is a text. */
export const fileKindOf = (mimeType: string): FileKind => {
  if (mimeType.startsWith('audio/')) return commonAudio.has(mimeType) ? 'audio' : 'other_audio'
  if (mimeType.startsWith('video/')) return 'video'
  return mimeType === 'application/pdf' ? 'pdf' : 'text'
}
