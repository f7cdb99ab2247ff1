/** Conversations in the shape of OpenAI's chat completions. */
import { createHash } from 'node:crypto'
import { MeshError } from '@clawmesh/contracts'
import type { ChatMessage, Image, ToolCall } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import { base64, withoutTrailingAssistant } from '../conversation.ts'
import { isObject, objectOf, parseJson, type Json } from '../json.ts'

export interface MessageRules {
  /** OpenAI's own models call the system prompt "developer". */
  systemRole: 'system' | 'developer'
  /** Send an assistant's earlier thinking back. */
  thinking: boolean
  /** Gemini: calls need their thought signatures, turns without any are told as text. */
  gemini: boolean
}

const longestId = 40

/** A tool call id that every vendor takes: longer ones become `call_` and 35 hex digits of their SHA-256. */
export const shortId = (id: string): string =>
  id.length <= longestId ? id : `call_${createHash('sha256').update(id).digest('hex').slice(0, 35)}`

const imagePart = (image: Image): Json => ({
  type: 'image_url',
  image_url: { url: `data:${image.mimeType};base64,${base64(image)}` },
})

const userContent = ({ content, images }: ChatMessage): string | Json[] =>
  images.length === 0 ? content : [...images.map(imagePart), ...(content ? [{ type: 'text', text: content }] : [])]

/** The vendor fields of a turn's calls, by call id, out of its provider_state. */
const callExtras = (providerState: string): Json => {
  const state = providerState === '' ? undefined : objectOf(parseJson(providerState))
  return objectOf(state?.['openai']) ?? {}
}

/** The provider_state of a turn whose calls came with vendor fields, '' when none did. */
export const openAiState = (calls: { call: ToolCall; extra: Json | undefined }[]): string => {
  const extras = calls.flatMap(({ call, extra }) => (extra ? [[call.id, extra] as const] : []))
  return extras.length === 0 ? '' : JSON.stringify({ openai: Object.fromEntries(extras) })
}

const wireCall = (call: ToolCall, extras: Json): Json => {
  const extra = Object.hasOwn(extras, call.id) ? objectOf(extras[call.id]) : undefined
  const { thought_signature: signature, extra_content: content } = extra ?? {}
  return {
    id: shortId(call.id),
    type: 'function',
    function: {
      name: call.name,
      arguments: call.argumentsJson || '{}',
      ...(signature === undefined ? {} : { thought_signature: signature }),
    },
    ...(content === undefined ? {} : { extra_content: content }),
  }
}

const assistantMessage = (message: ChatMessage, rules: MessageRules): Json => {
  const calls = message.toolCalls
  const extras = callExtras(message.providerState)
  return {
    role: 'assistant',
    ...(message.content === '' && calls.length > 0 ? {} : { content: message.content }),
    ...(message.thinking !== '' && rules.thinking ? { reasoning_content: message.thinking } : {}),
    ...(calls.length > 0 ? { tool_calls: calls.map((call) => wireCall(call, extras)) } : {}),
  }
}

const plain = (role: 'user', content: string, images: Image[] = []): ChatMessage => ({
  role,
  content,
  images,
  toolCalls: [],
  toolCallId: '',
  isError: false,
  thinking: '',
  providerState: '',
})

const hasSignature = (message: ChatMessage): boolean =>
  Object.values(callExtras(message.providerState)).some((extra) => isObject(extra))

/** Gemini refuses calls without their signatures: such turns lose their calls, and the results become one user text. */
const flattenUnsigned = (messages: readonly ChatMessage[]): ChatMessage[] => {
  const flat: ChatMessage[] = []
  for (let at = 0; at < messages.length; at++) {
    const message = messages[at]!
    if (message.role !== 'assistant' || message.toolCalls.length === 0 || hasSignature(message)) {
      flat.push(message)
      continue
    }
    if (message.content !== '') flat.push({ ...message, toolCalls: [] })
    const results: ChatMessage[] = []
    while (messages[at + 1]?.role === 'tool') results.push(messages[++at]!)
    if (results.length === 0) continue
    const text = results.map((result) => result.content).join('\n\n')
    flat.push(
      plain(
        'user',
        text,
        results.flatMap((result) => result.images),
      ),
    )
  }
  return flat
}

const writers: Record<string, (message: ChatMessage, rules: MessageRules) => Json> = {
  system: ({ content }, { systemRole }) => ({ role: systemRole, content }),
  developer: ({ content }, { systemRole }) => ({ role: systemRole, content }),
  user: (message) => ({ role: 'user', content: userContent(message) }),
  assistant: assistantMessage,
  tool: ({ content, toolCallId }) => ({ role: 'tool', tool_call_id: shortId(toolCallId), content }),
}

/** Tool results hold text only; their images follow the last result of a turn as a user message. */
const withResultImages = (messages: readonly ChatMessage[]): ChatMessage[] => {
  const out: ChatMessage[] = []
  let images: Image[] = []
  for (const message of messages) {
    if (message.role === 'tool') images = [...images, ...message.images]
    else if (images.length > 0) {
      out.push(plain('user', '', images))
      images = []
    }
    out.push(message)
  }
  return images.length > 0 ? [...out, plain('user', '', images)] : out
}

/**
 * The `messages` of a chat completion request. @throws INVALID_REQUEST for an unknown role
 * Source: OpenAI API reference, "Create chat completion".
 */
export const openAiMessages = (messages: readonly ChatMessage[], rules: MessageRules): Json[] => {
  const asked = withoutTrailingAssistant(messages)
  const told = withResultImages(rules.gemini ? flattenUnsigned(asked) : asked)
  return told.map((message) => {
    const write = Object.hasOwn(writers, message.role) ? writers[message.role] : undefined
    if (!write)
      throw new MeshError('INVALID_REQUEST', 'error.invalid_request', {
        field: 'messages.role',
        reason: 'unknown role',
        role: message.role,
      })
    return write(message, rules)
  })
}
