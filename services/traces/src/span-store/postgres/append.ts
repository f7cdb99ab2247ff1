/** Stores what is told of traces. Idempotent: the same events leave the same rows and the same costs. */
import { isOfRun, mergeReports } from '../../intake/merge.ts'
import { monthlyCosts, type CostChange, type MonthlyCost } from '../../intake/monthly-costs.ts'
import type { PartitionKeeper } from '../../partitions/use-cases.ts'
import type { BodiesStore } from '../bodies.ts'
import { totalsOf, type CountableSpan } from '../../intake/totals.ts'
import type { TraceReport, Totals, TraceKey } from '../../intake/types.ts'
import {
  callSumsOf,
  usageChanges,
  type CallSums,
  type SummableSpan,
  type SummedTrace,
  type UsageHour,
} from '../../intake/usage-sums.ts'

/** A trace with what it comes to, as it is stored. */
export interface CountedTrace extends TraceReport {
  trace: TraceReport['trace'] & Omit<Totals, 'metadata'>
  callSums: CallSums[]
}

/** A trace that is there, with what of it was counted. */
export interface KnownTrace extends TraceKey, Omit<SummedTrace, keyof TraceKey> {
  /** Null where another program told of it. */
  run_id: string | null
}

/** A trace as it was before its totals are brought up to date, with the spans it has by now. */
export interface StoredTrace extends KnownTrace {
  spans: (CountableSpan & SummableSpan)[]
}

/** What a trace comes to, over all its spans. */
interface Recount {
  key: TraceKey
  totals: Totals
  callSums: CallSums[]
}

/** What is added to sums. */
interface AddedUsage {
  months: readonly MonthlyCost[]
  hours: readonly UsageHour[]
}

/** What may be done inside the transaction. */
export interface AppendSession {
  /** Keeps other replicas from writing the same traces until the transaction ends. */
  lock: (wanted: readonly TraceKey[]) => Promise<void>
  /** Where traces are that were recorded before, under whatever time. */
  findKnown: (wanted: readonly TraceKey[]) => Promise<KnownTrace[]>
  /** Removes traces with their spans. Gives the objects that hold the long texts of these. */
  remove: (unwanted: readonly TraceKey[]) => Promise<string[]>
  /** Writes traces and tells which of them are new. */
  upsertTraces: (traces: readonly CountedTrace[]) => Promise<Pick<TraceKey, 'tenant_id' | 'id'>[]>
  /** Adds spans, and what they come to; one that was running is replaced by one that has ended. */
  upsertSpans: (traces: readonly CountedTrace[], usage: AddedUsage) => Promise<void>
  stored: (wanted: readonly TraceKey[]) => Promise<StoredTrace[]>
  updateTotals: (changes: readonly Recount[]) => Promise<void>
  /** The last statement of a transaction, as others wait for these rows. */
  addUsage: (usage: AddedUsage) => Promise<void>
  /** Some traces of which nothing has been counted, the oldest first. */
  uncounted: (most: number) => Promise<TraceKey[]>
}

/** The rows of all tenants. */
export interface AppendRows {
  /** Runs work in one transaction. */
  transaction: <T>(work: (session: AppendSession) => Promise<T>) => Promise<T>
  /** Deletes what was used in hours before a time. */
  forgetHours: (before: Date) => Promise<void>
}

interface Parts {
  store: AppendRows
  partitions: PartitionKeeper
  /** Days that it is known what was used. */
  usageRetentionDays: number
  /** Where long texts go; absent where they stay in their rows. */
  bodies?: Pick<BodiesStore, 'put' | 'remove'> | undefined
}

const dayMs = 24 * 3_600_000

const keyOf = ({ tenantId, trace }: TraceReport): TraceKey => ({
  tenant_id: tenantId,
  id: trace.id,
  created_at: trace.created_at,
})
const nameOf = ({ tenant_id, id }: Pick<TraceKey, 'tenant_id' | 'id'>) => `${tenant_id}/${id}`

const counted = (reported: TraceReport): CountedTrace => {
  const { metadata, ...totals } = totalsOf(reported.spans)
  return {
    ...reported,
    trace: { ...reported.trace, ...totals, metadata: { ...reported.trace.metadata, ...metadata } },
    callSums: callSumsOf(reported.spans),
  }
}

/** What is stored already keeps its place in time, whatever a later event says: it decides the partition. */
const inPlace = (reported: readonly TraceReport[], stored: readonly TraceKey[]): TraceReport[] => {
  const places = new Map(stored.map((key) => [nameOf(key), key.created_at]))
  return reported.map((each) => {
    const created_at = places.get(nameOf(keyOf(each))) ?? each.trace.created_at
    return { ...each, trace: { ...each.trace, created_at } }
  })
}

/** What is to be written, and what was known of it before. */
interface Placed {
  reported: TraceReport[]
  known: KnownTrace[]
  removed: KnownTrace[]
  /** Objects that nothing refers to any more. */
  left: string[]
}

/**
 * A run has its trace for itself: what another program told of it before is removed when the run is reported, what it tells
 * afterwards is left out. Gives what is to be written, in its place.
 */
const ownersFirst = async (session: AppendSession, reported: readonly TraceReport[]): Promise<Placed> => {
  const found = await session.findKnown(reported.map(keyOf))
  const runs = new Set(reported.filter(isOfRun).map((each) => nameOf(keyOf(each))))
  const isForeign = (trace: KnownTrace) => trace.run_id === null && runs.has(nameOf(trace))
  const { removed = [], known = [] } = Object.groupBy(found, (trace) => (isForeign(trace) ? 'removed' : 'known'))
  const left = removed.length === 0 ? [] : await session.remove(removed)
  const ofRuns = new Set(found.filter(({ run_id }) => run_id !== null).map(nameOf))
  const written = reported.filter((each) => isOfRun(each) || !ofRuns.has(nameOf(keyOf(each))))
  return { reported: inPlace(written, known), known, removed, left }
}

const firstSums = ({ tenantId, trace, callSums }: CountedTrace): SummedTrace => ({
  ...trace,
  tenant_id: tenantId,
  call_sums: callSums,
})

const firstCost = ({ tenantId, trace }: CountedTrace): CostChange => ({
  tenantId,
  agentId: trace.agent_id,
  parentTraceId: trace.parent_trace_id,
  createdAt: trace.created_at,
  usd: trace.total_cost,
})

const costTakenBack = (trace: KnownTrace): CostChange => ({
  tenantId: trace.tenant_id,
  agentId: trace.agent_id,
  parentTraceId: trace.parent_trace_id,
  createdAt: trace.created_at,
  usd: -trace.total_cost,
})

const costChange = (before: StoredTrace, { totals }: Recount): CostChange => ({
  tenantId: before.tenant_id,
  agentId: before.agent_id,
  parentTraceId: before.parent_trace_id,
  createdAt: before.created_at,
  usd: totals.total_cost - before.total_cost,
})

const recountOf = (trace: StoredTrace): Recount => ({
  key: trace,
  totals: totalsOf(trace.spans),
  callSums: callSumsOf(trace.spans),
})

/** Counts traces anew over all spans they have by now. Gives what they come to, and what they cost more than before. */
const recount = async (
  session: AppendSession,
  stored: readonly StoredTrace[],
): Promise<{ sums: SummedTrace[]; costs: CostChange[] }> => {
  const recounts = stored.map(recountOf)
  if (recounts.length > 0) await session.updateTotals(recounts)
  return {
    sums: stored.map((trace, at) => ({
      ...trace,
      ...recounts[at]!.totals,
      call_sums: recounts[at]!.callSums,
    })),
    costs: stored.map((trace, at) => costChange(trace, recounts[at]!)),
  }
}

const usageOf = (
  costs: readonly CostChange[],
  before: readonly SummedTrace[],
  now: readonly SummedTrace[],
): AddedUsage => ({ months: monthlyCosts(costs), hours: usageChanges(before, now) })

const noUsage: AddedUsage = { months: [], hours: [] }

/**
 * Writes traces that differ from each other. One that was there already is counted anew over all spans it has by then; months
 * and hours get only what it comes to more than before. Gives the objects that nothing refers to any more.
 */
const write = async (session: AppendSession, batch: readonly TraceReport[]): Promise<string[]> => {
  await session.lock(batch.map(keyOf))
  const { reported, known, removed, left } = await ownersFirst(session, batch)
  const traces = reported.map(counted)
  if (traces.length === 0) return left
  const fresh = await session.upsertTraces(traces)
  const names = new Set(fresh.map(nameOf))
  const isFirst = (each: CountedTrace) => names.has(nameOf(keyOf(each)))
  const { first = [], again = [] } = Object.groupBy(traces, (each) => (isFirst(each) ? 'first' : 'again'))
  const firstCosts = [...removed.map(costTakenBack), ...first.map(firstCost)]
  const sumsOfFirst = first.map(firstSums)
  // Where all are new, as nearly always, it is known before their spans are written what they come to.
  if (again.length === 0) {
    await session.upsertSpans(traces, usageOf(firstCosts, removed, sumsOfFirst))
    return left
  }
  await session.upsertSpans(traces, noUsage)
  const stored = await session.stored(again.map(keyOf))
  const { sums, costs } = await recount(session, stored)
  const writtenAgain = new Set(stored.map(nameOf))
  const before = [...removed, ...known.filter((trace) => writtenAgain.has(nameOf(trace)))]
  await session.addUsage(usageOf([...firstCosts, ...costs], before, [...sumsOfFirst, ...sums]))
  return left
}

/** Counts some of the traces of which nothing was. Gives how many there were. */
const countSome = async (session: AppendSession, most: number): Promise<number> => {
  const keys = await session.uncounted(most)
  if (keys.length === 0) return 0
  await session.lock(keys)
  // Somebody else may have counted them meanwhile.
  const stored = (await session.stored(keys)).filter(({ call_sums }) => call_sums === null)
  const { sums, costs } = await recount(session, stored)
  await session.addUsage(usageOf(costs, [], sums))
  return keys.length
}

const erase = async (
  session: AppendSession,
  tenantId: string,
  ids: readonly string[],
): Promise<{ erased: number; left: string[] }> => {
  // Traces are found by their ids alone.
  const keys = ids.map((id): TraceKey => ({ tenant_id: tenantId, id, created_at: new Date(0).toISOString() }))
  await session.lock(keys)
  const known = await session.findKnown(keys)
  if (known.length === 0) return { erased: 0, left: [] }
  const left = await session.remove(known)
  await session.addUsage(usageOf(known.map(costTakenBack), known, []))
  return { erased: known.length, left }
}

/** Characters of previews that are written in one transaction; most batches stay far below. */
const portionCharacters = 8_000_000

const charactersOf = ({ spans }: TraceReport) =>
  spans.reduce((sum, span) => sum + (span.input_preview?.length ?? 0) + (span.output_preview?.length ?? 0), 0)

/** A batch as one portion, or as several when it would be too much for one statement. */
const portionsOf = (reported: readonly TraceReport[]): TraceReport[][] => {
  const portions: TraceReport[][] = []
  let left = 0
  for (const trace of reported) {
    const characters = charactersOf(trace)
    if (portions.length === 0 || characters > left) {
      portions.push([])
      left = portionCharacters
    }
    portions.at(-1)!.push(trace)
    left -= characters
  }
  return portions
}

export const createAppend = ({ store, partitions, usageRetentionDays, bodies }: Parts) => {
  return {
    /** Stores traces that events tell of. @throws when one cannot be stored, or the database is away: then none may have been */
    append: async (batch: readonly TraceReport[]): Promise<void> => {
      const reported = mergeReports(batch)
      await partitions.ensurePartitions(
        reported.map(({ trace }) => trace.created_at),
        Date.now(),
      )
      for (const portion of portionsOf(reported)) {
        const light = (await bodies?.put(portion)) ?? portion
        const left = await store.transaction((session) => write(session, light))
        await bodies?.remove(left)
      }
    },

    /** Counts some traces that the release before has stored. Gives how many there were. */
    countUncounted: (most: number): Promise<number> => store.transaction((session) => countSome(session, most)),

    /** Removes traces of a tenant with their spans, and takes back what they used. How many there were. */
    erase: async (tenantId: string, ids: readonly string[]): Promise<number> => {
      const { erased, left } = await store.transaction((session) => erase(session, tenantId, ids))
      await bodies?.remove(left)
      return erased
    },

    forgetHours: (): Promise<void> => store.forgetHours(new Date(Date.now() - usageRetentionDays * dayMs)),
  }
}

export type Append = ReturnType<typeof createAppend>
