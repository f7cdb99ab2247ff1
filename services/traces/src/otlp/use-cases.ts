/** Takes in spans of other programs: what a request brings is stored when it is answered. */
import { createFairTurns } from '@clawmesh/chassis'
import { MeshError, type Caller } from '@clawmesh/contracts'
import { readTold, type ToldTrace } from '../intake/read-event.ts'
import type { TraceReport } from '../intake/types.ts'
import { tracesOf, type Rejected } from './read.ts'
import type { OtlpRequest } from './request.ts'

/** Whose a trace is that is there. */
export interface Owned {
  id: string
  /** Set where it is the trace of a run. */
  runId: string | null
  userId: string | null
}

interface Parts {
  owners: (tenantId: string, ids: readonly string[]) => Promise<Owned[]>
  store: (batch: readonly TraceReport[]) => Promise<void>
  /** Characters of a preview that are kept. */
  previewLimit: number
  retentionDays: number
  now?: () => number
}

/** Requests that are worked on at a time, and those that may wait for it; their bodies are read when their turn comes. */
const atOnce = 4
const waitingAtMost = 64

const dayMs = 24 * 3_600_000

export const createOtlpUseCases = ({ owners, store, previewLimit, retentionDays, now = Date.now }: Parts) => {
  const inTurn = createFairTurns(atOnce)
  let open = 0

  /** What is in the trace of an own run, or of somebody else, stays out of it. */
  const withoutForeign = async (caller: Caller, traces: readonly ToldTrace[]): Promise<[ToldTrace[], Rejected]> => {
    const known = new Map(
      (
        await owners(
          caller.tenantId,
          traces.map(({ trace }) => trace.id),
        )
      ).map((owned) => [owned.id, owned]),
    )
    const isForeign = ({ trace }: ToldTrace) => {
      const owned = known.get(trace.id)
      if (owned === undefined) return false
      return owned.runId !== null || (caller.userBound && owned.userId !== caller.userId)
    }
    const foreign = traces.filter(isForeign)
    const spans = foreign.reduce((sum, each) => sum + each.spans.length, 0)
    return [
      traces.filter((each) => !foreign.includes(each)),
      { spans, reasons: new Set(spans === 0 ? [] : ['the trace belongs to a run, or to another user']) },
    ]
  }

  return {
    /**
     * Stores what `read` brings. Tells how many spans were left out.
     * @throws RESOURCE_EXHAUSTED where too many requests wait; what `read` throws
     */
    take: async (caller: Caller, read: () => Promise<OtlpRequest>): Promise<Rejected> => {
      if (open >= atOnce + waitingAtMost)
        throw new MeshError('RESOURCE_EXHAUSTED', 'error.rate_limit', {}, { retryAfterMs: 1_000 })
      open++
      try {
        return await inTurn(caller.tenantId, async () => {
          const { tenantId, userId, userBound } = caller
          const keptFrom = now() - retentionDays * dayMs
          const { traces, rejected } = tracesOf(await read(), { tenantId, userId, userBound, now: now(), keptFrom })
          if (traces.length === 0) return rejected
          const [own, foreign] = await withoutForeign(caller, traces)
          await store(own.map((each) => readTold(each, previewLimit)))
          return {
            spans: rejected.spans + foreign.spans,
            reasons: new Set([...rejected.reasons, ...foreign.reasons]),
          }
        })
      } finally {
        open--
      }
    },
  }
}

export type OtlpUseCases = ReturnType<typeof createOtlpUseCases>
