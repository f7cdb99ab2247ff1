/** Takes in spans of other programs: what a request brings is stored when it is answered. */
import { createBreather, createFairTurns, createPlaces } from '@clawmesh/chassis'
import { MeshError, type Caller } from '@clawmesh/contracts'
import { readSpan, readTold, type ToldTrace } from '../intake/read-event.ts'
import type { TraceReport, TraceSpan } from '../intake/types.ts'
import type { TenantSpans } from '../span-store/port.ts'
import { tracesOf, type Rejected } from './read.ts'
import type { OtlpRequest } from './request.ts'

interface Parts {
  spans: { of: (tenantId: string) => Pick<TenantSpans, 'owners'> }
  store: (batch: readonly TraceReport[]) => Promise<void>
  /** Characters of a preview that are kept. */
  previewLimit: number
  retentionDays: number
  now?: () => number
}

/** Requests of one tenant, from their first byte on: whoever sends slowly keeps out nobody but itself. */
const ofTenant = 16
/** Requests that are worked on at a time, and those that may wait for it with their bodies in memory. */
const atOnce = 4
const waitingAtMost = 64
const everybody = ''

const dayMs = 24 * 3_600_000

/** Their texts are searched for credentials, which takes long. */
const readInTurns = async (traces: readonly ToldTrace[], previewLimit: number): Promise<TraceReport[]> => {
  const reports: TraceReport[] = []
  const breathe = createBreather()
  const readOne = readSpan(previewLimit)
  for (const trace of traces) {
    const spans: TraceSpan[] = []
    for (const span of trace.spans) {
      spans.push(readOne(span))
      await breathe()
    }
    reports.push({ ...readTold({ ...trace, spans: [] }, previewLimit), spans })
  }
  return reports
}

/** Does work in a place that was taken for it. @throws RESOURCE_EXHAUSTED where there was none */
const inPlace = async <T>(leave: (() => void) | undefined, work: () => Promise<T>): Promise<T> => {
  if (leave === undefined) throw new MeshError('RESOURCE_EXHAUSTED', 'error.rate_limit', {}, { retryAfterMs: 1_000 })
  return work().finally(leave)
}

export const createOtlpUseCases = ({ spans, store, previewLimit, retentionDays, now = Date.now }: Parts) => {
  const inTurn = createFairTurns(atOnce)
  const takeUnderWay = createPlaces(ofTenant)
  const takeArrived = createPlaces(atOnce + waitingAtMost)

  /** What is in the trace of an own run, or of somebody else, stays out of it. */
  const withoutForeign = async (caller: Caller, traces: readonly ToldTrace[]): Promise<[ToldTrace[], Rejected]> => {
    const known = new Map(
      (await spans.of(caller.tenantId).owners(traces.map(({ trace }) => trace.id))).map((owned) => [owned.id, owned]),
    )
    const isForeign = ({ trace }: ToldTrace) => {
      const owned = known.get(trace.id)
      if (owned === undefined) return false
      return owned.runId !== null || (caller.userBound && owned.userId !== caller.userId)
    }
    const { foreign = [], own = [] } = Object.groupBy(traces, (each) => (isForeign(each) ? 'foreign' : 'own'))
    const left = foreign.reduce((sum, each) => sum + each.spans.length, 0)
    return [
      own,
      { spans: left, reasons: new Set(left === 0 ? [] : ['the trace belongs to a run, or to another user']) },
    ]
  }

  const taken = async (caller: Caller, request: OtlpRequest): Promise<Rejected> => {
    const { tenantId, userId, userBound } = caller
    const keptFrom = now() - retentionDays * dayMs
    const { traces, rejected } = tracesOf(request, { tenantId, userId, userBound, now: now(), keptFrom })
    if (traces.length === 0) return rejected
    const [own, foreign] = await withoutForeign(caller, traces)
    await store(await readInTurns(own, previewLimit))
    return { spans: rejected.spans + foreign.spans, reasons: new Set([...rejected.reasons, ...foreign.reasons]) }
  }

  return {
    /**
     * Stores what a request brings. Tells how many spans were left out.
     * @param body its bytes, which may be long in coming
     * @param read makes a request of them
     * @throws RESOURCE_EXHAUSTED where too many requests wait; what `body` and `read` throw
     */
    take: (
      caller: Caller,
      body: () => Promise<Buffer>,
      read: (bytes: Buffer) => Promise<OtlpRequest>,
    ): Promise<Rejected> =>
      inPlace(takeUnderWay(caller.tenantId), async () => {
        const bytes = await body()
        return inPlace(takeArrived(everybody), () =>
          inTurn(caller.tenantId, async () => taken(caller, await read(bytes))),
        )
      }),
  }
}

export type OtlpUseCases = ReturnType<typeof createOtlpUseCases>
