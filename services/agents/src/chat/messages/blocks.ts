/** Blocks of Anthropic's messages, read. Source: Anthropic API reference, "Create a Message". */
import { unsupportedParameter } from '@clawmesh/chassis'
import type { http, BodyOf } from '@clawmesh/contracts'
import type { StoredToolCall } from '../../sessions/types.ts'
import type { ForeignMessage, ForeignPart } from '../foreign-request.ts'

export type InputMessage = BodyOf<(typeof http.messages.operations)['createMessage']>['messages'][number]
type Block = Exclude<InputMessage['content'], string>[number]
type Image = Extract<Block, { type: 'image' }>
type Document = Extract<Block, { type: 'document' }>
type ToolUse = Extract<Block, { input: unknown }>
type ToolResult = Extract<Block, { tool_use_id: string }>

const unsupported = () => unsupportedParameter('messages')

const imageUrlOf = ({ source }: Image): string => {
  switch (source.type) {
    case 'base64':
      return `data:${source.media_type};base64,${source.data}`
    case 'url':
      return source.url
    case 'file':
      throw unsupported()
  }
}

const asTextUrl = (text: string): string => `data:text/plain;base64,${Buffer.from(text).toString('base64')}`

/** @throws UNSUPPORTED_PARAMETER for one that is stored with Anthropic, and for images in one */
const documentUrlOf = ({ source }: Document): string => {
  switch (source.type) {
    case 'base64':
      return `data:${source.media_type};base64,${source.data}`
    case 'text':
      return asTextUrl(source.data)
    case 'content': {
      if (typeof source.content === 'string') return asTextUrl(source.content)
      const texts = source.content.map((block) => ('text' in block ? String(block['text']) : undefined))
      if (texts.includes(undefined)) throw unsupported()
      return asTextUrl(texts.join('\n'))
    }
    case 'url':
      return source.url
    case 'file':
      throw unsupported()
  }
}

/** A document, what is to be known of it before it. */
const documentOf = (block: Document): ForeignPart[] => {
  const { title, context } = block
  const file = { file: { url: documentUrlOf(block), name: title ?? '' } }
  return context == null || context === '' ? [file] : [{ text: context }, file]
}

/** @throws UNSUPPORTED_PARAMETER for what is neither text, image nor document */
const partOf = (block: Block): ForeignPart[] => {
  if (block.type === 'text' && typeof block['text'] === 'string') return [{ text: block['text'] }]
  if (block.type === 'image' && 'source' in block) return [{ imageUrl: imageUrlOf(block as Image) }]
  if (block.type === 'document' && 'source' in block) return documentOf(block as Document)
  throw unsupported()
}

const partsOf = (content: ToolResult['content']): ForeignPart[] => {
  if (typeof content === 'string') return content === '' ? [] : [{ text: content }]
  return (content ?? []).flatMap((block) => partOf(block as Block))
}

const isMarked = (block: Block): boolean => 'cache_control' in block && block['cache_control'] != null
const marked = (blocks: readonly Block[]) => (blocks.some(isMarked) ? { cacheMark: true } : {})

const isResult = (block: Block): block is ToolResult => block.type === 'tool_result' && 'tool_use_id' in block
const isCall = (block: Block): block is ToolUse => block.type === 'tool_use' && 'input' in block
const isThought = ({ type }: Block): boolean => type === 'thinking' || type === 'redacted_thinking'

const resultOf = (block: ToolResult): ForeignMessage => ({
  role: 'tool',
  content: partsOf(block.content),
  toolCallId: block.tool_use_id,
  ...(block.is_error === true ? { isError: true } : {}),
  ...marked([block]),
})

/** Results of tools are messages of their own; what is said between them is one, too. */
const saidByUser = (blocks: readonly Block[]): ForeignMessage[] => {
  const messages: ForeignMessage[] = []
  let said: Block[] = []
  const flush = () => {
    if (said.length > 0) messages.push({ role: 'user', content: said.flatMap(partOf), ...marked(said) })
    said = []
  }
  for (const block of blocks) {
    if (isResult(block)) {
      flush()
      messages.push(resultOf(block))
    } else said.push(block)
  }
  flush()
  return messages
}

const callOf = ({ id, name, input }: ToolUse): StoredToolCall => ({ id, name, arguments: input })

/** Thoughts are passed over: the session has those of its own turns. */
const saidByAssistant = (blocks: readonly Block[]): ForeignMessage => ({
  role: 'assistant',
  content: blocks.filter((block) => !isCall(block) && !isThought(block)).flatMap(partOf),
  toolCalls: blocks.filter(isCall).map(callOf),
  ...marked(blocks),
})

/** What a message adds to a conversation. @throws UNSUPPORTED_PARAMETER for blocks of other kinds */
export const messagesOf = ({ role, content }: InputMessage): ForeignMessage[] => {
  const blocks = typeof content === 'string' ? [{ type: 'text' as const, text: content }] : content
  return role === 'user' ? saidByUser(blocks) : [saidByAssistant(blocks)]
}
