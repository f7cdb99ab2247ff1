/**
 * What happens when a trace is reported more than once: the event may come again, and a run that was taken for dead may
 * be reported by two replicas. Here for one batch; the store follows the same rules for what it holds already.
 */
import type { TraceReport, TraceSpan } from './types.ts'

/**
 * Fields of a trace that whoever reports last decides. Those that are in none of these lists stay as first reported, its
 * place in time above all; but it began when the earliest report says.
 */
export const lastReported = ['status', 'error', 'end_time', 'duration_ms', 'recorded_at'] as const
/** Fields that whoever reports last decides, if they know them. Metadata of both are joined in the same way. */
export const lastKnown = ['name', 'input_preview', 'output_preview'] as const
/** Fields that whoever knows them first decides: a program may tell of the parts of a trace before it tells whose it is. */
export const firstKnown = ['agent_id', 'user_id', 'session_key', 'channel'] as const

const known = (trace: TraceReport['trace'], fields: readonly (keyof TraceReport['trace'])[]) =>
  Object.fromEntries(fields.flatMap((field) => (trace[field] === undefined ? [] : [[field, trace[field]]])))

/** Times are texts that compare like times. */
const earlier = (one: string, other: string): string => (one < other ? one : other)

/** Whether a run tells of its own trace: other programs may tell of traces too, under whatever id. */
export const isOfRun = ({ trace }: TraceReport): boolean => Boolean(trace.run_id)

const isFinal = (span: TraceSpan) => span.status !== 'running'

/** All spans of both; one that had ended stays as it is, one that was running is as the other has it. */
const mergeSpans = (first: readonly TraceSpan[], second: readonly TraceSpan[]): TraceSpan[] => {
  const spans = new Map<string, TraceSpan>()
  for (const span of [...first, ...second]) {
    const before = spans.get(span.id)
    if (before === undefined || (!isFinal(before) && isFinal(span))) spans.set(span.id, span)
  }
  return [...spans.values()]
}

const merge = (first: TraceReport, last: TraceReport): TraceReport => {
  const { status, error, end_time, duration_ms } = last.trace
  return {
    ...first,
    recordedAt: last.recordedAt,
    trace: {
      ...known(last.trace, firstKnown),
      ...first.trace,
      ...known(first.trace, firstKnown),
      ...known(last.trace, lastKnown),
      start_time: earlier(first.trace.start_time, last.trace.start_time),
      ...{ status, error, end_time, duration_ms },
      metadata: { ...first.trace.metadata, ...last.trace.metadata },
    },
    spans: mergeSpans(first.spans, last.spans),
  }
}

/** One entry for each trace and one for each span, in the order in which all replicas lock them. */
export const mergeReports = (reported: readonly TraceReport[]): TraceReport[] => {
  const traces = new Map<string, TraceReport>()
  for (const trace of reported.toSorted((a, b) =>
    a.recordedAt < b.recordedAt ? -1 : a.recordedAt > b.recordedAt ? 1 : 0,
  )) {
    const key = `${trace.tenantId}/${trace.trace.id}`
    const before = traces.get(key)
    // A run has its trace for itself.
    if (before !== undefined && isOfRun(before) && !isOfRun(trace)) continue
    const isFirst = before === undefined || isOfRun(before) !== isOfRun(trace)
    traces.set(key, isFirst ? { ...trace, spans: mergeSpans(trace.spans, []) } : merge(before, trace))
  }
  return [...traces.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, trace]) => trace)
}
