/** What memory held in the hours of a series, which memory is asked for. */
import type { Held, MemoryServiceService } from '@clawmesh/contracts/gen/clawmesh/memory/v1/memory.ts'
import type { Call, Logger, RpcFunctions } from '@clawmesh/chassis'
import type { SpanOfTime } from './span-of-time.ts'
import type { HeldThen } from './types.ts'

export const nothingHeld: HeldThen = { memoryDocs: 0, memoryChunks: 0, kgEntities: 0, kgRelations: 0 }

/** What was held just before a time, in milliseconds since 1970. */
export type HeldBefore = (timeMs: number) => HeldThen

/** What a tenant, or one agent of it, held in a time. */
export type HeldIn = (call: Call, span: SpanOfTime, agentId: string | undefined) => Promise<HeldBefore>

/** States are sorted by time; each lasts until the next. */
export const heldBefore =
  (states: readonly Held[]): HeldBefore =>
  (timeMs) => {
    const last = states.findLast(({ hourMs }) => hourMs < timeMs)
    if (last === undefined) return nothingHeld
    const { documents, chunks, entities, relations } = last
    return { memoryDocs: documents, memoryChunks: chunks, kgEntities: entities, kgRelations: relations }
  }

/** Usage is told without it while memory is away. */
export const createHeldIn =
  (memory: Pick<RpcFunctions<typeof MemoryServiceService>, 'getHeld'>, log: Logger): HeldIn =>
  async (call, { from, to }, agentId = '') => {
    try {
      const { states } = await memory.getHeld(call, { agentId, fromMs: from.getTime(), toMs: to.getTime() })
      return heldBefore(states)
    } catch (err) {
      log.warn({ err, tenantId: call.caller.tenantId }, 'memory could not be asked what it held')
      return () => nothingHeld
    }
  }
