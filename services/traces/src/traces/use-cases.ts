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
  find: (id: string) => Promise<FoundTrace | undefined>
  /** Traces that a trace started, oldest first. */
  childrenOf: (trace: Trace, limit: number) => Promise<FoundTrace[]>
}

export interface FoundTrace {
  trace: Trace
  spans: () => Promise<Span[]>
}

/** A trace with what it started, read as it is needed. */
export interface ExportedTrace {
  trace: Trace
  spans: Span[]
  children: AsyncIterable<ExportedTrace>
}

/** How deep an export goes, and how many traces it has under its first one. */
const exportDepth = 10
const exportedDescendants = 1_000

/** Whether a caller sees what others did. */
export const seesAll = (caller: Caller): boolean => roleIncludes(caller.role, 'admin')

const notFound = (id: string) => new MeshError('NOT_FOUND', 'error.not_found', { kind: 'trace', id })

/** @throws NOT_FOUND, below admin also for the trace of another user */
const findOwn = async (rows: TraceRows, caller: Caller, id: string): Promise<FoundTrace> => {
  const found = await rows.find(id)
  const mayRead = seesAll(caller) || (caller.userId !== '' && found?.trace.userId === caller.userId)
  if (found === undefined || !mayRead) throw notFound(id)
  return found
}

const exporter = (rows: TraceRows) => {
  let left = exportedDescendants
  async function* childrenOf(trace: Trace, depth: number): AsyncIterable<ExportedTrace> {
    if (depth >= exportDepth || left === 0) return
    const children = await rows.childrenOf(trace, left)
    left -= children.length
    for (const child of children) yield exported(child, depth + 1)
  }
  const exported = async ({ trace, spans }: FoundTrace, depth: number): Promise<ExportedTrace> => ({
    trace,
    spans: parentsFirst(await spans()),
    children: childrenOf(trace, depth),
  })
  return (root: FoundTrace) => exported(root, 0)
}

export const createTraceUseCases = (rowsOf: (tenantId: string) => TraceRows) => ({
  /** Traces of the caller's tenant, newest first; below admin only the caller's own, and none without a user id. */
  list: async (caller: Caller, query: TraceQuery): Promise<{ traces: Trace[]; total: number }> => {
    if (!seesAll(caller) && caller.userId === '') return { traces: [], total: 0 }
    const { userId, sessionKey, channel, status, tag } = query
    return rowsOf(caller.tenantId).list({
      ...query,
      ...timeRange(query),
      // An empty text asks for nothing.
      userId: (seesAll(caller) ? userId : caller.userId) || undefined,
      sessionKey: sessionKey || undefined,
      channel: channel || undefined,
      tag: tag || undefined,
      status: status === 'success' ? 'completed' : status,
    })
  },

  /** A trace with its spans. @throws NOT_FOUND, below admin also for the trace of another user */
  get: async (caller: Caller, id: string): Promise<{ trace: Trace; spans: Span[] }> => {
    const { trace, spans } = await findOwn(rowsOf(caller.tenantId), caller, id)
    return { trace, spans: parentsFirst(await spans()) }
  },

  /** A trace with all that it started. @throws NOT_FOUND as `get` */
  export: async (caller: Caller, id: string): Promise<ExportedTrace> => {
    const rows = rowsOf(caller.tenantId)
    return exporter(rows)(await findOwn(rows, caller, id))
  },
})

export type TraceUseCases = ReturnType<typeof createTraceUseCases>
