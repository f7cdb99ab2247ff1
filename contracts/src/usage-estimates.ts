/**
 * What a model call uses where its vendor does not say. Guessed alike by who reserves and settles it and by who notes it in a
 * span, so that both count the same.
 */
import type { ChatRequest, ChatResponse } from './gen/clawmesh/providers/v1/providers.ts'

/** Bytes of text that are a token at least: what is reserved by it is enough. */
const bytesOfToken = 3
const tokensOfImage = 1_500

/** Tokens of so many bytes of text, at most. */
export const tokensOfBytes = (bytes: number): number => Math.ceil(bytes / bytesOfToken)

/** Tokens of all that a call tells the model: messages, images and tools. */
export const estimatedInputTokens = ({ messages, tools }: Pick<ChatRequest, 'messages' | 'tools'>): number => {
  let bytes = 0
  let images = 0
  for (const message of messages) {
    bytes += Buffer.byteLength(message.content) + Buffer.byteLength(message.thinking)
    bytes += message.toolCalls.reduce((sum, { name, argumentsJson }) => sum + name.length + argumentsJson.length, 0)
    images += message.images.length + message.parts.filter(({ part }) => part?.$case === 'image').length
  }
  for (const { name, description, parametersJson } of tools)
    bytes += Buffer.byteLength(name) + Buffer.byteLength(description) + Buffer.byteLength(parametersJson)
  return tokensOfBytes(bytes) + images * tokensOfImage
}

/** Bytes of an answer that a piece of it brings: text, thinking, arguments of a tool call. */
export const answeredBytes = ({ event }: ChatResponse): number => {
  if (event?.$case === 'textDelta' || event?.$case === 'thinkingDelta') return Buffer.byteLength(event.value)
  return event?.$case === 'toolCallDelta' ? Buffer.byteLength(event.value.argumentsDelta) : 0
}
