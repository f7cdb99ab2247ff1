/** Entities that are one and the same: found, judged and merged. */
import { MeshError } from '@clawmesh/contracts'
import { actorOf, type Actor, type Call, type Logger } from '@clawmesh/chassis'
import type { MemoryAgent } from '../../agents/types.ts'
import { nameSimilarity } from '../../text/similarity.ts'
import { graphScope } from '../scope.ts'
import type { Entity, GraphScope } from '../types.ts'

export interface Candidate {
  id: string
  entityA: Entity
  entityB: Entity
  similarity: number
  status: 'pending' | 'merged' | 'dismissed'
  createdAt: Date
}

/** An entity beside its nearest neighbour of the same type and owner. */
export interface Neighbour {
  id: string
  name: string
  confidence: number
  /** Cosine of the angle between the vectors. */
  similarity: number
}

export interface Pair {
  aId: string
  bId: string
  userId: string
  similarity: number
}

/** The rows of one tenant. */
export interface DedupRows {
  /** An entity with its vector's three nearest neighbours; undefined once it is gone. */
  neighboursOf: (id: string) => Promise<{ entity: Omit<Neighbour, 'similarity'>; near: Neighbour[] } | undefined>
  /** Pairs more alike than a threshold among the 2,000 entities that changed last, the most alike first. @throws after 30 s */
  alike: (scope: GraphScope, options: { threshold: number; limit: number }) => Promise<Pair[]>
  /** Records pairs as candidates; those that are recorded stay as they are. */
  record: (agentId: string, pairs: readonly Pair[]) => Promise<void>
  open: (scope: GraphScope, limit: number) => Promise<Candidate[]>
  /** Dismisses those of some candidates that are open; how many. */
  dismiss: (scope: GraphScope, ids: readonly string[], actor: Actor) => Promise<number>
  /** @throws NOT_FOUND naming the entity that is not there, INVALID_REQUEST for entities of two owners */
  merge: (scope: GraphScope, pair: { targetId: string; sourceId: string }, actor: Actor) => Promise<void>
}

interface Parts {
  rowsOf: (tenantId: string) => DedupRows
  log: Logger
}

const sameMeaning = 0.98
const sameName = 0.85
const alikeMeaning = 0.9
const usualLimit = 100

export const createDedupUseCases = ({ rowsOf, log }: Parts) => {
  /** Merges an entity with a neighbour that is the same; or records those that are alike. */
  const judge = async (call: Call, agentId: string, userId: string, id: string) => {
    const rows = rowsOf(call.caller.tenantId)
    const found = await rows.neighboursOf(id)
    if (found === undefined) return { merged: 0, flagged: 0 }
    const { entity, near } = found
    const alike: Pair[] = []
    for (const other of near) {
      if (other.similarity >= sameMeaning && nameSimilarity(entity.name, other.name) >= sameName) {
        // Of two that the sources are equally sure of, the one that was there stays.
        const [kept, gone] = entity.confidence > other.confidence ? [entity, other] : [other, entity]
        const scope = { agentId, userIds: [userId] }
        await rows.merge(scope, { targetId: kept.id, sourceId: gone.id }, actorOf(call))
        return { merged: 1, flagged: 0 }
      }
      if (other.similarity >= alikeMeaning) alike.push({ aId: id, bId: other.id, userId, similarity: other.similarity })
    }
    await rows.record(agentId, alike)
    return { merged: 0, flagged: alike.length }
  }

  return {
    /** Judges entities of one owner that were just written. A failure is only logged. */
    afterIngest: async (call: Call, agent: MemoryAgent, userId: string, ids: readonly string[]) => {
      const sum = { merged: 0, flagged: 0 }
      try {
        for (const id of ids) {
          const { merged, flagged } = await judge(call, agent.id, userId, id)
          sum.merged += merged
          sum.flagged += flagged
        }
      } catch (err) {
        log.warn({ err, tenantId: call.caller.tenantId, agentId: agent.id }, 'entities could not be compared')
      }
      return sum
    },

    /** Compares the entities that changed last and records the pairs that are alike; how many there are. */
    scan: async (
      call: Call,
      agent: MemoryAgent,
      {
        userId,
        threshold = 0,
        limit = 0,
      }: { userId: string; threshold?: number | undefined; limit?: number | undefined },
    ): Promise<number> => {
      const rows = rowsOf(call.caller.tenantId)
      const pairs = await rows.alike(graphScope(call, agent, userId), {
        threshold: threshold > 0 ? threshold : alikeMeaning,
        limit: limit > 0 ? limit : usualLimit,
      })
      await rows.record(agent.id, pairs)
      return pairs.length
    },

    open: (
      call: Call,
      agent: MemoryAgent,
      { userId, limit }: { userId: string; limit: number },
    ): Promise<Candidate[]> => rowsOf(call.caller.tenantId).open(graphScope(call, agent, userId), limit),

    /** @throws INVALID_REQUEST without an id, NOT_FOUND when none of them is open */
    dismiss: async (call: Call, agent: MemoryAgent, userId: string, ids: readonly string[]): Promise<void> => {
      if (ids.length === 0) throw new MeshError('INVALID_REQUEST', 'error.required', { field: 'candidate_id' })
      const scope = graphScope(call, agent, userId)
      if ((await rowsOf(call.caller.tenantId).dismiss(scope, ids, actorOf(call))) === 0)
        throw new MeshError('NOT_FOUND', 'error.not_found', { kind: 'candidate', id: ids.join(', ') })
    },

    /** @throws INVALID_REQUEST, NOT_FOUND */
    merge: async (
      call: Call,
      agent: MemoryAgent,
      userId: string,
      pair: { targetId: string; sourceId: string },
    ): Promise<void> => {
      if (pair.targetId === pair.sourceId)
        throw new MeshError('INVALID_REQUEST', 'error.invalid_request', {
          field: 'source_id',
          reason: 'is the target itself',
        })
      await rowsOf(call.caller.tenantId).merge(graphScope(call, agent, userId), pair, actorOf(call))
    },
  }
}

export type DedupUseCases = ReturnType<typeof createDedupUseCases>
