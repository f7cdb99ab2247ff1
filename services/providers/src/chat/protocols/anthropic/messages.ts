/** Conversations in the shape of Anthropic's Messages API. */
import type { ChatMessage, Image, MediaFile } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import { base64, partsOf, textOfMessage, type Part } from '../conversation.ts'
import { fileKind, fileName, textOfFile } from '../files.ts'
import { isObject, listOf, objectOf, parseJson, textOf, wellFormed, type Json } from '../json.ts'
import { idRules, type ReplayRules, type Turn, type WireCall } from '../replay.ts'

export const anthropicRules: ReplayRules = { ids: idRules.anthropic, nameLimit: 128 }

const textBlock = (text: string): Json => ({ type: 'text', text })

const imageBlock = (image: Image): Json => ({
  type: 'image',
  source: { type: 'base64', media_type: image.mimeType, data: base64(image) },
})

/** Source: Anthropic API reference, "PDF support". */
const documentBlock = (file: MediaFile): Json => {
  const isText = fileKind(file) === 'text'
  const source = isText
    ? { type: 'text', media_type: 'text/plain', data: textOfFile(file) }
    : { type: 'base64', media_type: file.mimeType, data: base64(file) }
  return { type: 'document', source, title: fileName(file) }
}

/** A text, an image or a document as Anthropic has them. */
export const contentBlock = (part: Part): Json => {
  if ('text' in part) return textBlock(part.text)
  return 'image' in part ? imageBlock(part.image) : documentBlock(part.file)
}

/** Empty text blocks are refused upstream. */
const textBlocks = (text: string): Json[] => (text.trim() === '' ? [] : [textBlock(text)])

const contentBlocks = (message: ChatMessage): Json[] => partsOf(message).map(contentBlock)

/** What stands for an empty result: an error without a content is refused upstream. */
const noOutput = '(no output)'

const toolResult = (message: ChatMessage, id: string): Json => {
  const blocks = contentBlocks(message)
  const plain = blocks.length === 1 && blocks[0]!['type'] === 'text'
  return {
    type: 'tool_result',
    tool_use_id: id,
    content: blocks.length === 0 ? noOutput : plain ? textOfMessage(message) : blocks,
    ...(message.isError ? { is_error: true } : {}),
  }
}

const toolUse = ({ id, name, input }: WireCall): Json => ({ type: 'tool_use', id, name, input })

/** Thinking as it is sent back; undefined without what proves it to be the model's own. */
const signedForms: Record<string, (block: Json) => Json | undefined> = {
  thinking: ({ thinking, signature }) =>
    textOf(signature) === '' ? undefined : { type: 'thinking', thinking: textOf(thinking), signature },
  redacted_thinking: ({ data }) => (textOf(data) === '' ? undefined : { type: 'redacted_thinking', data }),
}

const signedForm = (block: Json): Json | undefined => {
  const type = textOf(block['type'])
  return Object.hasOwn(signedForms, type) ? signedForms[type]!(block) : undefined
}
const isSigned = (block: Json): boolean => signedForm(block) !== undefined

/** The provider_state of a turn: its raw blocks when it called tools after signed thinking, else ''. */
export const anthropicState = (blocks: readonly Json[]): string => {
  const signed = blocks.some(isSigned)
  return signed && blocks.some((block) => block['type'] === 'tool_use') ? JSON.stringify({ anthropic: blocks }) : ''
}

/** The raw blocks of an assistant turn, if it has any and they are still about the same tool calls. */
const rawBlocks = (message: ChatMessage): Json[] | undefined => {
  if (message.providerState === '') return undefined
  const state = objectOf(parseJson(message.providerState))
  const blocks = listOf(state?.['anthropic']).filter(isObject)
  const ids = blocks.filter((block) => block['type'] === 'tool_use').map((block) => textOf(block['id']))
  const distinct = new Set(ids).size === ids.length
  const same =
    distinct && ids.length === message.toolCalls.length && message.toolCalls.every((call) => ids.includes(call.id))
  return blocks.length > 0 && same ? blocks : undefined
}

/** Raw blocks as they can be sent: the fields that requests may have, ids and names as those of the other turns. */
const resentBlocks = (blocks: readonly Json[], calls: readonly WireCall[]): Json[] => {
  const byId = new Map(calls.map((call) => [call.source.id, call]))
  return blocks.flatMap((block): Json[] => {
    if (block['type'] === 'text') return textBlocks(textOf(block['text']))
    if (block['type'] !== 'tool_use') return [signedForm(block) ?? []].flat()
    const input = wellFormed(objectOf(block['input']) ?? {}) as Json
    return [toolUse({ ...byId.get(textOf(block['id']))!, input })]
  })
}

const assistantBlocks = (message: ChatMessage, calls: readonly WireCall[]): Json[] => {
  const raw = rawBlocks(message)
  return raw ? resentBlocks(raw, calls) : [...textBlocks(textOfMessage(message)), ...calls.map(toolUse)]
}

/** What marks the end of what a prompt cache keeps. A shorter time may not come before a longer one, so all have the same. */
export const cacheMark = (ttl: string | undefined): Json => ({
  cache_control: { type: 'ephemeral', ...(ttl === undefined ? {} : { ttl }) },
})

/** A request has four marks at most; prompt and tools take two. */
const mostMarkedTurns = 2

/** The `system` array: one block for every system message, wherever it stood; the last one marks the cache. */
export const anthropicSystem = (turns: readonly Turn[], ttl?: string): Json[] => {
  const blocks = turns.flatMap((turn) => (turn.role === 'system' ? [textBlock(turn.text)] : []))
  return withMark(blocks, cacheMark(ttl))
}

/** What a conversation begins with whose beginning was cut off: the first message must be a user's. */
const opening = textBlock('(The beginning of this conversation is left out.)')

const blocksOf = (turn: Turn): { role: 'user' | 'assistant'; blocks: Json[] } => {
  if (turn.role === 'assistant') return { role: 'assistant', blocks: assistantBlocks(turn.message, turn.calls) }
  if (turn.role === 'tool') return { role: 'user', blocks: [toolResult(turn.message, turn.id)] }
  return { role: 'user', blocks: turn.role === 'user' ? contentBlocks(turn.message) : [] }
}

const isMarked = (turn: Turn): boolean => turn.role !== 'system' && turn.message.cacheMark === true

/** Blocks of which the last one is marked. */
const withMark = (blocks: readonly Json[], mark: Json): Json[] =>
  blocks.map((block, at) => (at === blocks.length - 1 ? { ...block, ...mark } : block))

/**
 * The turns at whose end the cache is told to keep what came before: those that the caller has marked. Of a conversation
 * where nobody has marked any, the last, for the call after this one, and the last that the call before this one knew.
 */
const keptTurns = (turns: readonly Turn[], isConversation: boolean): ReadonlySet<Turn> => {
  const said = turns.filter(({ role }) => role !== 'system')
  const marked = said.filter(isMarked).slice(-mostMarkedTurns)
  if (marked.length > 0 || !isConversation) return new Set(marked)
  const beforeAnswer = said[said.findLastIndex(({ role }) => role === 'assistant') - 1]
  return new Set(
    [beforeAnswer, said.at(-1)].filter((turn) => turn !== undefined && turn.role !== 'assistant') as Turn[],
  )
}

interface CacheWish {
  ttl?: string | undefined
  /** Whether another call is likely to go on where this one ends. */
  isConversation: boolean
}

/**
 * The `messages` of a request. Neighbours of one role become one message: results of parallel calls must come together.
 * Source: Anthropic API reference, "Create a Message".
 */
export const anthropicMessages = (
  turns: readonly Turn[],
  { ttl, isConversation }: CacheWish,
): { role: string; content: Json[] }[] => {
  const out: { role: string; content: Json[] }[] = []
  const kept = keptTurns(turns, isConversation)
  for (const turn of turns) {
    const { role, blocks: plain } = blocksOf(turn)
    const blocks = kept.has(turn) ? withMark(plain, cacheMark(ttl)) : plain
    const last = out.at(-1)
    if (blocks.length === 0) continue
    if (last?.role === role) last.content.push(...blocks)
    else out.push({ role, content: blocks })
  }
  return out[0]?.role === 'assistant' ? [{ role: 'user', content: [opening] }, ...out] : out
}

/** Whether thinking may be asked for: a turn that waits for tool results must begin with its own signed thinking. */
export const mayThink = (messages: readonly ChatMessage[]): boolean => {
  const at = messages.findLastIndex(({ role }) => role === 'assistant')
  // What is said behind the results goes into the same message as they.
  const isAnswered = messages.slice(at + 1).some(({ role }) => role === 'tool')
  return at === -1 || !isAnswered || (rawBlocks(messages[at]!) ?? []).some(isSigned)
}
