/** Takes in what events tell of traces. Idempotent: the same events leave the same rows and the same costs. */
import type { Logger } from '@clawmesh/chassis'
import type { CloudEvent } from '@clawmesh/contracts'
import type { IntakeSession, IntakeStore, StoredTrace } from '../store/intake.ts'
import { mergeTold } from './merge.ts'
import { monthlyCosts, type CostChange } from './monthly-costs.ts'
import type { PartitionKeeper } from './partitions.ts'
import { readTraceEvent, type ReadingOptions } from './read-event.ts'
import { totalsOf } from './totals.ts'
import type { CountedTrace, ToldTrace, TraceKey } from './types.ts'
import { writeAll } from './write-all.ts'

interface Parts {
  store: IntakeStore
  partitions: PartitionKeeper
  reading: ReadingOptions
  log: Logger
}

const keyOf = ({ tenantId, trace }: ToldTrace): TraceKey => ({
  tenant_id: tenantId,
  id: trace.id,
  created_at: trace.created_at,
})
const nameOf = ({ tenant_id, id }: Pick<TraceKey, 'tenant_id' | 'id'>) => `${tenant_id}/${id}`

const counted = (told: ToldTrace): CountedTrace => {
  const { metadata, ...totals } = totalsOf(told.spans)
  return { ...told, trace: { ...told.trace, ...totals, metadata: { ...told.trace.metadata, ...metadata } } }
}

/** What is stored already keeps its place in time, whatever a later event says: it decides the partition. */
const inPlace = (told: readonly ToldTrace[], stored: readonly TraceKey[]): ToldTrace[] => {
  const places = new Map(stored.map((key) => [nameOf(key), key.created_at]))
  return told.map((each) => {
    const created_at = places.get(nameOf(keyOf(each))) ?? each.trace.created_at
    return { ...each, trace: { ...each.trace, created_at } }
  })
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
const write = async (session: IntakeSession, told: readonly ToldTrace[]): Promise<void> => {
  const keys = told.map(keyOf)
  await session.lock(keys)
  const traces = inPlace(told, await session.findKeys(keys)).map(counted)
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

const charactersOf = ({ spans }: ToldTrace) =>
  spans.reduce((sum, span) => sum + (span.input_preview?.length ?? 0) + (span.output_preview?.length ?? 0), 0)

/** A batch as one portion, or as several when it would be too much for one statement. */
const portionsOf = (told: readonly ToldTrace[]): ToldTrace[][] => {
  const portions: ToldTrace[][] = []
  let room = 0
  for (const trace of told) {
    const characters = charactersOf(trace)
    if (portions.length === 0 || characters > room) {
      portions.push([])
      room = portionCharacters
    }
    portions.at(-1)!.push(trace)
    room -= characters
  }
  return portions
}

/** Handles a batch of `traceRecorded` events. @throws when the database is away: the batch must come again */
export const createIntake = ({ store, partitions, reading, log }: Parts) => {
  const read = (event: CloudEvent): ToldTrace[] => {
    try {
      return [readTraceEvent(event, reading)]
    } catch (err) {
      log.error({ err, eventId: event.id, tenantId: event.tenantid }, 'skipped an event that is no trace')
      return []
    }
  }

  const writing = {
    write: (told: readonly ToldTrace[]) => store.transaction((session) => write(session, told)),
    refusal: store.refusal,
    skipped: (told: ToldTrace, refusal: object) => {
      // Not the error itself: its details quote the row.
      const { tenant_id: tenantId, id: traceId } = keyOf(told)
      log.error({ ...refusal, tenantId, traceId }, 'skipped a trace that the database refuses')
    },
  }

  return async (batch: readonly CloudEvent[]): Promise<void> => {
    const told = mergeTold(batch.flatMap(read))
    if (told.length === 0) return
    await partitions.makeRoom(
      told.map(({ trace }) => trace.created_at),
      Date.now(),
    )
    for (const portion of portionsOf(told)) await writeAll(portion, writing)
  }
}
