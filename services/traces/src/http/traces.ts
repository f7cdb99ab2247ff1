import type { http } from '@clawmesh/contracts'
import type { Handlers } from '@clawmesh/chassis'
import type { TraceQueries } from '../domain/queries.ts'

export const createTraceHandlers = (queries: TraceQueries): Handlers<typeof http.traces> => ({
  listTraces: ({ caller, query: { limit, offset, ...filter } }) => queries.list(caller, filter, { limit, offset }),
  getTrace: ({ caller, params }) => queries.get(caller, params.traceID),
  listActivity: ({ caller, query: { limit, offset, ...filter } }) =>
    queries.activity(caller, filter, { limit, offset }),
  getCostSummary: async ({ caller, query }) => ({ rows: await queries.costs(caller, query) }),
})
