/** Reads what an event tells of a trace, and refuses what is no trace. */
import { events, eventType, type CloudEvent, type EventData } from '@clawmesh/contracts'
import { z } from 'zod'
import { toIso } from '../partitions/calendar.ts'
import { cleanJson, cleanLabel, cleanText, storable } from './clean.ts'
import { toCount } from './count.ts'
import { costOf, type PriceTable } from './prices.ts'
import type { ToldTrace, TraceSpan } from './types.ts'

type TraceRecorded = EventData<'traceRecorded'>
type ToldSpan = TraceRecorded['spans'][number]

export interface ReadingOptions {
  prices: PriceTable
  /** Characters of a preview that are kept. */
  previewLimit: number
}

/** Characters that are kept of an error, and of one that a tool answered. */
const errorLimit = 2_000
const toolErrorLimit = 200

const envelope = z.object({ type: z.literal(eventType('traceRecorded')), tenantid: z.uuid(), time: z.coerce.date() })

const lower = (id: string | undefined) => id?.toLowerCase()
const count = (value: number | undefined) => (value === undefined ? undefined : toCount(value))

/** Start, end and what lies between; a duration that was not told is worked out. */
const timesOf = (told: Pick<ToldSpan, 'start_time' | 'end_time' | 'duration_ms'>) => {
  const start_time = toIso(told.start_time)
  const end_time = told.end_time === undefined ? undefined : toIso(told.end_time)
  const elapsedMs = end_time === undefined ? undefined : Date.parse(end_time) - Date.parse(start_time)
  return { start_time, end_time, duration_ms: count(told.duration_ms ?? elapsedMs) }
}

const readSpan =
  ({ prices, previewLimit }: ReadingOptions) =>
  (told: ToldSpan): TraceSpan => {
    const span = {
      id: told.id.toLowerCase(),
      parent_span_id: lower(told.parent_span_id),
      agent_id: lower(told.agent_id),
      span_type: told.span_type,
      name: cleanLabel(told.name, 500),
      ...timesOf(told),
      status: told.status,
      error: cleanText(told.error, told.span_type === 'tool_call' ? toolErrorLimit : errorLimit),
      level: cleanLabel(told.level, 10) ?? 'DEFAULT',
      model: cleanLabel(told.model, 200),
      provider: cleanLabel(told.provider, 50),
      input_tokens: count(told.input_tokens),
      output_tokens: count(told.output_tokens),
      finish_reason: cleanLabel(told.finish_reason, 50),
      model_params: cleanJson(told.model_params, previewLimit),
      tool_name: cleanLabel(told.tool_name, 200),
      tool_call_id: cleanLabel(told.tool_call_id, 100),
      input_preview: cleanText(told.input_preview, previewLimit),
      output_preview: cleanText(told.output_preview, previewLimit),
      metadata: cleanJson(told.metadata, previewLimit),
    }
    return { ...span, total_cost: costOf(prices, span) }
  }

const readTrace = (told: TraceRecorded['trace'], previewLimit: number): ToldTrace['trace'] => ({
  id: told.id.toLowerCase(),
  created_at: toIso(told.created_at),
  parent_trace_id: lower(told.parent_trace_id),
  agent_id: lower(told.agent_id),
  // Filters look for these as they are, so they are made storable and no more.
  user_id: cleanLabel(told.user_id, 255),
  session_key: cleanLabel(told.session_key, 500),
  run_id: cleanLabel(told.run_id, 255),
  ...timesOf(told),
  name: cleanLabel(told.name, 500),
  channel: cleanLabel(told.channel, 50),
  input_preview: cleanText(told.input_preview, previewLimit),
  output_preview: cleanText(told.output_preview, previewLimit),
  status: told.status,
  error: cleanText(told.error, errorLimit),
  metadata: cleanJson(told.metadata, previewLimit),
  tags: told.tags?.map(storable),
})

/**
 * The trace that an event tells of, clean and priced.
 * @throws ZodError, RangeError when the event cannot be stored as a trace
 */
export const readTraceEvent = (event: CloudEvent, options: ReadingOptions): ToldTrace => {
  const { tenantid, time } = envelope.parse(event)
  const data = events.traceRecorded.data.parse(event.data)
  return {
    tenantId: tenantid.toLowerCase(),
    recordedAt: toIso(time),
    trace: readTrace(data.trace, options.previewLimit),
    spans: data.spans.map(readSpan(options)),
  }
}
