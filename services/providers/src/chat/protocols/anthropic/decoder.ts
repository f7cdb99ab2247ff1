/**
 * Answers of the Anthropic wire, streamed or whole. A stream is complete at message_stop and not before.
 * Source: Anthropic documentation, "Streaming messages".
 */
import type { Usage } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import type { Target } from '../../../providers/connection.ts'
import { checkTextLength } from '../answer-texts.ts'
import { boundedId, boundedText, bounds, createPieceJoiner, type PieceJoiner } from '../bounds.ts'
import { readEvent } from '../events.ts'
import { cutOff, UpstreamFailure } from '../failure.ts'
import { settleFinish } from '../finish.ts'
import { countOf, createJsonScan, isObject, listOf, objectOf, parseJson, textOf } from '../json.ts'
import type { Json, JsonScan } from '../json.ts'
import { checkArguments, checkCallCount, finishedCalls } from '../tool-calls.ts'
import { realNames } from '../tool-names.ts'
import { readVendorError } from '../vendor-error.ts'
import { textDelta, thinkingDelta, toolCallDelta, type ChatCall, type Decoder, type Emit } from '../protocol.ts'
import { anthropicRules, anthropicState } from './messages.ts'

const charactersPerToken = 4

interface Block {
  /** The block as Anthropic sends it, grown by its deltas; what is sent back later. */
  raw: Json
  /** Arguments of a tool call as they are written. */
  inputText: string
  /** Place among the tool calls of the turn. */
  callIndex: number
  pieces: PieceJoiner
  scan: JsonScan
}

/** The counts that a usage object has; message_delta repeats some of message_start's, cumulative. */
const addUsage = (usage: Usage, fields: unknown): void => {
  if (!isObject(fields)) return
  usage.inputTokens = countOf(fields['input_tokens']) || usage.inputTokens
  usage.outputTokens = countOf(fields['output_tokens']) || usage.outputTokens
  usage.cacheReadTokens = countOf(fields['cache_read_input_tokens']) || usage.cacheReadTokens
  usage.cacheCreationTokens = countOf(fields['cache_creation_input_tokens']) || usage.cacheCreationTokens
}

/** Anthropic counts what it reads from and writes to the cache beside the other input; here they are parts of it. */
const wholeUsage = (usage: Usage): Usage => ({
  ...usage,
  inputTokens: countOf(usage.inputTokens + usage.cacheReadTokens + usage.cacheCreationTokens),
})

/** A decoder of one message. */
export const createAnthropicDecoder = (_target: Target, call: ChatCall, emit: Emit): Decoder => {
  const realName = realNames(call.tools, anthropicRules.nameLimit)
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

  const addText = (block: Block, piece: string): void => {
    const text = block.pieces.take(piece)
    block.raw['text'] = textOf(block.raw['text']) + text
    if (text === '') return
    content += text
    checkTextLength(content)
    emit(textDelta(text))
  }
  const addThinking = (block: Block, piece: string): void => {
    const text = block.pieces.take(piece)
    block.raw['thinking'] = textOf(block.raw['thinking']) + text
    if (text === '') return
    thinking += text
    checkTextLength(thinking)
    emit(thinkingDelta(text))
  }

  /** What a half character at the very end of a block is shown as. */
  const addRest = (block: Block): void => {
    const rest = block.pieces.rest()
    if (rest === '') return
    if (block.callIndex >= 0) block.inputText += rest
    else if (block.raw['type'] === 'thinking') addThinking(block, rest)
    else addText(block, rest)
  }

  const open = (index: number, start: Json): Block => {
    const block: Block = {
      raw: { ...start },
      inputText: '',
      callIndex: -1,
      pieces: createPieceJoiner(),
      scan: createJsonScan(),
    }
    blocks.set(index, block)
    if (blocks.size > bounds.blocks)
      throw new UpstreamFailure('failed', `answer with more than ${bounds.blocks} blocks`)
    const type = start['type']
    if (type === 'text') {
      block.raw['text'] = ''
      addText(block, textOf(start['text']))
    } else if (type === 'thinking') {
      block.raw['thinking'] = ''
      addThinking(block, textOf(start['thinking']))
    } else if (type === 'tool_use') {
      block.callIndex = callCount++
      checkCallCount(callCount)
      const id = boundedId(textOf(start['id']))
      const name = realName(boundedText(textOf(start['name']).trim(), bounds.toolName))
      block.raw = { ...block.raw, id, name }
      emit(toolCallDelta(block.callIndex, id, name, ''))
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
      if (block.callIndex < 0) return
      const text = block.pieces.take(textOf(delta['partial_json']))
      if (text === '') return
      block.inputText += text
      checkArguments(block.inputText.length, !block.scan.add(text))
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
      model = boundedText(textOf(message?.['model']), bounds.model)
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
      stopReason = boundedText(textOf(objectOf(body['delta'])?.['stop_reason']), bounds.finishReason) || stopReason
      addUsageOf(body['usage'])
    },
    message_stop: () => {
      terminated = true
    },
  }

  /** A block as it is sent back: with the input its deltas spelled out. */
  const finishedBlock = ({ raw, inputText }: Block): Json =>
    inputText === '' ? raw : { ...raw, input: objectOf(parseJson(inputText)) ?? {} }

  const callsOf = (finished: Block[]) =>
    finishedCalls(
      finished
        .filter(({ callIndex }) => callIndex >= 0)
        .map(({ raw, inputText }) => ({
          id: textOf(raw['id']),
          name: textOf(raw['name']),
          argumentsText: inputText || JSON.stringify(raw['input'] ?? {}),
        })),
    )

  return {
    event(data, name) {
      const body = readEvent(data, name)
      if (!body) return false
      const type = textOf(body['type']) || (name ?? '')
      if (Object.hasOwn(handlers, type)) handlers[type]!(body)
      return terminated
    },
    whole(body) {
      if (!Array.isArray(body['content'])) {
        const { message } = readVendorError(body)
        throw new UpstreamFailure('failed', `answer without content${message === '' ? '' : `: ${message}`}`)
      }
      model = boundedText(textOf(body['model']), bounds.model)
      addUsageOf(body['usage'])
      stopReason = boundedText(textOf(body['stop_reason']), bounds.finishReason)
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
      for (const block of blocks.values()) addRest(block)
      const finished = [...blocks.entries()].sort(([a], [b]) => a - b).map(([, block]) => block)
      const toolCalls = callsOf(finished)
      usage.thinkingTokens = Math.floor(thinking.length / charactersPerToken)
      return {
        content,
        thinking,
        toolCalls,
        // A message that stopped says why; one that does not say so was whole, or message_stop would not have come.
        finishReason: settleFinish(stopReason || 'end_turn', toolCalls.length > 0),
        usage: usageSeen ? wholeUsage(usage) : undefined,
        model,
        providerState: anthropicState(finished.map(finishedBlock)),
      }
    },
  }
}
