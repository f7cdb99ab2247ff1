/** Conversations in the shape of Anthropic's Messages API. */
import { MeshError } from '@clawmesh/contracts'
import type { ChatMessage, Image, ToolCall } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import { base64, withoutTrailingAssistant } from '../conversation.ts'
import { isObject, listOf, objectOf, parseJson, textOf, type Json } from '../json.ts'

const textBlock = (text: string): Json => ({ type: 'text', text })

const imageBlock = (image: Image): Json => ({
  type: 'image',
  source: { type: 'base64', media_type: image.mimeType, data: base64(image) },
})

/** Empty text blocks are refused upstream. */
const textBlocks = (text: string): Json[] => (text.trim() === '' ? [] : [textBlock(text)])

const userBlocks = ({ images, content }: ChatMessage): Json[] => [...images.map(imageBlock), ...textBlocks(content)]

const toolResult = (message: ChatMessage): Json => ({
  type: 'tool_result',
  tool_use_id: message.toolCallId,
  content: message.images.length > 0 ? userBlocks(message) : message.content,
  ...(message.isError ? { is_error: true } : {}),
})

const toolUse = (call: ToolCall): Json => ({
  type: 'tool_use',
  id: call.id,
  name: call.name,
  input: objectOf(parseJson(call.argumentsJson)) ?? {},
})

const signedTypes = new Set(['thinking', 'redacted_thinking'])

/** The provider_state of a turn: its raw blocks when it called tools after signed thinking, else ''. */
export const anthropicState = (blocks: readonly Json[]): string => {
  const has = (types: ReadonlySet<string>): boolean => blocks.some((block) => types.has(textOf(block['type'])))
  return has(signedTypes) && has(new Set(['tool_use'])) ? JSON.stringify({ anthropic: blocks }) : ''
}

/** The raw blocks of an assistant turn, if it has any and they are still about the same tool calls. */
export const signedBlocks = (message: ChatMessage): Json[] | undefined => {
  if (message.providerState === '') return undefined
  const state = objectOf(parseJson(message.providerState))
  const blocks = listOf(state?.['anthropic']).filter(isObject)
  const ids = blocks.filter((block) => block['type'] === 'tool_use').map((block) => textOf(block['id']))
  const same = ids.length === message.toolCalls.length && message.toolCalls.every((call) => ids.includes(call.id))
  return blocks.length > 0 && same ? blocks : undefined
}

const assistantBlocks = (message: ChatMessage): Json[] =>
  signedBlocks(message) ?? [...textBlocks(message.content), ...message.toolCalls.map(toolUse)]

const writers: Record<string, { role: 'user' | 'assistant'; blocks: (message: ChatMessage) => Json[] }> = {
  user: { role: 'user', blocks: userBlocks },
  assistant: { role: 'assistant', blocks: assistantBlocks },
  tool: { role: 'user', blocks: (message) => [toolResult(message)] },
}

const isSystem = ({ role }: ChatMessage): boolean => role === 'system' || role === 'developer'

export const cached = { cache_control: { type: 'ephemeral' } }

/** The `system` array: one block for every system message, wherever it stood; the last one marks the cache. */
export const anthropicSystem = (messages: readonly ChatMessage[]): Json[] => {
  const blocks = messages.filter(isSystem).flatMap(({ content }) => textBlocks(content))
  return blocks.map((block, at) => (at === blocks.length - 1 ? { ...block, ...cached } : block))
}

/**
 * The `messages` of a request. Neighbours of one role become one message: results of parallel calls must come together.
 * @throws INVALID_REQUEST for an unknown role. Source: Anthropic API reference, "Create a Message".
 */
export const anthropicMessages = (messages: readonly ChatMessage[]): { role: string; content: Json[] }[] => {
  const out: { role: string; content: Json[] }[] = []
  for (const message of withoutTrailingAssistant(messages.filter((each) => !isSystem(each)))) {
    const writer = Object.hasOwn(writers, message.role) ? writers[message.role] : undefined
    if (!writer)
      throw new MeshError('INVALID_REQUEST', 'error.invalid_request', {
        field: 'messages.role',
        reason: 'unknown role',
        role: message.role,
      })
    const blocks = writer.blocks(message)
    const last = out.at(-1)
    if (blocks.length === 0) continue
    if (last?.role === writer.role) last.content.push(...blocks)
    else out.push({ role: writer.role, content: blocks })
  }
  return out
}

/** Whether thinking may be asked for: a turn that waits for tool results must begin with its own signed thinking. */
export const mayThink = (messages: readonly ChatMessage[]): boolean => {
  const last = messages.findLast((message) => message.role !== 'tool' && !isSystem(message))
  return messages.at(-1)?.role !== 'tool' || last?.role !== 'assistant' || signedBlocks(last) !== undefined
}
