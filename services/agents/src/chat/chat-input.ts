/** From an OpenAI chat request to a run: who answers, what is said, what came before. */
import type { IncomingMessage } from 'node:http'
import type { ContentPart } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import { MeshError, type BodyOf, type Caller, type http } from '@clawmesh/contracts'
import type { NewMessage } from '../sessions/types.ts'
import { loadImages } from './chat-images.ts'

type ChatBody = BodyOf<(typeof http.chat.operations)['createChatCompletion']>
type InputMessage = ChatBody['messages'][number]

const agentPrefix = /^(?:goclaw|agent):(.*)$/s

const header = (headers: IncomingMessage['headers'], name: string): string | undefined => {
  const value = headers[name]
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** The agent that a request names: model prefix, header, else `default`. */
export const agentRefOf = (model: string, headers: IncomingMessage['headers']): string => {
  const prefixed = agentPrefix.exec(model)
  if (prefixed !== null) return prefixed[1] || 'default'
  return header(headers, 'x-goclaw-agent-id') ?? header(headers, 'x-goclaw-agent') ?? 'default'
}

/** The user of a request: the credential's own, the header's, else the body's. @throws INVALID_REQUEST when none is given */
export const userIdOf = (caller: Caller, bodyUser: string | null | undefined): string => {
  const userId = caller.userId || (bodyUser ?? '')
  if (userId === '') throw new MeshError('INVALID_REQUEST', 'error.user_id_required', { field: 'user' })
  return userId
}

const textOf = ({ content }: InputMessage): string =>
  typeof content === 'string'
    ? content
    : (content ?? []).flatMap((part) => (part.text === undefined ? [] : [part.text])).join('\n')

type InputPart = Exclude<NonNullable<InputMessage['content']>, string>[number]

const imageUrl = ({ image_url: image }: InputPart): string | undefined =>
  typeof image === 'string' ? image : image?.url

const hasImage = ({ content }: InputMessage): boolean =>
  Array.isArray(content) && content.some((part) => imageUrl(part) !== undefined)

/** The texts and images of a message in their order; nothing for one without images. @throws what `loadImages` throws */
const loadParts = async (
  message: InputMessage,
  signal: AbortSignal,
  allow: readonly string[],
): Promise<ContentPart[]> => {
  if (!hasImage(message) || !Array.isArray(message.content)) return []
  const urls = message.content.map(imageUrl)
  const images = await loadImages(
    urls.filter((url) => url !== undefined),
    signal,
    allow,
  )
  return message.content.flatMap((part, index): ContentPart[] => {
    if (urls[index] !== undefined) return [{ part: { $case: 'image', value: images.shift()! } }]
    return part.text === undefined ? [] : [{ part: { $case: 'text', value: part.text } }]
  })
}

interface ChatTurn {
  message: string
  /** Empty when the message is only text. */
  parts: ContentPart[]
  priorTurns: NewMessage[]
  requestSystem: string
}

/**
 * The last user message is the turn; user and assistant messages before it are shown to the model as history, system
 * messages as further instructions.
 * @throws INVALID_REQUEST when no user message has text or an image, or for what `loadImages` refuses
 */
export const chatTurn = async (body: ChatBody, signal: AbortSignal, allow: readonly string[]): Promise<ChatTurn> => {
  const lastUser = body.messages.findLastIndex(({ role }) => role === 'user')
  const last = body.messages[lastUser]
  if (last === undefined || (textOf(last).trim() === '' && !hasImage(last)))
    throw new MeshError('INVALID_REQUEST', 'error.no_user_message', { field: 'messages' })
  return {
    message: textOf(last),
    parts: await loadParts(last, signal, allow),
    priorTurns: body.messages.slice(0, lastUser).flatMap((message): NewMessage[] => {
      const { role } = message
      const content = textOf(message)
      return (role === 'user' || role === 'assistant') && content !== '' ? [{ role, content }] : []
    }),
    requestSystem: body.messages
      .filter(({ role }) => role === 'system' || role === 'developer')
      .map(textOf)
      .join('\n\n'),
  }
}
