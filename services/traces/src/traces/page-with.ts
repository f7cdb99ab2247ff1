/** A page of traces among which are some that are not stored. */
import type { TenantSpans, TraceFilter, TracePlace } from '../span-store/port.ts'
import type { Trace } from './types.ts'

type Page = Awaited<ReturnType<TenantSpans['list']>>

const placeOf = ({ createdAt, id }: Trace): TracePlace => ({ createdAt: new Date(createdAt), id })
/** Below zero where the first comes first: the newest does. */
const byNewest = (a: TracePlace, b: TracePlace): number =>
  +b.createdAt - +a.createdAt || Number(a.id < b.id) - Number(a.id > b.id)

/**
 * The page of a filter over what is stored and `others`, which match it and are the newest first. Exact for any offset: of what is stored
 * it reads as many more, ahead of the page, as there are others, which may stand before it.
 */
export const pageWith = async (
  list: TenantSpans['list'],
  filter: TraceFilter,
  others: readonly Trace[],
): Promise<Page> => {
  if (others.length === 0) return list(filter)
  const { limit, offset, after } = filter
  const behind = others.filter((trace) => after === undefined || byNewest(after, placeOf(trace)) < 0)
  const ahead = Math.min(offset, behind.length)
  const stored = await list({ ...filter, offset: offset - ahead, limit: limit + ahead })
  const known = new Set(stored.traces.map(({ id }) => id))
  const { last } = stored
  const missing = behind.filter(
    // One that has just ended is stored. What is behind the last stored one that was looked at comes with what follows that.
    (trace) => !known.has(trace.id) && (last === undefined || byNewest(placeOf(trace), last) < 0),
  )
  const all = [...stored.traces, ...missing].sort((a, b) => byNewest(placeOf(a), placeOf(b)))
  const traces = all.slice(ahead, ahead + limit)
  const isCut = all.length > ahead + limit
  return {
    traces,
    total: stored.total + others.filter(({ id }) => !known.has(id)).length,
    last: isCut && traces.length > 0 ? placeOf(traces.at(-1)!) : last,
  }
}
