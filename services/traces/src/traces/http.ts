import { http } from '@clawmesh/contracts'
import { implementHttp } from '@clawmesh/chassis'
import { exportOf } from './export.ts'
import { toSpan, toTrace } from './shown.ts'
import type { TraceUseCases } from './use-cases.ts'

export const createTraceHttp = (traces: TraceUseCases) =>
  implementHttp(http.traces)({
    listTraces: async ({ caller, query }) => {
      const page = await traces.list(caller, query)
      return { ...query, ...page, traces: page.traces.map(toTrace) }
    },
    eraseTraces: ({ call, query }) => traces.eraseOfUser(call, query.userId),
    getTrace: async ({ caller, params }) => {
      const { trace, spans } = await traces.get(caller, params.traceID)
      return { trace: toTrace(trace), spans: spans.map(toSpan) }
    },
    exportTrace: async ({ caller, params }) => exportOf(await traces.export(caller, params.traceID), new Date()),
  })
