/** Takes in what events tell of traces. Idempotent: the same events leave the same rows and the same costs. */
import { isOfRun, mergeReports } from './merge.ts'
import { monthlyCosts, type CostChange, type MonthlyCost } from './monthly-costs.ts'
import type { PartitionKeeper } from '../partitions/use-cases.ts'
import { totalsOf, type CountableSpan } from './totals.ts'
import type { CountedTrace, TraceReport, Totals, TraceKey } from './types.ts'

/** A trace as it was before its totals are brought up to date, with the spans it has by now. */
export interface StoredTrace extends TraceKey {
  agent_id: string | null
  parent_trace_id: string | null
  total_cost: number
  spans: CountableSpan[]
}

/** A trace that is there. */
export interface StoredKey extends TraceKey {
  /** Null where another program told of it. */
  run_id: string | null
}

/** What may be done inside the intake's transaction. */
export interface IntakeSession {
  /** Keeps other replicas from writing the same traces until the transaction ends. */
  lock: (wanted: readonly TraceKey[]) => Promise<void>
  /** Where traces are that were recorded before, under whatever time. */
  findKeys: (wanted: readonly TraceKey[]) => Promise<StoredKey[]>
  /** Removes traces with their spans. */
  remove: (unwanted: readonly TraceKey[]) => Promise<void>
  /** Writes traces and tells which of them are new. */
  upsertTraces: (traces: readonly CountedTrace[]) => Promise<Pick<TraceKey, 'tenant_id' | 'id'>[]>
  /** Adds spans; one that was running is replaced by one that has ended. */
  upsertSpans: (traces: readonly CountedTrace[]) => Promise<void>
  stored: (wanted: readonly TraceKey[]) => Promise<StoredTrace[]>
  updateTotals: (changes: readonly { key: TraceKey; totals: Totals }[]) => Promise<void>
  addMonthlyCosts: (costs: readonly MonthlyCost[]) => Promise<void>
}

/** The rows of all tenants. */
export interface IntakeRows {
  /** Runs work in one transaction. */
  transaction: <T>(work: (session: IntakeSession) => Promise<T>) => Promise<T>
}

interface Parts {
  store: IntakeRows
  partitions: PartitionKeeper
}

const keyOf = ({ tenantId, trace }: TraceReport): TraceKey => ({
  tenant_id: tenantId,
  id: trace.id,
  created_at: trace.created_at,
})
const nameOf = ({ tenant_id, id }: Pick<TraceKey, 'tenant_id' | 'id'>) => `${tenant_id}/${id}`

const counted = (reported: TraceReport): CountedTrace => {
  const { metadata, ...totals } = totalsOf(reported.spans)
  return { ...reported, trace: { ...reported.trace, ...totals, metadata: { ...reported.trace.metadata, ...metadata } } }
}

/** What is stored already keeps its place in time, whatever a later event says: it decides the partition. */
const inPlace = (reported: readonly TraceReport[], stored: readonly TraceKey[]): TraceReport[] => {
  const places = new Map(stored.map((key) => [nameOf(key), key.created_at]))
  return reported.map((each) => {
    const created_at = places.get(nameOf(keyOf(each))) ?? each.trace.created_at
    return { ...each, trace: { ...each.trace, created_at } }
  })
}

/**
 * A run has its trace for itself: what another program told of it before is removed when the run is reported, what it tells
 * afterwards is left out. Gives what is to be written, in its place.
 */
const ownersFirst = async (session: IntakeSession, reported: readonly TraceReport[]): Promise<TraceReport[]> => {
  const known = await session.findKeys(reported.map(keyOf))
  const runs = new Set(reported.filter(isOfRun).map((each) => nameOf(keyOf(each))))
  const isForeign = (key: StoredKey) => key.run_id === null && runs.has(nameOf(key))
  const foreign = known.filter(isForeign)
  if (foreign.length > 0) await session.remove(foreign)
  const ofRuns = new Set(known.filter(({ run_id }) => run_id !== null).map(nameOf))
  return inPlace(
    reported.filter((each) => isOfRun(each) || !ofRuns.has(nameOf(keyOf(each)))),
    known.filter((key) => !isForeign(key)),
  )
}

const firstCost = ({ tenantId, trace }: CountedTrace): CostChange => ({
  tenantId,
  agentId: trace.agent_id,
  parentTraceId: trace.parent_trace_id,
  createdAt: trace.created_at,
  usd: trace.total_cost,
})

const costChange = (before: StoredTrace): CostChange => ({
  tenantId: before.tenant_id,
  agentId: before.agent_id,
  parentTraceId: before.parent_trace_id,
  createdAt: before.created_at,
  usd: totalsOf(before.spans).total_cost - before.total_cost,
})

/**
 * Writes traces that differ from each other. One that was there already is counted anew over all spans it has by then;
 * the monthly costs get only what it costs more than before.
 */
const write = async (session: IntakeSession, reported: readonly TraceReport[]): Promise<void> => {
  await session.lock(reported.map(keyOf))
  const traces = (await ownersFirst(session, reported)).map(counted)
  if (traces.length === 0) return
  const fresh = await session.upsertTraces(traces)
  await session.upsertSpans(traces)
  const names = new Set(fresh.map(nameOf))
  const [first, again] = [
    traces.filter((each) => names.has(nameOf(keyOf(each)))),
    traces.filter((each) => !names.has(nameOf(keyOf(each)))),
  ]
  const stored = again.length === 0 ? [] : await session.stored(again.map(keyOf))
  if (stored.length > 0)
    await session.updateTotals(stored.map((trace) => ({ key: trace, totals: totalsOf(trace.spans) })))
  const costs = monthlyCosts([...first.map(firstCost), ...stored.map(costChange)])
  if (costs.length > 0) await session.addMonthlyCosts(costs)
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

/** Stores traces that events tell of. @throws when one cannot be stored, or the database is away: then none may have been */
export const createIntakeUseCase =
  ({ store, partitions }: Parts) =>
  async (batch: readonly TraceReport[]): Promise<void> => {
    const reported = mergeReports(batch)
    await partitions.ensurePartitions(
      reported.map(({ trace }) => trace.created_at),
      Date.now(),
    )
    for (const portion of portionsOf(reported)) await store.transaction((session) => write(session, portion))
  }
