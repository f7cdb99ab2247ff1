/**
 * What a model call uses where its vendor does not say. Guessed alike by who reserves and settles it and by who notes it in a
 * span, so that both count the same.
 */
import { fileKindOf } from './files.ts'
import type { ChatMessage, ChatRequest, ChatResponse } from './gen/clawmesh/providers/v1/providers.ts'

/** Bytes of text that are a token at least: what is reserved by it is enough. */
const bytesOfToken = 3
const tokensOfImage = 1_500
/** A second of audio has 4,000 bytes at least, and 32 tokens where it has most. */
const bytesOfAudioToken = 125
/** A second of video has 20,000 bytes at least, and 300 tokens where it has most. */
const bytesOfVideoToken = 66
/** Anthropic takes a hundred pages, and counts 3,000 tokens for one at most. */
const tokensOfPdf = 300_000

/** Tokens of so many bytes of text, at most. */
export const tokensOfBytes = (bytes: number): number => Math.ceil(bytes / bytesOfToken)

/** Tokens of a file that is shown to a model, at most. */
export const tokensOfFile = (mimeType: string, bytes: number): number => {
  const asText = tokensOfBytes(bytes)
  const asAudio = Math.ceil(bytes / bytesOfAudioToken)
  return {
    audio: asAudio,
    other_audio: asAudio,
    pdf: Math.min(asText, tokensOfPdf),
    text: asText,
    video: Math.ceil(bytes / bytesOfVideoToken),
  }[fileKindOf(mimeType)]
}

/** Tokens of what a message shows beside its text. */
const tokensOfParts = ({ images, parts }: ChatMessage): number =>
  parts.reduce((sum, { part }) => {
    if (part?.$case === 'file') return sum + tokensOfFile(part.value.mimeType, part.value.data.length)
    return part?.$case === 'image' ? sum + tokensOfImage : sum
  }, images.length * tokensOfImage)

/** Tokens of all that a call tells the model: messages, images, files and tools. */
export const estimatedInputTokens = ({ messages, tools }: Pick<ChatRequest, 'messages' | 'tools'>): number => {
  let bytes = 0
  let shown = 0
  for (const message of messages) {
    bytes += Buffer.byteLength(message.content) + Buffer.byteLength(message.thinking)
    bytes += message.toolCalls.reduce((sum, { name, argumentsJson }) => sum + name.length + argumentsJson.length, 0)
    shown += tokensOfParts(message)
  }
  for (const { name, description, parametersJson } of tools)
    bytes += Buffer.byteLength(name) + Buffer.byteLength(description) + Buffer.byteLength(parametersJson)
  return tokensOfBytes(bytes) + shown
}

/** Bytes of an answer that a piece of it brings: text, thinking, arguments of a tool call. */
export const answeredBytes = ({ event }: ChatResponse): number => {
  if (event?.$case === 'textDelta' || event?.$case === 'thinkingDelta') return Buffer.byteLength(event.value)
  return event?.$case === 'toolCallDelta' ? Buffer.byteLength(event.value.argumentsDelta) : 0
}
