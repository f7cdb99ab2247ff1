/**
 * Where spans are kept, and all that is asked about them. PostgreSQL stands behind it (docs/adr/0057); use-cases know nothing
 * but this.
 */
import type { PoolCall, PoolCallFilter } from '../account-pools/count.ts'
import type { AgentCosts } from '../costs/types.ts'
import type { TraceReport } from '../intake/types.ts'
import type { TimeRange } from '../traces/time-range.ts'
import type { Span, Trace, TraceQuery } from '../traces/types.ts'
import type { InHours, QuotaWindows } from '../usage/span-of-time.ts'
import type { AgentUsage, BreakdownQuery, SessionUsage, UsageRow, UsageTotals, UsedThen } from '../usage/types.ts'

export interface SpanStore {
  /**
   * Stores traces with their spans and adds what they used to its hours, all at once. Told again, in part or by several at a
   * time, each span is stored and counted once; what was told of a trace before is brought together with it.
   * @throws when one cannot be stored, or the store is away: then none may have been, and all may come again
   */
  append: (batch: readonly TraceReport[]) => Promise<void>
  /** What is kept of one tenant. */
  of: (tenantId: string) => TenantSpans
}

export interface TenantSpans {
  /** A page of traces, newest first, how many there are, and behind which there may be more. */
  list: (filter: TraceFilter) => Promise<{ traces: Trace[]; total: number; last: TracePlace | undefined }>
  trace: (id: string) => Promise<FoundTrace | undefined>
  /** Traces that a trace started, oldest first. */
  startedBy: (trace: Trace, limit: number) => Promise<FoundTrace[]>
  /** Whose traces are, of those that are there. */
  owners: (ids: readonly string[]) => Promise<Owned[]>
  /** Model calls that accounts of a pool have answered or should have, the newest first. */
  poolCalls: (filter: PoolCallFilter) => Promise<PoolCall[]>
  usage: UsageReads
  /** Removes traces with all that was said in them, and takes back what they used. How many there were. */
  erase: (ids: readonly string[]) => Promise<number>
}

/** Where a trace stands among those of its tenant. */
export interface TracePlace {
  createdAt: Date
  id: string
}

/** Exact matches, within a range of time. */
export interface TraceFilter extends Omit<TraceQuery, 'status' | 'q' | 'cursor' | keyof TimeRange>, TimeRange {
  status: Trace['status'] | undefined
  /** All of them stand in its texts, in any case of letters. Of those that match all else only the newest 5,000 are looked at. */
  words: readonly string[]
  /** Only those that were recorded before. */
  after: TracePlace | undefined
}

export interface FoundTrace {
  trace: Trace
  /** Reads them in the order of their start and id. */
  spans: () => Promise<Span[]>
}

/** Whose a trace is. */
export interface Owned {
  id: string
  /** Set where it is the trace of a run. */
  runId: string | null
  userId: string | null
}

/** Exact matches, within a range of time; absent ones filter nothing. */
export interface HourFilter extends Partial<TimeRange> {
  agentId?: string | undefined
  channel?: string | undefined
  provider?: string | undefined
  model?: string | undefined
  userId?: string | undefined
  /** A cost tag that traces have. */
  tag?: string | undefined
}

export interface SessionFilter extends HourFilter {
  /** The agent that session keys name. */
  agentKey?: string | undefined
}

export interface RunsOfUser {
  userId: string
  hour: number
  day: number
  week: number
}

/** Reads of what was used, none of which looks at spans. Requests are root traces, calls are the model calls in them. */
export interface UsageReads {
  /** Whole hours: those that begin within a range of time. */
  hours: {
    /** In the order of their time, without empty ones. */
    series: (unit: 'hour' | 'day', filter: HourFilter) => Promise<UsedThen[]>
    breakdown: (group: NonNullable<BreakdownQuery['groupBy']>, filter: HourFilter) => Promise<UsageRow[]>
    totals: (filter: HourFilter) => Promise<UsageTotals>
    /** Root runs since these times, to the run, of those who have the most of the week. @param userId only of this one */
    runsOfUsers: (since: QuotaWindows, userId: string | undefined, most: number) => Promise<RunsOfUser[]>
  }
  /** What sessions used, over the traces that are kept. */
  sessions: {
    /** Those that used tokens, the latest first, and how many there are. */
    page: (
      filter: SessionFilter,
      page: { limit: number; offset: number },
    ) => Promise<{ records: SessionUsage[]; total: number }>
    totals: (filter: SessionFilter) => Promise<UsageTotals>
    byAgent: (filter: SessionFilter) => Promise<ReadonlyMap<string, AgentUsage>>
  }
  costs: {
    /** Of root traces by agent, highest first. */
    summary: (filter: InHours & { agentId: string | undefined }) => Promise<AgentCosts[]>
    /** US dollars; 0 for a month without costs. `month` is its first day. */
    month: (agentId: string, month: string) => Promise<number>
  }
}
