import { uuid, type Caller } from '@clawmesh/contracts'
import type { Call } from '@clawmesh/chassis'
import type { HourFilter, SessionFilter, SpanStore } from '../span-store/port.ts'
import { timeRange } from '../traces/time-range.ts'
import { seesAll } from '../traces/use-cases.ts'
import type { DailyRuns } from '../usage-caps/daily-runs.ts'
import { nothingHeld, type HeldIn } from './held.ts'
import {
  askedSpan,
  comparedSpans,
  dayMs,
  hourMs,
  hoursWithin,
  quotaWindows,
  startOfDay,
  type SpanOfTime,
} from './span-of-time.ts'
import type {
  AgentUsage,
  BreakdownQuery,
  Quota,
  SeriesQuery,
  SessionQuery,
  SessionUsage,
  SummaryQuery,
  UsagePoint,
  UsageRow,
  UsageTotals,
} from './types.ts'

type Filters = Pick<SeriesQuery, 'agentId' | 'provider' | 'model' | 'channel' | 'tag'>

/** An empty text asks for nothing. */
const filterOf = ({ agentId, provider, model, channel, tag }: Filters): HourFilter => ({
  agentId,
  provider: provider || undefined,
  model: model || undefined,
  channel: channel || undefined,
  tag: tag || undefined,
})

/** Narrows sessions to those that a caller may see; undefined for one who sees none. */
const ownOf = (caller: Caller): Pick<SessionFilter, 'userId'> | undefined => {
  if (seesAll(caller)) return {}
  return caller.userId === '' ? undefined : { userId: caller.userId }
}

const agentOf = (agent: string | undefined): Pick<SessionFilter, 'agentId' | 'agentKey'> => {
  if (!agent) return {}
  const id = uuid.safeParse(agent)
  return id.success ? { agentId: id.data } : { agentKey: agent }
}

const nothing: UsageTotals = {
  requests: 0,
  inputTokens: 0,
  outputTokens: 0,
  cost: 0,
  uniqueUsers: 0,
  errors: 0,
  llmCalls: 0,
  toolCalls: 0,
  avgDurationMs: 0,
}

const mostQuotas = 50

const isDay = (unit: string | undefined): boolean => unit === 'day' || unit === 'week'

interface Parts {
  spans: Pick<SpanStore, 'of'>
  dailyRuns: DailyRuns
  heldIn: HeldIn
  now?: () => Date
}

export const createUsageUseCases = ({ spans: { of }, dailyRuns, heldIn, now = () => new Date() }: Parts) => ({
  /** A page of sessions that used tokens; below admin the caller's own. */
  sessions: async (
    caller: Caller,
    { agentId, from, to, limit, offset, ...filters }: SessionQuery,
  ): Promise<{ records: SessionUsage[]; total: number; limit: number; offset: number; totals: UsageTotals }> => {
    const own = ownOf(caller)
    if (own === undefined) return { records: [], total: 0, limit, offset: 0, totals: nothing }
    const { sessions } = of(caller.tenantId).usage
    const filter = {
      ...filterOf({ agentId: undefined, ...filters }),
      ...timeRange({ from, to }),
      ...own,
      ...agentOf(agentId),
    }
    const [page, totals] = await Promise.all([sessions.page(filter, { limit, offset }), sessions.totals(filter)])
    return { ...page, limit, offset: Math.min(offset, page.total), totals }
  },

  /** Tokens of sessions by their agent; below admin of the caller's own. */
  byAgent: async (caller: Caller): Promise<ReadonlyMap<string, AgentUsage>> => {
    const own = ownOf(caller)
    return own === undefined ? new Map() : of(caller.tenantId).usage.sessions.byAgent(own)
  },

  /** @throws INVALID_REQUEST for half a range */
  series: async (call: Call, query: SeriesQuery): Promise<UsagePoint[]> => {
    const span = hoursWithin(askedSpan(query, now()))
    const filter = filterOf(query)
    const unit = isDay(query.groupBy ?? query.interval) ? 'day' : 'hour'
    const { channel, provider, model, tag } = filter
    const isOfRuns = [channel, provider, model, tag].some((one) => one !== undefined)
    const [points, before] = await Promise.all([
      of(call.caller.tenantId).usage.hours.series(unit, { ...filter, ...span }),
      isOfRuns ? () => nothingHeld : heldIn(call, span, filter.agentId),
    ])
    const lengthMs = unit === 'day' ? dayMs : hourMs
    return points.map((point) => ({
      ...point,
      ...before(Math.min(new Date(point.bucketTime).getTime() + lengthMs, span.to.getTime())),
    }))
  },

  /** By user or key below admin the caller's own. @throws INVALID_REQUEST for half a range */
  breakdown: async (caller: Caller, query: BreakdownQuery): Promise<UsageRow[]> => {
    const { groupBy = 'provider' } = query
    const filter = { ...filterOf(query), ...hoursWithin(askedSpan(query, now())) }
    const own = groupBy === 'user' || groupBy === 'key' ? ownOf(caller) : {}
    if (own === undefined) return []
    const rows = await of(caller.tenantId).usage.hours.breakdown(groupBy, { ...filter, ...own })
    return groupBy === 'channel' ? rows.filter(({ key }) => key !== '') : rows
  },

  /** Totals of a time, and of the time before it. */
  compare: async (
    { tenantId }: Caller,
    query: SummaryQuery,
  ): Promise<{ current: UsageTotals; previous: UsageTotals }> => {
    const spans = comparedSpans(query, now())
    const totals = (span: SpanOfTime) => of(tenantId).usage.hours.totals({ ...filterOf(query), ...hoursWithin(span) })
    const [current, previous] = await Promise.all([totals(spans.current), totals(spans.previous)])
    return { current, previous }
  },

  /** Totals since 00:00 UTC; and where runs of users are capped by the day, what of that they have used. */
  quota: async (caller: Caller): Promise<{ enabled: boolean; entries: Quota[]; totals: UsageTotals }> => {
    const { hours } = of(caller.tenantId).usage
    const today = startOfDay(now())
    const caps = await dailyRuns(caller.tenantId, today)
    const totals = await hours.totals({ from: today })
    const own = ownOf(caller)
    if (caps === undefined || own === undefined) return { enabled: caps !== undefined, entries: [], totals }
    const users = await hours.runsOfUsers(quotaWindows(now()), own.userId, mostQuotas)
    const capped = await caps(users.map(({ userId }) => userId))
    const entries = users.map(({ userId, hour, day, week }): Quota => ({
      userId,
      hour: { used: hour, limit: 0 },
      day: capped.get(userId) ?? { used: day, limit: 0 },
      week: { used: week, limit: 0 },
    }))
    return { enabled: true, entries, totals }
  },
})

export type UsageUseCases = ReturnType<typeof createUsageUseCases>
