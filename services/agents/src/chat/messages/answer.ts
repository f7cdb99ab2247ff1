/** Messages of Anthropic, written. Sources: Anthropic API reference, "Create a Message"; documentation, "Streaming messages". */
import { errorBody, type Locale } from '@clawmesh/contracts'
import type { ClientToolCall, RunResult, ToolCallPiece, Usage } from '../../runs/types.ts'
import { storedCall } from '../tool-arguments.ts'
import type { EventFrame, RunWriter } from '../run-stream.ts'

const idOf = (runId: string): string => `msg_${runId.replaceAll('-', '')}`

/** Clients send it back with the thought; whose it is, the session knows. */
const signatureOf = (runId: string): string => `clawmesh-${runId}`

/** Cached input is counted beside the other. */
const usageOf = (usage: Usage | undefined) => {
  const { inputTokens = 0, cacheCreationTokens = 0, cacheReadTokens = 0, outputTokens = 0 } = usage ?? {}
  return {
    input_tokens: Math.max(0, inputTokens - cacheCreationTokens - cacheReadTokens),
    cache_creation_input_tokens: cacheCreationTokens,
    cache_read_input_tokens: cacheReadTokens,
    output_tokens: outputTokens,
  }
}

const stopReasons = { stop: 'end_turn', length: 'max_tokens', tool_calls: 'tool_use' } as const

const textBlock = (text: string) => ({ type: 'text' as const, text, citations: null })
const thinkingBlock = (thinking: string, signature: string) => ({ type: 'thinking' as const, thinking, signature })
const toolUseBlock = ({ id, name, argumentsJson }: ClientToolCall) => ({
  type: 'tool_use' as const,
  id,
  name,
  input: storedCall(id, name, argumentsJson).arguments,
})

interface Shown {
  model: string
  showsThinking: boolean
}

const contentOf = ({ runId, content, thinking, toolCalls }: RunResult, { showsThinking }: Shown) => [
  ...(showsThinking && thinking !== '' ? [thinkingBlock(thinking, signatureOf(runId))] : []),
  // What is said last is said even when it is nothing.
  ...(content === '' && toolCalls.length > 0 ? [] : [textBlock(content)]),
  ...toolCalls.map(toolUseBlock),
]

/** A turn that has ended, as one message. */
export const wholeMessage = (result: RunResult, shown: Shown) => ({
  id: idOf(result.runId),
  type: 'message' as const,
  role: 'assistant' as const,
  model: shown.model,
  content: contentOf(result, shown),
  stop_reason: stopReasons[result.finishReason],
  stop_sequence: null,
  usage: usageOf(result.usage),
})

const frame = (type: string, fields: object = {}): EventFrame => ({
  event: type,
  data: JSON.stringify({ type, ...fields }),
})

type BlockType = 'text' | 'thinking' | 'tool_use'

const deltas = {
  text: (text: string) => ({ type: 'text_delta', text }),
  thinking: (thinking: string) => ({ type: 'thinking_delta', thinking }),
  tool_use: (text: string) => ({ type: 'input_json_delta', partial_json: text }),
}

/** The blocks of a message one after the other, as frames. */
const createBlocks = (signature: string) => {
  let index = -1
  let open: BlockType | undefined

  const close = (): EventFrame[] => {
    if (open === undefined) return []
    const signed =
      open === 'thinking'
        ? [frame('content_block_delta', { index, delta: { type: 'signature_delta', signature } })]
        : []
    open = undefined
    return [...signed, frame('content_block_stop', { index })]
  }
  const start = (block: { type: BlockType }): EventFrame[] => {
    const closing = close()
    open = block.type
    index++
    return [...closing, frame('content_block_start', { index, content_block: block })]
  }

  return {
    close,
    start,
    isOpen: (type: BlockType) => open === type,
    hasBegun: () => index >= 0,
    grow: (type: BlockType, delta: string): EventFrame[] =>
      delta === '' ? [] : [frame('content_block_delta', { index, delta: deltas[type](delta) })],
  }
}

/** Calls of which only one can be written at a time: those after the first wait for the end. */
const createCalls = (blocks: ReturnType<typeof createBlocks>) => {
  const calls = new Map<number, ToolCallPiece>()
  const begin = ({ id, name, argumentsDelta }: ToolCallPiece): EventFrame[] => [
    ...blocks.start(toolUseBlock({ id, name, argumentsJson: '' })),
    ...blocks.grow('tool_use', argumentsDelta),
  ]
  let first: number | undefined
  return {
    take: (piece: ToolCallPiece): EventFrame[] => {
      first ??= piece.index
      if (piece.index === first) return piece.id === '' ? blocks.grow('tool_use', piece.argumentsDelta) : begin(piece)
      const call = calls.get(piece.index)
      const text = (call?.argumentsDelta ?? '') + piece.argumentsDelta
      calls.set(piece.index, { ...(call ?? piece), argumentsDelta: text })
      return []
    },
    rest: (): EventFrame[] => [...calls.values()].flatMap(begin),
  }
}

interface WriterOptions extends Shown {
  locale: Locale
  requestId: string
}

/** Writes a turn as the events of a message. */
export const messageWriter =
  ({ locale, requestId, ...shown }: WriterOptions) =>
  (runId: string): RunWriter => {
    const blocks = createBlocks(signatureOf(runId))
    const calls = createCalls(blocks)
    const say = (type: 'text' | 'thinking', delta: string): EventFrame[] => [
      ...(blocks.isOpen(type) ? [] : blocks.start(type === 'text' ? textBlock('') : thinkingBlock('', ''))),
      ...blocks.grow(type, delta),
    ]
    const empty: RunResult = {
      runId,
      content: '',
      thinking: '',
      finishReason: 'stop',
      toolCalls: [],
      media: [],
      usage: undefined,
    }
    return {
      open: () => [
        frame('message_start', { message: { ...wholeMessage(empty, shown), content: [], stop_reason: null } }),
        frame('ping'),
      ],
      text: (delta) => say('text', delta),
      ...(shown.showsThinking ? { thinking: (delta: string) => say('thinking', delta) } : {}),
      toolCall: calls.take,
      // A call may still be written while tools of the agent run.
      busy: () => [...(blocks.isOpen('tool_use') ? [] : blocks.close()), frame('ping')],
      end: ({ finishReason, usage }) => [
        ...calls.rest(),
        ...(blocks.hasBegun() ? [] : blocks.start(textBlock(''))),
        ...blocks.close(),
        frame('message_delta', {
          delta: { stop_reason: stopReasons[finishReason], stop_sequence: null },
          usage: usageOf(usage),
        }),
        frame('message_stop'),
      ],
      fail: (error) => [{ event: 'error', data: JSON.stringify(errorBody(error, locale, 'anthropic', requestId)) }],
    }
  }
