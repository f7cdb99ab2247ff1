/** Makes traces of a request: each trace id one, with the spans that came of it. */
import type { ToldTrace } from '../intake/read-event.ts'
import { attributesOf, type Attributes } from './attributes.ts'
import { agentIn, conversationIn, serviceIn, userIn, workOf } from './conventions.ts'
import type { OtlpRequest, OtlpSpan } from './request.ts'

export interface Reading {
  tenantId: string
  /** Whose traces are that name nobody, or all of them where `userBound`. */
  userId: string
  userBound: boolean
  now: number
  /** Spans from before are not stored, in ms since 1970. */
  keptFrom: number
}

/** Why spans were left out; each reason once. */
export interface Rejected {
  spans: number
  reasons: ReadonlySet<string>
}

/** The tag, the channel and the source of traces that came in this way. */
const origin = 'otlp'
/** Clocks differ. */
const aheadMs = 3_600_000

const hexId = (length: number) => new RegExp(`^(?!0+$)[0-9a-f]{${length}}$`, 'i')
const traceIdPattern = hexId(32)
const spanIdPattern = hexId(16)

const uuidOf = (hex: string): string => hex.toLowerCase().replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
const spanUuid = (spanId: string): string => uuidOf(spanId.padStart(32, '0'))

/** To the millisecond, which is what is stored. */
const msOf = (nanoseconds: string | number): number => Number(nanoseconds) / 1e6
const isoOf = (ms: number): string => new Date(ms).toISOString()

interface Read {
  span: ToldTrace['spans'][number]
  attributes: Attributes
  resource: Attributes
  startMs: number
  endMs: number
  isRoot: boolean
}

/** Why a span cannot be stored; undefined where it can. */
const faultOf = (span: OtlpSpan, { now, keptFrom }: Reading): string | undefined => {
  if (!traceIdPattern.test(span.traceId)) return 'traceId is no id'
  if (!spanIdPattern.test(span.spanId)) return 'spanId is no id'
  if (span.parentSpanId !== '' && !spanIdPattern.test(span.parentSpanId)) return 'parentSpanId is no id'
  const [start, end] = [msOf(span.startTimeUnixNano), msOf(span.endTimeUnixNano)]
  if (!(start <= end && end <= now + aheadMs)) return 'times are out of reason'
  return start < keptFrom ? 'older than traces are kept' : undefined
}

const isError = (code: unknown): boolean => code === 2 || code === 'STATUS_CODE_ERROR'

const readSpan = (span: OtlpSpan, resource: Attributes): Read => {
  const attributes = attributesOf(span.attributes)
  const [startMs, endMs] = [msOf(span.startTimeUnixNano), msOf(span.endTimeUnixNano)]
  const failed = isError(span.status?.code)
  return {
    attributes,
    resource,
    startMs,
    endMs,
    isRoot: span.parentSpanId === '',
    span: {
      id: spanUuid(span.spanId),
      ...(span.parentSpanId === '' ? {} : { parent_span_id: spanUuid(span.parentSpanId) }),
      name: span.name,
      start_time: isoOf(startMs),
      end_time: isoOf(endMs),
      duration_ms: Math.round(endMs - startMs),
      status: failed ? 'error' : 'completed',
      ...(failed ? { error: span.status?.message || textOf(attributes.get('error.type')) || 'error' } : {}),
      ...workOf(attributes),
    },
  }
}

const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)

const first = <T>(spans: readonly Read[], find: (attributes: Attributes) => T | undefined): T | undefined =>
  spans.map(({ attributes }) => find(attributes)).find((found) => found !== undefined) ??
  spans.map(({ resource }) => find(resource)).find((found) => found !== undefined)

/** The span that the others are under, as far as they came along. */
const topOf = (spans: readonly Read[]): Read => {
  const ids = new Set(spans.map(({ span }) => span.id))
  const tops = spans.filter(({ span }) => span.parent_span_id === undefined || !ids.has(span.parent_span_id))
  return (tops.length === 0 ? spans : tops).toSorted(
    (a, b) => Number(b.isRoot) - Number(a.isRoot) || a.startMs - b.startMs,
  )[0]!
}

const traceOf = (id: string, spans: readonly Read[], reading: Reading): ToldTrace => {
  const { tenantId, userId, userBound, now } = reading
  const top = topOf(spans)
  const inOrder = [top, ...spans.filter((span) => span !== top)]
  const startMs = Math.min(...spans.map((span) => span.startMs))
  const endMs = top.isRoot ? top.endMs : Math.max(...spans.map((span) => span.endMs))
  const { name, error, input_preview, output_preview } = top.span
  const user = userBound ? userId : (first(inOrder, userIn) ?? userId)
  const service = serviceIn(top.resource)
  const agent = first(inOrder, agentIn)
  return {
    tenantId,
    // Only the root has the last word on the whole; parts say what they know until it comes.
    recordedAt: isoOf(top.isRoot ? now : startMs),
    trace: {
      id,
      name,
      ...(user === '' ? {} : { user_id: user }),
      session_key: first(inOrder, conversationIn),
      channel: origin,
      start_time: isoOf(startMs),
      end_time: isoOf(endMs),
      duration_ms: Math.round(endMs - startMs),
      status: top.span.status,
      error,
      input_preview,
      output_preview,
      metadata: {
        source: origin,
        ...(service === undefined ? {} : { service }),
        ...(agent === undefined ? {} : { agent }),
      },
      tags: [origin],
      created_at: isoOf(startMs),
    },
    spans: spans.map(({ span }) => span),
  }
}

/** The traces of a request, and what was left out. */
export const tracesOf = (request: OtlpRequest, reading: Reading): { traces: ToldTrace[]; rejected: Rejected } => {
  const reasons = new Set<string>()
  let rejected = 0
  const byTrace = new Map<string, Read[]>()
  for (const { resource: described, spans } of request) {
    const resource = attributesOf(described)
    for (const span of spans) {
      const fault = faultOf(span, reading)
      if (fault !== undefined) {
        reasons.add(fault)
        rejected++
        continue
      }
      const id = uuidOf(span.traceId)
      const known = byTrace.get(id)
      if (known === undefined) byTrace.set(id, [readSpan(span, resource)])
      else known.push(readSpan(span, resource))
    }
  }
  return {
    traces: [...byTrace].map(([id, spans]) => traceOf(id, spans, reading)),
    rejected: { spans: rejected, reasons },
  }
}
