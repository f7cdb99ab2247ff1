/** Files that a conversation shows a model, and what becomes of those that a vendor cannot take. */
import { fileKindOf, type FileKind } from '@clawmesh/contracts'
import type { ChatMessage, ContentPart, MediaFile } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import { base64 } from './conversation.ts'
import { unsupportedParameter } from './sampling.ts'

export const fileKind = ({ mimeType }: MediaFile): FileKind => fileKindOf(mimeType)

/** What a part that is refused is called in OpenAI's words. */
const fieldOf: Record<FileKind, string> = {
  audio: 'input_audio',
  other_audio: 'input_audio',
  pdf: 'file',
  text: 'file',
  video: 'video_url',
}

const defaultNames: Record<FileKind, string> = {
  audio: 'audio',
  other_audio: 'audio',
  pdf: 'document.pdf',
  text: 'document.txt',
  video: 'video',
}

/** OpenAI tells a PDF by the ending of its name. */
const pdfEnding = /\.pdf$/i

export const fileName = (file: MediaFile): string => {
  const kind = fileKind(file)
  const name = file.name.trim() || defaultNames[kind]
  return kind === 'pdf' && !pdfEnding.test(name) ? `${name}.pdf` : name
}

export const dataUrl = (media: Pick<MediaFile, 'mimeType' | 'data'>): string =>
  `data:${media.mimeType};base64,${base64(media)}`

export const textOfFile = ({ data }: MediaFile): string => Buffer.from(data).toString('utf8')

/** What OpenAI calls the format of audio. */
export const audioFormat = ({ mimeType }: MediaFile): string => (mimeType === 'audio/mpeg' ? 'mp3' : 'wav')

/** A file for whoever takes texts alone: what it says, or a note in its place. */
export const fileAsText = (file: MediaFile): string =>
  fileKind(file) === 'text'
    ? `${fileName(file)}:\n\n${textOfFile(file)}`
    : `[${fileName(file)}, ${file.mimeType}, that cannot be shown]`

const textPart = (value: string): ContentPart => ({ part: { $case: 'text', value } })

const hasFile = ({ parts }: ChatMessage): boolean => parts.some(({ part }) => part?.$case === 'file')

/**
 * The messages with those files alone that a vendor takes. Texts are told as text; of what else it does not take, a note
 * stands in place of what was said in an earlier turn.
 * @throws UNSUPPORTED_PARAMETER for one that is of the turn to be answered
 */
export const withTakenFiles = (
  provider: string,
  messages: readonly ChatMessage[],
  takes: readonly FileKind[],
): readonly ChatMessage[] => {
  if (!messages.some(hasFile)) return messages
  const turn = messages.findLastIndex(({ role }) => role === 'user')
  return messages.map((message, at) => {
    const taken = (content: ContentPart): ContentPart => {
      const { part } = content
      if (part?.$case !== 'file') return content
      const file = part.value
      const kind = fileKind(file)
      if (takes.includes(kind)) return content
      if (kind !== 'text' && at >= turn) throw unsupportedParameter(provider, fieldOf[kind])
      return textPart(fileAsText(file))
    }
    return hasFile(message) ? { ...message, parts: message.parts.map(taken) } : message
  })
}
