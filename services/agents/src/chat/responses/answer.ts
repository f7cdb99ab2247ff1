/** Responses, written in either dialect. Source: OpenAI API reference, "The response object". */
import { errorKinds, translate, type Locale, type MeshError } from '@clawmesh/contracts'
import type { RunResult, Usage } from '../../runs/types.ts'
import type { EventFrame, RunWriter } from '../run-stream.ts'
import { createGrowingOutput, messageItem, type ItemEvent, type OutputItem } from './items.ts'
import type { ResponseBody } from './request.ts'

export type Dialect = 'openai' | 'goclaw'

const tagOf = (runId: string): string => runId.slice(0, 8)
const idOf = (runId: string): string => `resp-${tagOf(runId)}`
const unixSeconds = () => Math.floor(Date.now() / 1000)

const usageOf = (usage: Usage | undefined) =>
  usage === undefined
    ? null
    : {
        input_tokens: usage.inputTokens,
        input_tokens_details: { cached_tokens: usage.cacheReadTokens },
        output_tokens: usage.outputTokens,
        output_tokens_details: { reasoning_tokens: usage.thinkingTokens },
        total_tokens: usage.inputTokens + usage.outputTokens,
        prompt_tokens: usage.inputTokens,
        completion_tokens: usage.outputTokens,
      }

/** What a response says again of its request. */
const echoOf = (body: ResponseBody) => ({
  background: false,
  instructions: body.instructions ?? null,
  max_output_tokens: body.max_output_tokens ?? body.max_tokens ?? null,
  metadata: body.metadata ?? {},
  parallel_tool_calls: body.parallel_tool_calls ?? true,
  previous_response_id: body.previous_response_id ?? null,
  reasoning: { effort: body.reasoning?.effort ?? null, summary: null },
  store: true,
  temperature: body.temperature ?? null,
  text: { format: body.text?.format ?? { type: 'text' } },
  tool_choice: body.tool_choice ?? 'auto',
  tools: body.tools ?? [],
  top_p: body.top_p ?? null,
  truncation: 'disabled',
  user: body.user ?? null,
})

const textOf = (items: readonly OutputItem[]): string =>
  items.flatMap((item) => (item.type === 'message' ? item.content.map(({ text }) => text) : [])).join('')

/** Items in GoClaw's words. */
const plainItem = (item: OutputItem) =>
  item.type === 'message'
    ? { type: item.type, role: item.role, content: item.content.map(({ text }) => ({ type: 'text' as const, text })) }
    : item

interface Snapshot {
  runId: string
  createdAt: number
  status: 'completed' | 'failed' | 'in_progress' | 'incomplete'
  items: readonly OutputItem[]
  usage?: Usage | undefined
  error?: { code: string; message: string } | undefined
}

const responseOf = (
  { runId, createdAt, status, items, usage, error }: Snapshot,
  body: ResponseBody,
  dialect: Dialect,
) => ({
  id: idOf(runId),
  object: 'response' as const,
  created_at: createdAt,
  model: body.model,
  status,
  output: dialect === 'openai' ? [...items] : items.map(plainItem),
  output_text: textOf(items),
  usage: usageOf(usage),
  error: error ?? null,
  incomplete_details: status === 'incomplete' ? { reason: 'max_output_tokens' as const } : null,
  ...(dialect === 'openai'
    ? echoOf(body)
    : { metadata: body.metadata ?? null, previous_response_id: body.previous_response_id ?? null }),
})

const statusOf = ({ finishReason }: RunResult) => (finishReason === 'length' ? 'incomplete' : 'completed')

/**
 * The items of a turn that has ended: its last words and the calls of the client's functions. Their numbers are those of a
 * stream, which has also said so many commentaries before.
 */
const itemsOf = (result: RunResult, commentaries = 0): OutputItem[] => {
  const { runId, content, toolCalls } = result
  const tag = tagOf(runId)
  const status = statusOf(result)
  const says = content !== '' || toolCalls.length === 0
  const phase = toolCalls.length === 0 ? { phase: 'final_answer' as const } : {}
  return [
    ...(says ? [messageItem(`msg-${tag}-${commentaries}`, content, { status, ...phase })] : []),
    ...toolCalls.map(({ id, name, argumentsJson }, at): OutputItem => ({
      type: 'function_call',
      id: `fc-${tag}-${commentaries + Number(says) + at}`,
      status,
      call_id: id,
      name,
      arguments: argumentsJson,
    })),
  ]
}

/** A turn that has ended, as one response. */
export const wholeResponse = (result: RunResult, body: ResponseBody, dialect: Dialect, commentaries: number) =>
  responseOf(
    {
      runId: result.runId,
      createdAt: unixSeconds(),
      status: statusOf(result),
      items: itemsOf(result, commentaries),
      usage: result.usage,
    },
    body,
    dialect,
  )

const failureOf = (error: MeshError, locale: Locale) => ({
  code: errorKinds[error.code].openai === 'rate_limit_error' ? 'rate_limit_exceeded' : 'server_error',
  message: translate(locale, error.key, error.params),
})

const openAiWriter = (runId: string, body: ResponseBody, locale: Locale): RunWriter => {
  const output = createGrowingOutput(tagOf(runId))
  const createdAt = unixSeconds()
  let sequence = 0
  const frame = (event: ItemEvent): EventFrame => ({
    event: event.type,
    data: JSON.stringify({ ...event, sequence_number: sequence++ }),
  })
  const whole = (type: string, snapshot: Pick<Snapshot, 'status' | 'usage' | 'error'>) =>
    frame({ type, response: responseOf({ runId, createdAt, items: output.items, ...snapshot }, body, 'openai') })
  return {
    open: () => [
      whole('response.created', { status: 'in_progress' }),
      whole('response.in_progress', { status: 'in_progress' }),
    ],
    text: (delta) => output.text(delta).map(frame),
    toolCall: (piece) => output.toolCall(piece).map(frame),
    busy: () => output.pause().map(frame),
    end: (result) => {
      const status = statusOf(result)
      const closing = output.end(status === 'incomplete').map(frame)
      return [...closing, whole(`response.${status}`, { status, usage: result.usage })]
    },
    fail: (error) => [whole('response.failed', { status: 'failed', error: failureOf(error, locale) })],
  }
}

const goClawWriter = (runId: string, locale: Locale): RunWriter => {
  const id = idOf(runId)
  const data = (event: object): EventFrame => ({ data: JSON.stringify(event) })
  const done = (response: object) => [data({ type: 'response.done', response: { id, ...response } })]
  return {
    open: () => [
      data({ type: 'response.started', response: { id, status: 'in_progress', created_at: unixSeconds() } }),
    ],
    text: (content) => [data({ type: 'response.delta', delta: { type: 'content', content } })],
    toolCall: () => [],
    busy: () => [],
    end: (result) =>
      done({
        status: statusOf(result),
        output: itemsOf(result).map(plainItem),
        ...(result.usage === undefined ? {} : { usage: usageOf(result.usage) }),
      }),
    fail: (error) => done({ status: 'failed', error: failureOf(error, locale).message, output: [] }),
  }
}

/** Writes a turn as the events of a dialect. */
export const responseWriter =
  (body: ResponseBody, dialect: Dialect, locale: Locale) =>
  (runId: string): RunWriter =>
    dialect === 'openai' ? openAiWriter(runId, body, locale) : goClawWriter(runId, locale)
