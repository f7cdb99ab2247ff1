/** From an OpenAI chat request to a run: who answers, what is said, what came before. */
import type { IncomingMessage } from 'node:http'
import type { Image } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import { MeshError, type BodyOf, type Caller, type http } from '@clawmesh/contracts'
import type { NewMessage } from '../sessions/types.ts'

export type ChatBody = BodyOf<(typeof http.chat.operations)['createChatCompletion']>
type InputMessage = ChatBody['messages'][number]

const imageLimitBytes = 10_485_760
const imageTimeoutMs = 15_000
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

const imageUrls = ({ content }: InputMessage): string[] =>
  typeof content === 'string'
    ? []
    : (content ?? []).flatMap(({ image_url: image }) =>
        image === undefined ? [] : [typeof image === 'string' ? image : image.url],
      )

const invalidImage = (reason: string) =>
  new MeshError('INVALID_REQUEST', 'error.invalid_request', { field: 'image_url', reason })

const loadImage = async (url: string, signal: AbortSignal, allow: readonly string[]): Promise<Image> => {
  const inline = /^data:(image\/[a-z0-9.+-]+);base64,([A-Za-z0-9+/=\s]+)$/i.exec(url)
  if (inline !== null) return { mimeType: inline[1]!, data: Buffer.from(inline[2]!, 'base64') }
  if (url.startsWith('data:')) throw invalidImage('not a base64 image')
  // Loaded when first needed: most processes never fetch an image, and the client takes memory.
  const { guardedFetch } = await import('@clawmesh/chassis/fetch')
  const { status, headers, body, truncated } = await guardedFetch(url, {
    signal,
    timeoutMs: imageTimeoutMs,
    maxBytes: imageLimitBytes,
    allow: [...allow],
  })
  const mimeType = String(headers['content-type'] ?? '').split(';')[0]!
  if (status !== 200 || truncated || !mimeType.startsWith('image/'))
    throw invalidImage('no image of an allowed size there')
  return { mimeType, data: Buffer.from(body) }
}

export interface ChatTurn {
  message: string
  images: Image[]
  priorTurns: NewMessage[]
  requestSystem: string
}

/**
 * The last user message is the turn; user and assistant messages before it are shown to the model as history, system
 * messages as further instructions.
 * @throws INVALID_REQUEST when no user message has text or an image
 */
export const chatTurn = async (body: ChatBody, signal: AbortSignal, allow: readonly string[]): Promise<ChatTurn> => {
  const lastUser = body.messages.findLastIndex(({ role }) => role === 'user')
  const last = body.messages[lastUser]
  if (last === undefined || (textOf(last).trim() === '' && imageUrls(last).length === 0))
    throw new MeshError('INVALID_REQUEST', 'error.no_user_message', { field: 'messages' })
  return {
    message: textOf(last),
    images: await Promise.all(imageUrls(last).map((url) => loadImage(url, signal, allow))),
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
