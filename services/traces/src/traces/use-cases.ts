/** What may be asked about recorded traces, and by whom. */
import { MeshError, roleIncludes, type Caller } from '@clawmesh/contracts'
import { parentsFirst } from './span-order.ts'
import { timeRange, type TimeRange } from './time-range.ts'
import type { Span, Trace, TraceQuery } from './types.ts'

/** Exact matches, within a range of time. */
export interface TraceFilter extends Omit<TraceQuery, 'status' | keyof TimeRange>, TimeRange {
  status: Trace['status'] | undefined
}

/** The rows of one tenant. */
export interface TraceRows {
  /** A page of traces, newest first, and how many there are. */
  list: (filter: TraceFilter) => Promise<{ traces: Trace[]; total: number }>
  /** A trace, and a function that reads its spans in the order of their start and id. */
  find: (id: string) => Promise<{ trace: Trace; spans: () => Promise<Span[]> } | undefined>
}

/** Whether a caller sees what others did. */
export const seesAll = (caller: Caller): boolean => roleIncludes(caller.role, 'admin')

export const createTraceUseCases = (rowsOf: (tenantId: string) => TraceRows) => ({
  /** Traces of the caller's tenant, newest first; below admin only the caller's own, and none without a user id. */
  list: async (caller: Caller, query: TraceQuery): Promise<{ traces: Trace[]; total: number }> => {
    if (!seesAll(caller) && caller.userId === '') return { traces: [], total: 0 }
    const { userId, sessionKey, channel, status } = query
    return rowsOf(caller.tenantId).list({
      ...query,
      ...timeRange(query),
      // An empty text asks for nothing.
      userId: (seesAll(caller) ? userId : caller.userId) || undefined,
      sessionKey: sessionKey || undefined,
      channel: channel || undefined,
      status: status === 'success' ? 'completed' : status,
    })
  },

  /** A trace with its spans. @throws NOT_FOUND, below admin also for the trace of another user */
  get: async (caller: Caller, id: string): Promise<{ trace: Trace; spans: Span[] }> => {
    const found = await rowsOf(caller.tenantId).find(id)
    const mayRead = seesAll(caller) || (caller.userId !== '' && found?.trace.userId === caller.userId)
    if (found === undefined || !mayRead) throw new MeshError('NOT_FOUND', 'error.not_found', { kind: 'trace', id })
    return { trace: found.trace, spans: parentsFirst(await found.spans()) }
  },
})

export type TraceUseCases = ReturnType<typeof createTraceUseCases>
