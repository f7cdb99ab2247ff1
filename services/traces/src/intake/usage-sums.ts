/**
 * What of traces is summed up by the hour. What a trace adds is worked out of the trace alone, so that what changes is the
 * difference of what it adds now and what it added before: told again it adds nothing, and removed it takes all back.
 */
import { createHash } from 'node:crypto'
import { cacheTokensOf, roundCost } from './prices.ts'
import { toCount } from './count.ts'
import type { TraceSpan } from './types.ts'

const hourMs = 3_600_000
/** The hour that a time is in, ISO 8601. */
const hourOf = (time: string | Date): string =>
  new Date(Math.floor(new Date(time).getTime() / hourMs) * hourMs).toISOString()

/** What of a span is summed up. */
export type SummableSpan = Pick<TraceSpan, 'span_type'> & {
  start_time: string | Date
} & {
  [K in 'provider' | 'model' | 'input_tokens' | 'output_tokens' | 'total_cost' | 'metadata']?: TraceSpan[K] | null
}

const callMeasures = [
  ...(['calls', 'input_tokens', 'output_tokens', 'cost'] as const),
  ...(['cache_read_tokens', 'cache_create_tokens', 'thinking_tokens'] as const),
] as const
const requestMeasures = [
  ...(['requests', 'errors', 'tool_calls', 'timed_requests', 'duration_ms'] as const),
  ...(['request_input_tokens', 'request_output_tokens', 'request_cost'] as const),
] as const
const measures = [...requestMeasures, ...callMeasures] as const

type CallMeasures = Record<(typeof callMeasures)[number], number>
type Measures = Record<(typeof measures)[number], number>

/** Model calls of a trace that began in one hour, with one provider and model. Empty texts for absent ones. */
export interface CallSums extends CallMeasures {
  /** ISO 8601 */
  hour: string
  provider: string
  model: string
  /** When the last of them began, ISO 8601. */
  last: string
}

/** A row of `usage_hours`, or what is added to one. */
export interface UsageHour extends Measures {
  tenant_id: string
  id: string
  hour: string
  agent_id: string | null
  user_id: string
  channel: string
  api_key_id: string
  tags: readonly string[]
  provider: string
  model: string
}

/** A trace with its totals and its calls summed up. */
export interface SummedTrace {
  tenant_id: string
  created_at: string
  parent_trace_id?: string | null | undefined
  agent_id?: string | null | undefined
  user_id?: string | null | undefined
  channel?: string | null | undefined
  api_key_id?: string | null | undefined
  tags?: readonly string[] | null | undefined
  status: string
  duration_ms?: number | null | undefined
  tool_call_count: number
  total_input_tokens: number
  total_output_tokens: number
  total_cost: number
  /** Null where nothing of the trace has been added yet. */
  call_sums: readonly CallSums[] | null
}

const add = <K extends string>(names: readonly K[], to: Record<K, number>, what: Record<K, number>, sign = 1): void => {
  for (const name of names) {
    const sum = to[name] + sign * what[name]
    to[name] = name.endsWith('cost') ? roundCost(sum) : sum
  }
}

/** The model calls of a trace, summed up. */
export const callSumsOf = (spans: readonly SummableSpan[]): CallSums[] => {
  const sums = new Map<string, CallSums>()
  for (const span of spans) {
    if (span.span_type !== 'llm_call') continue
    const [hour, began] = [hourOf(span.start_time), new Date(span.start_time).toISOString()]
    const [provider, model] = [span.provider ?? '', span.model ?? '']
    const { read, created } = cacheTokensOf(span)
    const call: CallMeasures = {
      calls: 1,
      input_tokens: toCount(span.input_tokens),
      output_tokens: toCount(span.output_tokens),
      cost: span.total_cost ?? 0,
      cache_read_tokens: read,
      cache_create_tokens: created,
      thinking_tokens: toCount(span.metadata?.['thinking_tokens']),
    }
    const key = JSON.stringify([hour, provider, model])
    const sum = sums.get(key)
    if (sum === undefined) sums.set(key, { hour, provider, model, last: began, ...call })
    else {
      add(callMeasures, sum, call)
      if (sum.last < began) sum.last = began
    }
  }
  return [...sums.values()]
}

const nothing = Object.fromEntries(measures.map((name) => [name, 0])) as Measures

/** Tags that are written `name:value`; others say where a trace comes from. */
const costTagsIn = (tags: readonly string[] | null | undefined): string[] =>
  [...new Set(tags ?? [])].filter((tag) => tag.indexOf(':') > 0).sort()

/** What a trace adds to which hours; nothing where another one started it, as that one asked for it. */
const hoursOf = (trace: SummedTrace): Omit<UsageHour, 'id'>[] => {
  if (trace.parent_trace_id || trace.call_sums === null) return []
  const about = {
    ...nothing,
    tenant_id: trace.tenant_id,
    agent_id: trace.agent_id ?? null,
    user_id: trace.user_id ?? '',
    channel: trace.channel ?? '',
    api_key_id: trace.api_key_id ?? '',
    tags: costTagsIn(trace.tags),
    provider: '',
    model: '',
  }
  const isTimed = typeof trace.duration_ms === 'number'
  const request = {
    ...about,
    hour: hourOf(trace.created_at),
    requests: 1,
    errors: trace.status === 'error' ? 1 : 0,
    tool_calls: trace.tool_call_count,
    timed_requests: isTimed ? 1 : 0,
    duration_ms: trace.duration_ms ?? 0,
    request_input_tokens: trace.total_input_tokens,
    request_output_tokens: trace.total_output_tokens,
    request_cost: trace.total_cost,
  }
  return [request, ...trace.call_sums.map(({ last: _, ...calls }) => ({ ...about, ...calls }))]
}

/** An id for what a row is about, the same wherever it is made. */
const idOf = (about: string): string => {
  const hex = createHash('sha256').update(about).digest('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-')
}

/** What hours get more, or less, in the order in which all replicas lock them. */
export const usageChanges = (before: readonly SummedTrace[], now: readonly SummedTrace[]): UsageHour[] => {
  const changes = new Map<string, Omit<UsageHour, 'id'>>()
  const count = (traces: readonly SummedTrace[], sign: 1 | -1) => {
    for (const hour of traces.flatMap(hoursOf)) {
      const { agent_id, user_id, channel, api_key_id, tags, provider, model } = hour
      const about = JSON.stringify([agent_id, user_id, channel, api_key_id, tags, provider, model])
      const key = `${hour.tenant_id}/${hour.hour}/${about}`
      const change = changes.get(key) ?? { ...hour, ...nothing }
      add(measures, change, hour, sign)
      changes.set(key, change)
    }
  }
  count(before, -1)
  count(now, 1)
  return [...changes]
    .filter(([, change]) => measures.some((name) => change[name] !== 0))
    .map(([key, change]) => ({ ...change, id: idOf(key) }))
    .sort((a, b) => (placeOf(a) < placeOf(b) ? -1 : 1))
}

const placeOf = ({ tenant_id, hour, id }: UsageHour) => `${tenant_id}/${hour}/${id}`

/** What can be added to. */
export const usageMeasures: readonly string[] = measures
