/**
 * Answers of the Anthropic wire, streamed or whole. A stream is complete at message_stop and not before.
 * Source: Anthropic documentation, "Streaming messages".
 */
import type { Usage } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import type { Target } from '../../connection.ts'
import { cutOff, failureOfBody, isErrorBody, UpstreamFailure } from '../failure.ts'
import { settleFinish, type Finish } from '../finish.ts'
import { countOf, isObject, listOf, objectOf, parseJson, textOf, type Json } from '../json.ts'
import { finishedCall, withDistinctIds } from '../tool-calls.ts'
import { textDelta, thinkingDelta, toolCallDelta, type ChatCall, type Decoder, type Emit } from '../wire.ts'
import { anthropicState } from './messages.ts'

const finishes: Record<string, Finish> = {
  end_turn: 'stop',
  stop_sequence: 'stop',
  tool_use: 'tool_calls',
  max_tokens: 'length',
  model_context_window_exceeded: 'length',
  refusal: 'filtered',
}

const charactersPerToken = 4

interface Block {
  /** The block as Anthropic sends it, grown by its deltas; what is sent back later. */
  raw: Json
  /** Arguments of a tool call as they are written. */
  inputText: string
  /** Place among the tool calls of the turn. */
  callIndex: number
}

/** The counts that a usage object has; message_delta repeats some of message_start's, cumulative. */
const addUsage = (usage: Usage, fields: unknown): void => {
  if (!isObject(fields)) return
  usage.inputTokens = countOf(fields['input_tokens']) || usage.inputTokens
  usage.outputTokens = countOf(fields['output_tokens']) || usage.outputTokens
  usage.cacheReadTokens = countOf(fields['cache_read_input_tokens']) || usage.cacheReadTokens
  usage.cacheCreationTokens = countOf(fields['cache_creation_input_tokens']) || usage.cacheCreationTokens
}

/** A decoder of one message. */
export const createAnthropicDecoder = (_target: Target, _call: ChatCall, emit: Emit): Decoder => {
  const blocks = new Map<number, Block>()
  const usage: Usage = {
    inputTokens: 0,
    outputTokens: 0,
    cacheReadTokens: 0,
    cacheCreationTokens: 0,
    thinkingTokens: 0,
  }
  let usageSeen = false
  let content = ''
  let thinking = ''
  let model = ''
  let stopReason = ''
  let callCount = 0
  let terminated = false

  const addText = (block: Block, text: string): void => {
    block.raw['text'] = textOf(block.raw['text']) + text
    if (text === '') return
    content += text
    emit(textDelta(text))
  }
  const addThinking = (block: Block, text: string): void => {
    block.raw['thinking'] = textOf(block.raw['thinking']) + text
    if (text === '') return
    thinking += text
    emit(thinkingDelta(text))
  }

  const open = (index: number, start: Json): Block => {
    const block: Block = { raw: { ...start }, inputText: '', callIndex: -1 }
    blocks.set(index, block)
    const type = start['type']
    if (type === 'text') {
      block.raw['text'] = ''
      addText(block, textOf(start['text']))
    } else if (type === 'thinking') {
      block.raw['thinking'] = ''
      addThinking(block, textOf(start['thinking']))
    } else if (type === 'tool_use') {
      block.callIndex = callCount++
      emit(toolCallDelta(block.callIndex, textOf(start['id']), textOf(start['name']), ''))
    }
    return block
  }

  const deltas: Record<string, (block: Block, delta: Json) => void> = {
    text_delta: (block, delta) => addText(block, textOf(delta['text'])),
    thinking_delta: (block, delta) => addThinking(block, textOf(delta['thinking'])),
    signature_delta: (block, delta) => {
      block.raw['signature'] = textOf(block.raw['signature']) + textOf(delta['signature'])
    },
    input_json_delta: (block, delta) => {
      const text = textOf(delta['partial_json'])
      if (text === '' || block.callIndex < 0) return
      block.inputText += text
      emit(toolCallDelta(block.callIndex, '', '', text))
    },
  }
  const blockTypeOfDelta: Record<string, string> = { text_delta: 'text', thinking_delta: 'thinking' }

  const addUsageOf = (fields: unknown): void => {
    if (isObject(fields)) usageSeen = true
    addUsage(usage, fields)
  }

  const handlers: Record<string, (body: Json) => void> = {
    message_start: (body) => {
      const message = objectOf(body['message'])
      model = textOf(message?.['model'])
      addUsageOf(message?.['usage'])
    },
    content_block_start: (body) => {
      open(Number(body['index']), objectOf(body['content_block']) ?? {})
    },
    content_block_delta: (body) => {
      const delta = objectOf(body['delta'])
      const type = textOf(delta?.['type'])
      const apply = Object.hasOwn(deltas, type) ? deltas[type] : undefined
      // New kinds of deltas and events may be added at any time and are to be passed over.
      if (!delta || !apply) return
      const index = Number(body['index'])
      const block = blocks.get(index) ?? (blockTypeOfDelta[type] && open(index, { type: blockTypeOfDelta[type] }))
      if (!block) throw cutOff('delta of a block that was not started')
      apply(block, delta)
    },
    message_delta: (body) => {
      stopReason = textOf(objectOf(body['delta'])?.['stop_reason']) || stopReason
      addUsageOf(body['usage'])
    },
    message_stop: () => {
      terminated = true
    },
  }

  /** A block as it is sent back: with the input its deltas spelled out. */
  const finishedBlock = ({ raw, inputText }: Block): Json =>
    inputText === '' ? raw : { ...raw, input: objectOf(parseJson(inputText)) ?? {} }

  const finishedCalls = (finished: Block[]) =>
    finished
      .filter(({ callIndex }) => callIndex >= 0)
      .map(({ raw, inputText }) =>
        finishedCall(textOf(raw['id']), textOf(raw['name']), inputText || JSON.stringify(raw['input'] ?? {})),
      )

  return {
    event(data, name) {
      const body = parseJson(data)
      if (!isObject(body)) throw cutOff('event is not a JSON object')
      const type = textOf(body['type']) || (name ?? '')
      if (type === 'error' || isErrorBody(body)) throw failureOfBody(body)
      if (Object.hasOwn(handlers, type)) handlers[type]!(body)
      return terminated
    },
    whole(body) {
      if (!Array.isArray(body['content'])) throw new UpstreamFailure('failed', 'answer without content')
      model = textOf(body['model'])
      addUsageOf(body['usage'])
      stopReason = textOf(body['stop_reason'])
      listOf(body['content']).forEach((value, index) => {
        const start = objectOf(value)
        if (!start) return
        const block = open(index, start)
        if (block.callIndex >= 0) emit(toolCallDelta(block.callIndex, '', '', JSON.stringify(start['input'] ?? {})))
      })
      terminated = true
    },
    answer() {
      if (!terminated) throw cutOff('stream ended without message_stop')
      const finished = [...blocks.entries()].sort(([a], [b]) => a - b).map(([, block]) => block)
      const toolCalls = withDistinctIds(finishedCalls(finished))
      usage.thinkingTokens = Math.floor(thinking.length / charactersPerToken)
      return {
        content,
        thinking,
        toolCalls,
        finishReason: settleFinish(finishes[stopReason] ?? 'stop', stopReason, toolCalls.length > 0),
        usage: usageSeen ? usage : undefined,
        model,
        providerState: anthropicState(finished.map(finishedBlock)),
      }
    },
  }
}
