/** What may be asked about recorded traces and activity, and by whom. */
import { MeshError, roleIncludes, type Caller } from '@clawmesh/contracts'
import type { ActivityFilter, TraceReader } from '../store/reader.ts'
import { monthOf } from './calendar.ts'
import type { ActivityLog, Span, Trace } from './types.ts'

export interface TimeRange {
  /** ISO 8601, inclusive */
  from?: string | undefined
  /** ISO 8601, exclusive */
  to?: string | undefined
}

export interface TraceFilter extends TimeRange {
  agent_id?: string | undefined
  user_id?: string | undefined
  session_key?: string | undefined
  channel?: string | undefined
  status?: Trace['status'] | 'success' | undefined
}

export interface Page {
  limit: number
  offset: number
}

const seesAll = (caller: Caller): boolean => roleIncludes(caller.role, 'admin')

/** Times that no row can have would only make PostgreSQL fail. */
const earliestMs = 0
const latestMs = Date.UTC(9999)
const instant = (time: string | undefined): Date | undefined =>
  time === undefined ? undefined : new Date(Math.min(Math.max(Date.parse(time), earliestMs), latestMs))
const range = ({ from, to }: TimeRange) => ({ from: instant(from), to: instant(to) })

export const createTraceQueries = (reader: TraceReader) => ({
  /** Traces of the caller's tenant, newest first; below admin only the caller's own, and none without a user id. */
  list: async (
    caller: Caller,
    { status, agent_id, ...filter }: TraceFilter,
    { limit, offset }: Page,
  ): Promise<{ traces: Trace[]; total: number; limit: number; offset: number }> => {
    if (!seesAll(caller) && caller.userId === '') return { traces: [], total: 0, limit, offset }
    const found = await reader.list(
      caller.tenantId,
      {
        ...range(filter),
        agent_id,
        // An empty text asks for nothing.
        user_id: (seesAll(caller) ? filter.user_id : caller.userId) || undefined,
        session_key: filter.session_key || undefined,
        channel: filter.channel || undefined,
        status: status === 'success' ? 'completed' : status,
      },
      { limit, offset },
    )
    return { ...found, limit, offset }
  },

  /** The activity of the caller's tenant, newest first; below admin only the caller's own, and none without a user id. */
  activity: async (
    caller: Caller,
    filter: Partial<ActivityFilter>,
    { limit, offset }: Page,
  ): Promise<{ logs: ActivityLog[]; total: number; limit: number; offset: number }> => {
    if (!seesAll(caller) && caller.userId === '') return { logs: [], total: 0, limit, offset }
    const found = await reader.activity(
      caller.tenantId,
      {
        // An empty text asks for nothing.
        actor_type: filter.actor_type || undefined,
        actor_id: (seesAll(caller) ? filter.actor_id : caller.userId) || undefined,
        action: filter.action || undefined,
        entity_type: filter.entity_type || undefined,
        entity_id: filter.entity_id || undefined,
      },
      { limit, offset },
    )
    return { ...found, limit, offset }
  },

  /** A trace with its spans. @throws NOT_FOUND, below admin also for the trace of another user */
  get: async (caller: Caller, id: string): Promise<{ trace: Trace; spans: Span[] }> => {
    const found = await reader.find(caller.tenantId, id)
    const mayRead = seesAll(caller) || (caller.userId !== '' && found?.trace.user_id === caller.userId)
    if (found === undefined || !mayRead) throw new MeshError('NOT_FOUND', 'error.not_found', { kind: 'trace', id })
    return { trace: found.trace, spans: await found.spans() }
  },

  /** Costs of root traces by agent, highest first. Any viewer sees those of the whole tenant. */
  costs: (caller: Caller, { agent_id, ...filter }: TimeRange & { agent_id?: string | undefined }) =>
    reader.costs(caller.tenantId, { ...range(filter), agent_id }),

  /** US dollars that root traces of an agent have cost since the UTC month began. */
  agentMonthCost: (tenantId: string, agentId: string, now: Date): Promise<number> =>
    reader.monthCost(tenantId, agentId, monthOf(now)),
})

export type TraceQueries = ReturnType<typeof createTraceQueries>
