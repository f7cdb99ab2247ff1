/** Reads what an event tells of a trace, and refuses what is no trace. */
import { events, eventType, type CloudEvent, type EventData } from '@clawmesh/contracts'
import { z } from 'zod'
import { toIso } from '../partitions/calendar.ts'
import { cleanJson, cleanLabel, cleanText, storable } from './clean.ts'
import { toCount } from './count.ts'
import type { TraceReport, TraceSpan } from './types.ts'

type RunEnded = EventData<'runEnded'>
type ReportedSpan = RunEnded['spans'][number]

/** Characters that are kept of an error, and of one that a tool answered. */
const errorLimit = 2_000
const toolErrorLimit = 200

const envelope = z.object({ type: z.literal(eventType('runEnded')), tenantid: z.uuid(), time: z.coerce.date() })

const lower = (id: string | undefined) => id?.toLowerCase()
const count = (value: number | undefined) => (value === undefined ? undefined : toCount(value))

/** Start, end and what lies between; a duration that was not reported is worked out. */
const timesOf = (reported: Pick<ReportedSpan, 'start_time' | 'end_time' | 'duration_ms'>) => {
  const start_time = toIso(reported.start_time)
  const end_time = reported.end_time === undefined ? undefined : toIso(reported.end_time)
  const elapsedMs = end_time === undefined ? undefined : Date.parse(end_time) - Date.parse(start_time)
  return { start_time, end_time, duration_ms: count(reported.duration_ms ?? elapsedMs) }
}

/** @throws RangeError for what cannot be stored as a span */
export const readSpan =
  (previewLimit: number) =>
  (reported: ReportedSpan): TraceSpan => {
    return {
      id: reported.id.toLowerCase(),
      parent_span_id: lower(reported.parent_span_id),
      agent_id: lower(reported.agent_id),
      span_type: reported.span_type,
      name: cleanLabel(reported.name, 500),
      ...timesOf(reported),
      status: reported.status,
      error: cleanText(reported.error, reported.span_type === 'tool_call' ? toolErrorLimit : errorLimit),
      level: cleanLabel(reported.level, 10) ?? 'DEFAULT',
      model: cleanLabel(reported.model, 200),
      provider: cleanLabel(reported.provider, 50),
      input_tokens: count(reported.input_tokens),
      output_tokens: count(reported.output_tokens),
      finish_reason: cleanLabel(reported.finish_reason, 50),
      model_params: cleanJson(reported.model_params, previewLimit),
      tool_name: cleanLabel(reported.tool_name, 200),
      tool_call_id: cleanLabel(reported.tool_call_id, 100),
      input_preview: cleanText(reported.input_preview, previewLimit),
      output_preview: cleanText(reported.output_preview, previewLimit),
      metadata: cleanJson(reported.metadata, previewLimit),
    }
  }

const readTrace = (reported: RunEnded['trace'], previewLimit: number): TraceReport['trace'] => ({
  id: reported.id.toLowerCase(),
  created_at: toIso(reported.created_at),
  parent_trace_id: lower(reported.parent_trace_id),
  agent_id: lower(reported.agent_id),
  // Filters look for these as they are, so they are made storable and no more.
  user_id: cleanLabel(reported.user_id, 255),
  session_key: cleanLabel(reported.session_key, 500),
  run_id: cleanLabel(reported.run_id, 255),
  api_key_id: cleanLabel(reported.api_key_id, 100),
  ...timesOf(reported),
  name: cleanLabel(reported.name, 500),
  channel: cleanLabel(reported.channel, 50),
  input_preview: cleanText(reported.input_preview, previewLimit),
  output_preview: cleanText(reported.output_preview, previewLimit),
  status: reported.status,
  error: cleanText(reported.error, errorLimit),
  metadata: cleanJson(reported.metadata, previewLimit),
  tags: reported.tags?.map(storable),
})

/** What is told of a trace, by an event or by another program, before it is cleaned and priced. */
export interface ToldTrace extends Pick<RunEnded, 'trace' | 'spans'> {
  tenantId: string
  recordedAt: string | Date
}

/**
 * @param previewLimit characters of a preview that are kept
 * @throws RangeError for what cannot be stored as a trace
 */
export const readTold = ({ tenantId, recordedAt, trace, spans }: ToldTrace, previewLimit: number): TraceReport => ({
  tenantId: tenantId.toLowerCase(),
  recordedAt: toIso(recordedAt),
  trace: readTrace(trace, previewLimit),
  spans: spans.map(readSpan(previewLimit)),
})

/**
 * The trace that an event tells of, clean and not yet priced.
 * @param previewLimit characters of a preview that are kept
 * @throws ZodError, RangeError when the event cannot be stored as a trace
 */
export const readTraceEvent = (event: CloudEvent, previewLimit: number): TraceReport => {
  const { tenantid, time } = envelope.parse(event)
  const { trace, spans } = events.runEnded.data.parse(event.data)
  return readTold({ tenantId: tenantid, recordedAt: time, trace, spans }, previewLimit)
}
