import { http } from '@clawmesh/contracts'
import { implementHttp } from '@clawmesh/chassis'
import type { Span, Trace } from './types.ts'
import type { TraceUseCases } from './use-cases.ts'

/** Of what may be absent, nothing measured and nothing noted are as good as absent. */
const unlessEmpty = <T>(value: T): T | undefined =>
  value === 0 || (typeof value === 'object' && value !== null && Object.keys(value).length === 0) ? undefined : value

const toTrace = (trace: Trace) => ({
  ...trace,
  durationMs: unlessEmpty(trace.durationMs),
  metadata: unlessEmpty(trace.metadata),
  tags: unlessEmpty(trace.tags),
})

const toSpan = (span: Span) => ({
  ...span,
  durationMs: unlessEmpty(span.durationMs),
  inputTokens: unlessEmpty(span.inputTokens),
  outputTokens: unlessEmpty(span.outputTokens),
  totalCost: unlessEmpty(span.totalCost),
  modelParams: unlessEmpty(span.modelParams),
  metadata: unlessEmpty(span.metadata),
})

export const createTraceHttp = (traces: TraceUseCases) =>
  implementHttp(http.traces)({
    listTraces: async ({ caller, query }) => {
      const page = await traces.list(caller, query)
      return { ...query, ...page, traces: page.traces.map(toTrace) }
    },
    getTrace: async ({ caller, params }) => {
      const { trace, spans } = await traces.get(caller, params.traceID)
      return { trace: toTrace(trace), spans: spans.map(toSpan) }
    },
  })
