/** Answers of the Responses wire. Source: OpenAI API reference, "Streaming events". */
import type { Usage } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import type { Target } from '../../../providers/connection.ts'
import { createAnswerTexts } from '../answer-texts.ts'
import { boundedText, bounds } from '../bounds.ts'
import { readEvent } from '../events.ts'
import { cutOff, failureOfBody } from '../failure.ts'
import { settleFinish } from '../finish.ts'
import { countOf, listOf, objectOf, textOf, type Json } from '../json.ts'
import { undoStrict } from '../openai/decoder.ts'
import type { ChatCall, Decoder, Emit } from '../protocol.ts'
import { createToolCallAssembly } from '../tool-calls.ts'
import { realNames } from '../tool-names.ts'
import { codexNameLimit, codexState } from './input.ts'

const readUsage = (usage: Json): Usage => {
  const inputTokens = countOf(usage['input_tokens'])
  return {
    inputTokens,
    outputTokens: countOf(usage['output_tokens']),
    cacheReadTokens: Math.min(countOf(objectOf(usage['input_tokens_details'])?.['cached_tokens']), inputTokens),
    cacheCreationTokens: 0,
    thinkingTokens: countOf(objectOf(usage['output_tokens_details'])?.['reasoning_tokens']),
  }
}

const textsOf = (parts: unknown, type: string): string =>
  listOf(parts)
    .map((part) => objectOf(part))
    .map((part) => (part?.['type'] === type ? textOf(part['text']) : ''))
    .join('')

/** A decoder of one response. */
export const createCodexDecoder = (target: Target, call: ChatCall, emit: Emit): Decoder => {
  const calls = createToolCallAssembly(emit, realNames(call.tools, codexNameLimit))
  const texts = createAnswerTexts(emit)
  /** Items whose text came in deltas. */
  const streamed = new Set<unknown>()
  let phase = ''
  let model = ''
  let finish = ''
  let usage: Usage | undefined

  const addCall = (index: unknown, fields: Json): void => calls.add([{ index, function: {}, ...fields }])

  /** A finished item; what came of it in deltas is not taken twice. */
  const takeItem = (item: Json, at: unknown): void => {
    const isNew = !streamed.has(at)
    if (item['type'] === 'message') {
      phase = textOf(item['phase']) || phase
      if (isNew) texts.content.take(textsOf(item['content'], 'output_text') || textsOf(item['content'], 'refusal'))
    } else if (item['type'] === 'reasoning') {
      if (isNew) texts.thinking.take(textsOf(item['summary'], 'summary_text'))
    } else if (item['type'] === 'function_call' && isNew) {
      const { name, arguments: text } = item
      addCall(at, { id: item['call_id'], function: { name, arguments: text } })
    }
  }

  const takeEnd = (response: Json, status: string): void => {
    if (status === 'failed') throw failureOfBody({ error: response['error'] ?? { message: 'response failed' } })
    if (status === 'cancelled') throw cutOff('response was cancelled')
    model = boundedText(textOf(response['model']), bounds.model)
    const counts = objectOf(response['usage'])
    if (counts) usage = readUsage(counts)
    const reason = textOf(objectOf(response['incomplete_details'])?.['reason'])
    finish = status === 'incomplete' ? reason || 'length' : 'stop'
  }

  const events: Record<string, (body: Json) => void> = {
    'response.output_text.delta': (body) => {
      streamed.add(body['output_index'])
      texts.content.take(textOf(body['delta']))
    },
    'response.refusal.delta': (body) => {
      streamed.add(body['output_index'])
      texts.content.take(textOf(body['delta']))
    },
    'response.reasoning_summary_text.delta': (body) => {
      streamed.add(body['output_index'])
      texts.thinking.take(textOf(body['delta']))
    },
    'response.output_item.added': ({ item, output_index: at }) => {
      const fields = objectOf(item)
      if (fields?.['type'] !== 'function_call') return
      streamed.add(at)
      addCall(at, { id: fields['call_id'], function: { name: fields['name'], arguments: '' } })
    },
    'response.function_call_arguments.delta': ({ delta, output_index: at }) =>
      addCall(at, { function: { arguments: textOf(delta) } }),
    'response.output_item.done': ({ item, output_index: at }) => takeItem(objectOf(item) ?? {}, at),
    'response.completed': ({ response }) => takeEnd(objectOf(response) ?? {}, 'completed'),
    'response.incomplete': ({ response }) => takeEnd(objectOf(response) ?? {}, 'incomplete'),
    'response.failed': ({ response }) => takeEnd(objectOf(response) ?? {}, 'failed'),
  }

  return {
    event(data, name) {
      if (data.trim() === '[DONE]') return finish !== ''
      const body = readEvent(data, name)
      if (body === undefined) return false
      const type = textOf(body['type']) || (name ?? '')
      if (Object.hasOwn(events, type)) events[type]!(body)
      return finish !== ''
    },
    whole(body) {
      for (const [at, item] of listOf(body['output']).entries()) takeItem(objectOf(item) ?? {}, at)
      takeEnd(body, textOf(body['status']) || 'completed')
    },
    answer() {
      if (finish === '') throw cutOff('stream ended without response.completed')
      const thinking = texts.thinking.end()
      const content = texts.content.end()
      const toolCalls = calls.finish().map(({ call: made }) => made)
      return undoStrict(target, call, {
        content,
        thinking,
        toolCalls,
        finishReason: settleFinish(finish, toolCalls.length > 0),
        usage,
        model,
        providerState: codexState(phase),
      })
    },
  }
}
