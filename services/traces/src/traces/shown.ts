/** Traces and spans as they are shown. */
import type { Span, Trace } from './types.ts'

/** Of what may be absent, nothing measured and nothing noted are as good as absent. */
const unlessEmpty = <T>(value: T): T | undefined =>
  value === 0 || (typeof value === 'object' && value !== null && Object.keys(value).length === 0) ? undefined : value

export const toTrace = (trace: Trace) => ({
  ...trace,
  durationMs: unlessEmpty(trace.durationMs),
  metadata: unlessEmpty(trace.metadata),
  tags: unlessEmpty(trace.tags),
})

export const toSpan = (span: Span) => ({
  ...span,
  durationMs: unlessEmpty(span.durationMs),
  inputTokens: unlessEmpty(span.inputTokens),
  outputTokens: unlessEmpty(span.outputTokens),
  totalCost: unlessEmpty(span.totalCost),
  modelParams: unlessEmpty(span.modelParams),
  metadata: unlessEmpty(span.metadata),
})
