import { http } from '@clawmesh/contracts'
import { implementHttp } from '@clawmesh/chassis'
import { exportOf } from './export.ts'
import { toSpan, toTrace } from './shown.ts'
import type { TraceUseCases } from './use-cases.ts'

export const createTraceHttp = (traces: TraceUseCases) =>
  implementHttp(http.traces)({
    listTraces: async ({ call, query }) => {
      const page = await traces.list(call, query)
      return { ...query, ...page, traces: page.traces.map(toTrace) }
    },
    eraseTraces: ({ call, query }) => traces.eraseOfUser(call, query.userId),
    getTrace: async ({ call, params }) => {
      const { trace, spans } = await traces.get(call, params.traceID)
      return { trace: toTrace(trace), spans: spans.map(toSpan) }
    },
    exportTrace: async ({ call, params }) => exportOf(await traces.export(call, params.traceID), new Date()),
  })
