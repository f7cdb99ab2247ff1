import { uuid, type Caller } from '@clawmesh/contracts'
import { timeRange, type TimeRange } from '../traces/time-range.ts'
import { seesAll } from '../traces/use-cases.ts'
import type { DailyRuns } from '../usage-caps/daily-runs.ts'
import { askedSpan, comparedSpans, hoursWithin, quotaWindows, startOfDay, type QuotaWindows } from './span-of-time.ts'
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

/** Exact matches, within a range of time; absent ones filter nothing. */
export interface UsageFilter extends Partial<TimeRange> {
  agentId?: string | undefined
  channel?: string | undefined
  provider?: string | undefined
  model?: string | undefined
  userId?: string | undefined
  /** The agent that session keys name. */
  agentKey?: string | undefined
  /** A cost tag that traces have. */
  tag?: string | undefined
}

export interface RunsOfUser {
  userId: string
  hour: number
  day: number
  week: number
}

interface Page {
  limit: number
  offset: number
}

/** The rows of one tenant. Requests are root traces, calls are the model calls in them. */
export interface UsageRows {
  /** In the order of their time, without empty ones. */
  series: (unit: 'hour' | 'day', filter: UsageFilter) => Promise<UsagePoint[]>
  breakdown: (group: NonNullable<BreakdownQuery['groupBy']>, filter: UsageFilter) => Promise<UsageRow[]>
  totals: (filter: UsageFilter) => Promise<UsageTotals>
  /** Sessions that used tokens, the latest first, and how many there are. */
  sessions: (filter: UsageFilter, page: Page) => Promise<{ records: SessionUsage[]; total: number }>
  byAgent: (filter: UsageFilter) => Promise<ReadonlyMap<string, AgentUsage>>
  /** Root runs since these times, of those who have the most of the week. @param userId only of this one */
  runsOfUsers: (since: QuotaWindows, userId: string | undefined, most: number) => Promise<RunsOfUser[]>
}

type Filters = Pick<SeriesQuery, 'agentId' | 'provider' | 'model' | 'channel' | 'tag'>

/** An empty text asks for nothing. */
const filterOf = ({ agentId, provider, model, channel, tag }: Filters): UsageFilter => ({
  agentId,
  provider: provider || undefined,
  model: model || undefined,
  channel: channel || undefined,
  tag: tag || undefined,
})

/** Narrows sessions to those that a caller may see; undefined for one who sees none. */
const ownOf = (caller: Caller): Pick<UsageFilter, 'userId'> | undefined => {
  if (seesAll(caller)) return {}
  return caller.userId === '' ? undefined : { userId: caller.userId }
}

const agentOf = (agent: string | undefined): Pick<UsageFilter, 'agentId' | 'agentKey'> => {
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

/** What was used, over the traces that are kept. */
export const createUsageUseCases = (
  rowsOf: (tenantId: string) => UsageRows,
  dailyRuns: DailyRuns,
  now: () => Date = () => new Date(),
) => ({
  /** A page of sessions that used tokens; below admin the caller's own. */
  sessions: async (
    caller: Caller,
    { agentId, from, to, limit, offset, ...filters }: SessionQuery,
  ): Promise<{ records: SessionUsage[]; total: number; limit: number; offset: number; totals: UsageTotals }> => {
    const own = ownOf(caller)
    if (own === undefined) return { records: [], total: 0, limit, offset: 0, totals: nothing }
    const rows = rowsOf(caller.tenantId)
    const filter = {
      ...filterOf({ agentId: undefined, ...filters }),
      ...timeRange({ from, to }),
      ...own,
      ...agentOf(agentId),
    }
    const [page, totals] = await Promise.all([rows.sessions(filter, { limit, offset }), rows.totals(filter)])
    return { ...page, limit, offset: Math.min(offset, page.total), totals }
  },

  /** Tokens of sessions by their agent; below admin of the caller's own. */
  byAgent: async (caller: Caller): Promise<ReadonlyMap<string, AgentUsage>> => {
    const own = ownOf(caller)
    return own === undefined ? new Map() : rowsOf(caller.tenantId).byAgent(own)
  },

  /** @throws INVALID_REQUEST for half a range */
  series: ({ tenantId }: Caller, query: SeriesQuery): Promise<UsagePoint[]> => {
    const filter = { ...filterOf(query), ...hoursWithin(askedSpan(query, now())) }
    return rowsOf(tenantId).series(isDay(query.groupBy ?? query.interval) ? 'day' : 'hour', filter)
  },

  /** @throws INVALID_REQUEST for half a range */
  breakdown: async ({ tenantId }: Caller, query: BreakdownQuery): Promise<UsageRow[]> => {
    const { groupBy = 'provider' } = query
    const filter = { ...filterOf(query), ...hoursWithin(askedSpan(query, now())) }
    const rows = await rowsOf(tenantId).breakdown(groupBy, filter)
    return groupBy === 'channel' ? rows.filter(({ key }) => key !== '') : rows
  },

  /** Totals of a time, and of the time before it. */
  compare: async (
    { tenantId }: Caller,
    query: SummaryQuery,
  ): Promise<{ current: UsageTotals; previous: UsageTotals }> => {
    const spans = comparedSpans(query, now())
    const totals = (span: TimeRange) => rowsOf(tenantId).totals({ ...filterOf(query), ...span })
    const [current, previous] = await Promise.all([totals(spans.current), totals(spans.previous)])
    return { current, previous }
  },

  /** Totals since 00:00 UTC; and where runs of users are capped by the day, what of that they have used. */
  quota: async (caller: Caller): Promise<{ enabled: boolean; entries: Quota[]; totals: UsageTotals }> => {
    const rows = rowsOf(caller.tenantId)
    const today = startOfDay(now())
    const caps = await dailyRuns(caller.tenantId, today)
    const totals = await rows.totals({ from: today })
    const own = ownOf(caller)
    if (caps === undefined || own === undefined) return { enabled: caps !== undefined, entries: [], totals }
    const users = await rows.runsOfUsers(quotaWindows(now()), own.userId, mostQuotas)
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
