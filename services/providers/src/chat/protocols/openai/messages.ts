/** Conversations in the shape of OpenAI's chat completions. */
import type { ChatMessage, MediaFile, ToolCall } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import { base64, mediaOf, partsOf, textOfMessage, userMessage, type Media, type Part } from '../conversation.ts'
import { audioFormat, dataUrl, fileKind, fileName } from '../files.ts'
import { isObject, objectOf, parseJson, type Json } from '../json.ts'
import { replayed, type IdRule, type Turn, type WireCall } from '../replay.ts'

export type FileWords = 'openai' | 'mistral' | 'gemini'

export interface MessageRules {
  /** OpenAI's own models call the system prompt "developer". */
  systemRole: 'system' | 'developer'
  /** Send an assistant's earlier thinking back. */
  thinking: boolean
  /** Gemini: calls need their thought signatures, turns without any are told as text. */
  gemini: boolean
  ids: IdRule
  /** The vendor wants users and assistants to alternate: neighbours are joined, calls and results told as text. */
  alternates: boolean
  /** In whose words files are written. */
  fileWords: FileWords
  /** What an assistant says between tool results and a user, where the vendor takes no user right after results. */
  afterResults: string
}

/** Longest name of a tool, characters. */
export const openAiNameLimit = 64

const urlPart = (media: Pick<MediaFile, 'mimeType' | 'data'>): Json => ({
  type: 'image_url',
  image_url: { url: dataUrl(media) },
})

const audioPart = (file: MediaFile): Json => ({
  type: 'input_audio',
  input_audio: { data: base64(file), format: audioFormat(file) },
})

/** OpenRouter's word; OpenAI itself is shown no videos. */
const videoPart = (file: MediaFile): Json => ({ type: 'video_url', video_url: { url: dataUrl(file) } })

const fileParts: Record<FileWords, (file: MediaFile) => Json> = {
  openai: (file) => {
    if (fileKind(file) === 'audio') return audioPart(file)
    return fileKind(file) === 'video'
      ? videoPart(file)
      : { type: 'file', file: { filename: fileName(file), file_data: dataUrl(file) } }
  },
  // Source: Mistral API reference, "Chat Completion".
  mistral: (file) =>
    fileKind(file) === 'audio'
      ? { type: 'input_audio', input_audio: base64(file) }
      : { type: 'document_url', document_url: dataUrl(file), document_name: fileName(file) },
  // Behind its OpenAI surface a PDF goes where images go.
  gemini: (file) => (fileKind(file) === 'audio' ? audioPart(file) : urlPart(file)),
}

const userContent = (message: ChatMessage, words: FileWords): string | Json[] => {
  const parts = partsOf(message)
  if (parts.every((part) => 'text' in part)) return textOfMessage(message)
  return parts.map((part) => {
    if ('text' in part) return { type: 'text', text: part.text }
    return 'image' in part ? urlPart(part.image) : fileParts[words](part.file)
  })
}

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

const wireCall = ({ source, id, name, input }: WireCall, extras: Json): Json => {
  const extra = Object.hasOwn(extras, source.id) ? objectOf(extras[source.id]) : undefined
  const { thought_signature: signature, extra_content: content } = extra ?? {}
  return {
    id,
    type: 'function',
    function: {
      name,
      arguments: JSON.stringify(input),
      ...(signature === undefined ? {} : { thought_signature: signature }),
    },
    ...(content === undefined ? {} : { extra_content: content }),
  }
}

const assistantMessage = (message: ChatMessage, calls: readonly WireCall[], rules: MessageRules): Json => {
  // Only Gemini knows these fields; to others they are unknown, and some refuse those.
  const extras = rules.gemini ? callExtras(message.providerState) : {}
  const content = textOfMessage(message)
  return {
    role: 'assistant',
    ...(content === '' && calls.length > 0 ? {} : { content }),
    ...(message.thinking !== '' && rules.thinking ? { reasoning_content: message.thinking } : {}),
    ...(calls.length > 0 ? { tool_calls: calls.map((call) => wireCall(call, extras)) } : {}),
  }
}

const hasSignature = (message: ChatMessage): boolean =>
  Object.values(callExtras(message.providerState)).some((extra) => isObject(extra))

/** Turns whose calls cannot be sent lose them, and the results become one user text. */
const flattened = (
  messages: readonly ChatMessage[],
  canCall: (message: ChatMessage) => boolean,
): readonly ChatMessage[] => {
  const flat: ChatMessage[] = []
  for (let at = 0; at < messages.length; at++) {
    const message = messages[at]!
    if (message.role !== 'assistant' || message.toolCalls.length === 0 || canCall(message)) {
      flat.push(message)
      continue
    }
    if (textOfMessage(message) !== '') flat.push({ ...message, toolCalls: [] })
    const results: ChatMessage[] = []
    while (messages[at + 1]?.role === 'tool') results.push(messages[++at]!)
    if (results.length === 0) continue
    const text = results.map(textOfMessage).join('\n\n')
    flat.push(userMessage([...results.flatMap(mediaOf), { text }]))
  }
  return flat
}

const userTurn = (parts: readonly Part[]): Turn => ({ role: 'user', message: userMessage(parts) })

/** Tool results hold text only; their images and files follow the last result of a turn as a user message. */
export const withResultMedia = (turns: readonly Turn[]): Turn[] => {
  const out: Turn[] = []
  let media: Media[] = []
  const flush = (): void => {
    if (media.length > 0) out.push(userTurn(media))
    media = []
  }
  for (const turn of turns) {
    if (turn.role === 'tool') media.push(...mediaOf(turn.message))
    else flush()
    out.push(turn)
  }
  flush()
  return out
}

/** Turns of one role that follow each other as one. */
const joined = (turns: readonly Turn[]): Turn[] => {
  const out: Turn[] = []
  for (const turn of turns) {
    const last = out.at(-1)
    if (turn.role === 'user' && last?.role === 'user')
      out[out.length - 1] = userTurn([...partsOf(last.message), ...partsOf(turn.message)])
    else if (turn.role === 'assistant' && last?.role === 'assistant') {
      const content = `${textOfMessage(last.message)}\n\n${textOfMessage(turn.message)}`
      out[out.length - 1] = { ...last, message: { ...last.message, content, parts: [] } }
    } else out.push(turn)
  }
  return out
}

/** What stands for the text of an empty result. */
const noOutput = '(no output)'

const written = (turn: Turn, rules: MessageRules): Json => {
  if (turn.role === 'system') return { role: rules.systemRole, content: turn.text }
  if (turn.role === 'user') return { role: 'user', content: userContent(turn.message, rules.fileWords) }
  if (turn.role === 'assistant') return assistantMessage(turn.message, turn.calls, rules)
  return { role: 'tool', tool_call_id: turn.id, content: textOfMessage(turn.message) || noOutput }
}

/** The messages with an assistant's word wherever a user would follow tool results. */
const withAfterResults = (messages: readonly Json[], content: string): Json[] =>
  messages.flatMap((message, at) =>
    message['role'] === 'user' && messages[at - 1]?.['role'] === 'tool'
      ? [{ role: 'assistant', content }, message]
      : [message],
  )

/**
 * The `messages` of a chat completion request. @throws INVALID_REQUEST for an unknown role
 * Source: OpenAI API reference, "Create chat completion".
 */
export const openAiMessages = (messages: readonly ChatMessage[], rules: MessageRules): Json[] => {
  // Gemini refuses calls without their signatures.
  const canCall = rules.alternates ? () => false : rules.gemini ? hasSignature : () => true
  const asked = flattened(messages, canCall)
  const turns = withResultMedia(replayed(asked, { ids: rules.ids, nameLimit: openAiNameLimit }))
  const sent = (rules.alternates ? joined(turns) : turns).map((turn) => written(turn, rules))
  return rules.afterResults === '' ? sent : withAfterResults(sent, rules.afterResults)
}
