/** What both protocols do with the messages of a conversation. */
import { MeshError } from '@clawmesh/contracts'
import type {
  ChatMessage,
  ContentPart,
  Image,
  MediaFile,
} from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'

export type Media = { image: Image } | { file: MediaFile }
/** A text, an image or a file of a message. */
export type Part = { text: string } | Media

const toPart = ({ part }: ContentPart): Part[] => {
  switch (part?.$case) {
    case undefined:
      return []
    case 'text':
      return [{ text: part.value }]
    case 'image':
      return [{ image: part.value }]
    case 'file':
      return [{ file: part.value }]
  }
}

const toContent = (part: Part): ContentPart['part'] => {
  if ('text' in part) return { $case: 'text', value: part.text }
  return 'image' in part ? { $case: 'image', value: part.image } : { $case: 'file', value: part.file }
}

/** The texts, images and files of a message in their order, empty texts left out. */
export const partsOf = ({ parts, images, content }: ChatMessage): Part[] => {
  const all = parts.length > 0 ? parts.flatMap(toPart) : [...images.map((image) => ({ image })), { text: content }]
  return all.filter((part) => !('text' in part) || part.text.trim() !== '')
}

export const mediaOf = (message: ChatMessage): Media[] =>
  partsOf(message).flatMap((part) => ('text' in part ? [] : [part]))

/** The text of a message; several texts are joined by line breaks. */
export const textOfMessage = (message: ChatMessage): string =>
  message.parts.length === 0
    ? message.content
    : partsOf(message)
        .flatMap((part) => ('text' in part ? [part.text] : []))
        .join('\n')

const blank: Omit<ChatMessage, 'role'> = {
  content: '',
  images: [],
  toolCalls: [],
  toolCallId: '',
  isError: false,
  thinking: '',
  providerState: '',
  parts: [],
}

/** A message of one text. */
export const textMessage = (role: string, content: string): ChatMessage => ({ ...blank, role, content })

export const userMessage = (content: readonly Part[]): ChatMessage => ({
  ...blank,
  role: 'user',
  parts: content.map((part) => ({ part: toContent(part) })),
})

export const isSystem = ({ role }: ChatMessage): boolean => role === 'system' || role === 'developer'

const roles = new Set(['system', 'developer', 'user', 'assistant', 'tool'])

/** @throws INVALID_REQUEST for a message of a role that no protocol has */
export const checkRoles = (messages: readonly ChatMessage[]): void => {
  const strange = messages.find(({ role }) => !roles.has(role))
  if (strange)
    throw new MeshError('INVALID_REQUEST', 'error.invalid_request', {
      field: 'messages.role',
      reason: 'unknown role',
      role: strange.role,
    })
}

/** The conversation without assistant turns at its end: a model is asked to answer, not to go on with its own words. */
export const withoutTrailingAssistant = (messages: readonly ChatMessage[]): readonly ChatMessage[] =>
  messages.slice(0, messages.findLastIndex((message) => message.role !== 'assistant') + 1)

/** The bytes of an image or file as base64. */
export const base64 = ({ data }: Pick<Image, 'data'>): string =>
  Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64')
