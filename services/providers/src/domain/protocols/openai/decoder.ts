/**
 * Answers of the OpenAI wire, streamed or whole.
 *
 * A stream is complete when a finish_reason came and then `data: [DONE]`. Without a finish_reason nothing tells a whole
 * answer from one that a proxy cut off, so it is always an error. A finish_reason without `[DONE]` is an error too:
 * usage comes between the two, and the protocol names `[DONE]` as the terminator; only types known to leave it out, or
 * a connection with the setting `done_marker_optional`, end at the finish_reason.
 * Source: OpenAI API reference, "Chat completion chunk".
 */
import type { Usage } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import type { Target } from '../../connection.ts'
import { cutOff, failureOfBody, isErrorBody, UpstreamFailure } from '../failure.ts'
import { settleFinish, type Finish } from '../finish.ts'
import { countOf, isObject, listOf, objectOf, parseJson, textOf, type Json } from '../json.ts'
import { createToolCallAssembly } from '../tool-calls.ts'
import { toolParameters } from '../tools.ts'
import { textDelta, thinkingDelta, type Answer, type ChatCall, type Decoder, type Emit } from '../wire.ts'
import { openAiState } from './messages.ts'
import { schemaProfile } from './rules.ts'
import { withoutStrictNulls } from '../schema.ts'

const finishes: Record<string, Finish> = {
  stop: 'stop',
  length: 'length',
  max_tokens: 'length',
  model_length: 'length',
  tool_calls: 'tool_calls',
  function_call: 'tool_calls',
  content_filter: 'filtered',
  sensitive: 'filtered',
  error: 'failed',
  network_error: 'failed',
  insufficient_system_resource: 'failed',
}

const readUsage = (usage: Json): Usage => ({
  inputTokens: countOf(usage['prompt_tokens']),
  outputTokens: countOf(usage['completion_tokens']),
  cacheReadTokens:
    countOf(objectOf(usage['prompt_tokens_details'])?.['cached_tokens']) || countOf(usage['prompt_cache_hit_tokens']),
  cacheCreationTokens: 0,
  thinkingTokens: countOf(objectOf(usage['completion_tokens_details'])?.['reasoning_tokens']),
})

/** Content that came as parts (Mistral's thinking models) as text and thinking; plain text is the usual case. */
const readParts = (content: unknown): { text: string; thinking: string } => {
  let text = ''
  let thinking = ''
  for (const part of listOf(content)) {
    const fields = objectOf(part)
    text += textOf(fields?.['text'])
    const thought = fields?.['thinking']
    thinking += typeof thought === 'string' ? thought : readParts(thought).text
  }
  return { text, thinking }
}

/** Arguments as the tool's own schema has them: strict mode made its optional properties nullable. */
const undoStrict = (target: Target, call: ChatCall, answer: Answer): Answer => {
  if (answer.toolCalls.length === 0 || schemaProfile(target, call.model) !== 'strict') return answer
  const specs = new Map(call.tools.map((tool) => [tool.name, tool]))
  const toolCalls = answer.toolCalls.map((made) => {
    const spec = specs.get(made.name)
    const prepared = spec && toolParameters(spec, 'strict')
    if (!prepared?.strict) return made
    return {
      ...made,
      argumentsJson: JSON.stringify(withoutStrictNulls(JSON.parse(made.argumentsJson), prepared.clean)),
    }
  })
  return { ...answer, toolCalls }
}

/** A decoder of one chat completion. */
export const createOpenAiDecoder = (target: Target, call: ChatCall, emit: Emit): Decoder => {
  const doneOptional = target.type.omitsDone || target.connection.settings['done_marker_optional'] === true
  const calls = createToolCallAssembly(emit)
  let content = ''
  let thinking = ''
  let model = ''
  let finish = ''
  let usage: Usage | undefined
  let terminated = false

  const addText = (text: string): void => {
    if (text === '') return
    content += text
    emit(textDelta(text))
  }
  const addThinking = (text: string): void => {
    if (text === '') return
    thinking += text
    emit(thinkingDelta(text))
  }

  /** A delta of a stream, or the message of a whole answer: they have the same fields. */
  const takeMessage = (message: Json): void => {
    const reasoning = message['reasoning_content'] ?? message['reasoning']
    if (typeof reasoning === 'string') addThinking(reasoning)
    const text = message['content']
    if (typeof text === 'string') addText(text)
    else if (Array.isArray(text)) {
      const parts = readParts(text)
      addThinking(parts.thinking)
      addText(parts.text)
    }
    const refusal = message['refusal']
    if (typeof refusal === 'string') addText(refusal)
    const toolCalls = message['tool_calls']
    if (Array.isArray(toolCalls)) calls.add(toolCalls)
  }

  /** What stream chunks and whole answers share; `part` is where a choice keeps its message. */
  const take = (body: Json, part: 'delta' | 'message'): void => {
    const choice = objectOf(listOf(body['choices'])[0])
    if (choice && (choice['index'] ?? 0) === 0) {
      const message = choice[part]
      if (isObject(message)) takeMessage(message)
      const reason = choice['finish_reason']
      if (typeof reason === 'string' && reason !== '') finish = reason
    }
    if (isObject(body['usage'])) usage = readUsage(body['usage'])
    if (model === '') model = textOf(body['model'])
  }

  return {
    event(data, name) {
      if (data === '[DONE]' || data.trim() === '[DONE]') {
        terminated = true
        return true
      }
      const body = parseJson(data)
      if (!isObject(body)) throw cutOff('event is not a JSON object')
      if (name === 'error' || isErrorBody(body)) throw failureOfBody(body)
      take(body, 'delta')
      return false
    },
    whole(body) {
      const choice = objectOf(listOf(body['choices'])[0])
      if (!isObject(choice?.['message'])) throw new UpstreamFailure('failed', 'answer without a message')
      take(body, 'message')
      // The body ended where it said it would; not every server names a reason.
      if (finish === '') finish = 'stop'
      terminated = true
    },
    answer() {
      if (finish === '') throw cutOff('stream ended without a finish_reason')
      if (!terminated && !doneOptional) throw cutOff('stream ended without [DONE]')
      const made = calls.finish()
      const toolCalls = made.map(({ call: toolCall }) => toolCall)
      const finishReason = settleFinish(finishes[finish] ?? 'stop', finish, toolCalls.length > 0)
      return undoStrict(target, call, {
        content,
        thinking,
        toolCalls,
        finishReason,
        usage,
        model,
        providerState: openAiState(made),
      })
    },
  }
}
