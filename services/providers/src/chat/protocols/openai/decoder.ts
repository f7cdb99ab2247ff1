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
import type { Target } from '../../../providers/connection.ts'
import { createAnswerTexts } from '../answer-texts.ts'
import { boundedText, bounds } from '../bounds.ts'
import { readEvent } from '../events.ts'
import { cutOff, UpstreamFailure } from '../failure.ts'
import { settleFinish } from '../finish.ts'
import { countOf, isObject, listOf, objectOf, textOf, type Json } from '../json.ts'
import { createToolCallAssembly } from '../tool-calls.ts'
import { realNames } from '../tool-names.ts'
import { toolParameters } from '../tools.ts'
import type { Answer, ChatCall, Decoder, Emit } from '../protocol.ts'
import { openAiNameLimit, openAiState } from './messages.ts'
import { omitsDone, schemaProfile } from './rules.ts'
import { withoutStrictNulls } from '../schema.ts'
import { readVendorError } from '../vendor-error.ts'

/** The counts of an answer; cached tokens are parts of the prompt's, whatever a server claims. */
const readUsage = (usage: Json): Usage => {
  const details = objectOf(usage['prompt_tokens_details'])
  const inputTokens = countOf(usage['prompt_tokens'])
  const read =
    countOf(details?.['cached_tokens']) || countOf(usage['prompt_cache_hit_tokens']) || countOf(usage['cached_tokens'])
  const created = countOf(details?.['cache_write_tokens']) || countOf(usage['cache_creation_input_tokens'])
  const cacheReadTokens = Math.min(read, inputTokens)
  return {
    inputTokens,
    outputTokens: countOf(usage['completion_tokens']),
    cacheReadTokens,
    cacheCreationTokens: Math.min(created, inputTokens - cacheReadTokens),
    thinkingTokens: countOf(objectOf(usage['completion_tokens_details'])?.['reasoning_tokens']),
  }
}

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
export const undoStrict = (target: Target, call: ChatCall, answer: Answer): Answer => {
  if (answer.toolCalls.length === 0 || schemaProfile(target, call.model) !== 'strict') return answer
  const specs = new Map(call.tools.map((tool) => [tool.name, tool]))
  const toolCalls = answer.toolCalls.map((made) => {
    const spec = specs.get(made.name)
    const prepared = spec && toolParameters(spec, 'strict')
    if (spec?.strict !== undefined || !prepared?.strict) return made
    return {
      ...made,
      argumentsJson: JSON.stringify(withoutStrictNulls(JSON.parse(made.argumentsJson), prepared.clean)),
    }
  })
  return { ...answer, toolCalls }
}

/** A decoder of one chat completion. */
export const createOpenAiDecoder = (target: Target, call: ChatCall, emit: Emit): Decoder => {
  const doneOptional = omitsDone(target)
  const calls = createToolCallAssembly(emit, realNames(call.tools, openAiNameLimit))
  const texts = createAnswerTexts(emit)
  let listsCalls = false
  let model = ''
  let finish = ''
  let usage: Usage | undefined
  let terminated = false

  /** A delta of a stream, or the message of a whole answer: they have the same fields. */
  const takeMessage = (message: Json): void => {
    const reasoning = message['reasoning_content'] ?? message['reasoning']
    if (typeof reasoning === 'string') texts.thinking.take(reasoning)
    const text = message['content']
    if (typeof text === 'string') texts.content.take(text)
    else if (Array.isArray(text)) {
      const parts = readParts(text)
      texts.thinking.take(parts.thinking)
      texts.content.take(parts.text)
    }
    const refusal = message['refusal']
    if (typeof refusal === 'string') texts.content.take(refusal)
    const toolCalls = message['tool_calls']
    if (Array.isArray(toolCalls) && toolCalls.length > 0) {
      listsCalls = true
      calls.add(toolCalls)
    }
    // The form before tools: one call, without an id. Some servers send it beside the list.
    const legacy = message['function_call']
    if (isObject(legacy) && !listsCalls) calls.add([{ index: 0, function: legacy }])
  }

  /** What stream chunks and whole answers share; `part` is where a choice keeps its message. */
  const take = (body: Json, part: 'delta' | 'message'): void => {
    const choice = objectOf(listOf(body['choices'])[0])
    if (choice && (choice['index'] ?? 0) === 0) {
      const message = choice[part]
      if (isObject(message)) takeMessage(message)
      const reason = choice['finish_reason']
      if (typeof reason === 'string' && reason !== '' && reason !== 'null')
        finish = boundedText(reason, bounds.finishReason)
    }
    const counts = objectOf(body['usage']) ?? objectOf(choice?.['usage'])
    if (counts) usage = readUsage(counts)
    if (model === '') model = boundedText(textOf(body['model']), bounds.model)
  }

  return {
    event(data, name) {
      if (data === '[DONE]' || data.trim() === '[DONE]') {
        terminated = true
        return true
      }
      const body = readEvent(data, name)
      if (body) take(body, 'delta')
      return false
    },
    whole(body) {
      const choice = objectOf(listOf(body['choices'])[0])
      if (!isObject(choice?.['message'])) {
        const { message } = readVendorError(body)
        throw new UpstreamFailure('failed', `answer without a message${message === '' ? '' : `: ${message}`}`)
      }
      take(body, 'message')
      // The body ended where it said it would; not every server names a reason.
      if (finish === '') finish = 'stop'
      terminated = true
    },
    answer() {
      if (finish === '') throw cutOff('stream ended without a finish_reason')
      if (!terminated && !doneOptional) throw cutOff('stream ended without [DONE]')
      const thinking = texts.thinking.end()
      const content = texts.content.end()
      const made = calls.finish()
      const toolCalls = made.map(({ call: toolCall }) => toolCall)
      const finishReason = settleFinish(finish, toolCalls.length > 0)
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
