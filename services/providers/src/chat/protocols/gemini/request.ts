/**
 * Requests of Gemini's own wire, which is shown what its OpenAI surface is not: videos, and audio of any format.
 * Source: Gemini API reference, "models.generateContent".
 */
import type { ChatMessage, MediaFile } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import type { FileKind } from '@clawmesh/contracts'
import type { ProviderConnection, Target } from '../../../providers/connection.ts'
import { endpoint } from '../../../providers/connection.ts'
import { base64, partsOf, textOfMessage, type Part } from '../conversation.ts'
import type { UpstreamRequest } from '../exchange.ts'
import { fileAsText, fileKind } from '../files.ts'
import { bodyText, type Json } from '../json.ts'
import type { ChatCall } from '../protocol.ts'
import { unsupportedParameter } from '../sampling.ts'

const ownFiles: ReadonlySet<FileKind> = new Set(['other_audio', 'video'])

/** Whether a call shows a model of Gemini what its OpenAI surface does not take. */
export const needsGemini = (
  { type }: ProviderConnection,
  { messages }: { messages: readonly ChatMessage[] },
): boolean =>
  type === 'gemini_native' &&
  messages.some(({ parts }) => parts.some(({ part }) => part?.$case === 'file' && ownFiles.has(fileKind(part.value))))

/** An address of Gemini's own API, beside its OpenAI surface. */
export const geminiEndpoint = ({ base }: Target, path: string): URL => endpoint(base.replace(/\/openai$/, ''), path)

export const geminiHeaders = ({ key }: Target): Record<string, string> => ({
  'content-type': 'application/json',
  'x-goog-api-key': key,
})

const inline = (media: Pick<MediaFile, 'mimeType' | 'data'>): Json => ({
  inlineData: { mimeType: media.mimeType, data: base64(media) },
})

const partOf = (part: Part): Json => {
  if ('text' in part) return { text: part.text }
  if ('image' in part) return inline(part.image)
  return fileKind(part.file) === 'text' ? { text: fileAsText(part.file) } : inline(part.file)
}

const contentOf = (message: ChatMessage): Json => ({
  role: message.role === 'assistant' ? 'model' : 'user',
  parts: partsOf(message).map(partOf),
})

/** @throws UNSUPPORTED_PARAMETER for tools: who shows a video offers none */
export const geminiRequest = (target: Target, call: ChatCall): UpstreamRequest => {
  const { model, messages, options, tools } = call
  if (tools.length > 0) throw unsupportedParameter(target.connection.name, 'tools')
  const system = messages
    .filter(({ role }) => role === 'system')
    .map(textOfMessage)
    .join('\n\n')
  const body = {
    contents: messages.filter(({ role }) => role !== 'system').map(contentOf),
    ...(system === '' ? {} : { systemInstruction: { parts: [{ text: system }] } }),
    generationConfig: {
      ...(options.maxTokens > 0 ? { maxOutputTokens: options.maxTokens } : {}),
      ...(options.temperature === undefined ? {} : { temperature: options.temperature }),
    },
  }
  return {
    method: 'POST',
    url: geminiEndpoint(target, `/models/${encodeURIComponent(model)}:generateContent`),
    headers: geminiHeaders(target),
    body: bodyText(body),
    streams: false,
  }
}
