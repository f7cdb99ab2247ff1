/** What both protocols do with the messages of a conversation. */
import { MeshError } from '@clawmesh/contracts'
import type { ChatMessage, Image } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'

/** A text or an image of a message. */
export type Part = { text: string } | { image: Image }

/** The texts and images of a message in their order, empty texts left out. */
export const partsOf = ({ parts, images, content }: ChatMessage): Part[] => {
  const all =
    parts.length > 0
      ? parts.flatMap(({ part }): Part[] =>
          part === undefined ? [] : [part.$case === 'text' ? { text: part.value } : { image: part.value }],
        )
      : [...images.map((image) => ({ image })), { text: content }]
  return all.filter((part) => 'image' in part || part.text.trim() !== '')
}

export const imagesOf = (message: ChatMessage): Image[] =>
  partsOf(message).flatMap((part) => ('image' in part ? [part.image] : []))

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
  parts: content.map((part) => ({
    part: 'image' in part ? { $case: 'image', value: part.image } : { $case: 'text', value: part.text },
  })),
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

/** The bytes of an image as base64. */
export const base64 = ({ data }: Image): string =>
  Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64')
