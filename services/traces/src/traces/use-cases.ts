/** What may be asked about recorded traces, and by whom. */
import { MeshError, roleIncludes, type Caller } from '@clawmesh/contracts'
import { actorOf, type Actor, type Call } from '@clawmesh/chassis'
import type { FoundTrace, SpanStore, TenantSpans, TraceFilter, TracePlace } from '../span-store/port.ts'
import { pageWith } from './page-with.ts'
import type { RunningTraces } from './running.ts'
import { parentsFirst } from './span-order.ts'
import { timeRange } from './time-range.ts'
import type { Span, Trace, TraceQuery } from './types.ts'

/** A trace with what it started, read as it is needed. */
export interface ExportedTrace {
  trace: Trace
  spans: Span[]
  children: AsyncIterable<ExportedTrace>
}

/** How deep an export goes, and how many traces it has under its first one. */
const exportDepth = 10
const exportedDescendants = 1_000

/** How many traces are erased in one transaction, and for one request. */
const erasedAtOnce = 200
const mostErased = 1_000

/** Stores that somebody has the traces of a user erased. */
export type RecordErasure = (tenantId: string, userId: string, actor: Actor) => Promise<void>

/** Whether a caller sees what others did. */
export const seesAll = (caller: Caller): boolean => roleIncludes(caller.role, 'admin')

const mostWords = 8
const wordsOf = (text: string): string[] =>
  text
    .split(/\s+/)
    .filter((word) => word !== '')
    .slice(0, mostWords)

/** The newest traces of a tenant, as many as are erased at once. */
const everything: TraceFilter = {
  ...{ agentId: undefined, sessionKey: undefined, channel: undefined, tag: undefined, status: undefined },
  ...{ from: undefined, to: undefined, words: [], after: undefined, limit: erasedAtOnce, offset: 0 },
}

/** The place that a cursor names; its form is the contract's. */
const placeOf = (cursor: string): TracePlace => {
  const [ms, id] = cursor.split('.') as [string, string]
  return { createdAt: new Date(Number(ms)), id }
}

const notFound = (id: string) => new MeshError('NOT_FOUND', 'error.not_found', { kind: 'trace', id })

/** One that is stored, else one of a run that is on. @throws NOT_FOUND, below admin also for the trace of another user */
const findOwn = async (spans: TenantSpans, running: RunningTraces, call: Call, id: string): Promise<FoundTrace> => {
  const { caller } = call
  const found = (await spans.trace(id)) ?? (await running.find(call, id))
  const mayRead = seesAll(caller) || (caller.userId !== '' && found?.trace.userId === caller.userId)
  if (found === undefined || !mayRead) throw notFound(id)
  return found
}

const exporter = (spans: TenantSpans) => {
  let left = exportedDescendants
  async function* childrenOf(trace: Trace, depth: number): AsyncIterable<ExportedTrace> {
    if (depth >= exportDepth || left === 0) return
    const children = await spans.startedBy(trace, left)
    left -= children.length
    for (const child of children) yield exported(child, depth + 1)
  }
  const exported = async ({ trace, spans: read }: FoundTrace, depth: number): Promise<ExportedTrace> => ({
    trace,
    spans: parentsFirst(await read()),
    children: childrenOf(trace, depth),
  })
  return (root: FoundTrace) => exported(root, 0)
}

interface Parts {
  spans: Pick<SpanStore, 'of'>
  running: RunningTraces
  recordErasure: RecordErasure
}

export const createTraceUseCases = ({ spans: { of }, running, recordErasure }: Parts) => ({
  /** Traces of the caller's tenant and its runs that are on, newest first; below admin only the caller's own, and none without a user id. */
  list: async (
    call: Call,
    { q = '', cursor, ...query }: TraceQuery,
  ): Promise<{ traces: Trace[]; total: number; nextCursor?: string | undefined }> => {
    const { caller } = call
    if (!seesAll(caller) && caller.userId === '') return { traces: [], total: 0 }
    const { userId, sessionKey, channel, status, tag } = query
    const filter: TraceFilter = {
      ...query,
      words: wordsOf(q),
      after: cursor === undefined ? undefined : placeOf(cursor),
      ...timeRange(query),
      // An empty text asks for nothing.
      userId: (seesAll(caller) ? userId : caller.userId) || undefined,
      sessionKey: sessionKey || undefined,
      channel: channel || undefined,
      tag: tag || undefined,
      status: status === 'success' ? 'completed' : status,
    }
    const { last, ...page } = await pageWith(of(caller.tenantId).list, filter, await running.list(call, filter))
    return { ...page, nextCursor: last && `${last.createdAt.getTime()}.${last.id}` }
  },

  /** Erases traces of a user, the newest first; with `more` there are others. */
  eraseOfUser: async (call: Call, userId: string): Promise<{ erased: number; more: boolean }> => {
    const { tenantId } = call.caller
    const spans = of(tenantId)
    for (let erased = 0; ;) {
      const { traces, total } = await spans.list({ ...everything, userId })
      if (traces.length === 0 || erased >= mostErased) return { erased, more: total > 0 }
      if (erased === 0) await recordErasure(tenantId, userId, actorOf(call))
      erased += await spans.erase(traces.map(({ id }) => id))
    }
  },

  /** A trace with its spans. @throws NOT_FOUND, below admin also for the trace of another user */
  get: async (call: Call, id: string): Promise<{ trace: Trace; spans: Span[] }> => {
    const { trace, spans } = await findOwn(of(call.caller.tenantId), running, call, id)
    return { trace, spans: parentsFirst(await spans()) }
  },

  /** A trace with all that it started. @throws NOT_FOUND as `get` */
  export: async (call: Call, id: string): Promise<ExportedTrace> => {
    const spans = of(call.caller.tenantId)
    return exporter(spans)(await findOwn(spans, running, call, id))
  },
})

export type TraceUseCases = ReturnType<typeof createTraceUseCases>
