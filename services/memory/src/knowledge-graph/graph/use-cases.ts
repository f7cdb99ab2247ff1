/** A graph as a whole: walked, counted and drawn. */
import { MeshError } from '@clawmesh/contracts'
import type { Call } from '@clawmesh/chassis'
import type { MemoryAgent } from '../../agents/types.ts'
import { graphScope } from '../scope.ts'
import type { Entity, GraphScope, Relation } from '../types.ts'

export interface Reached {
  entity: Entity
  /** The start has 1. */
  depth: number
  /** Ids from the start to the entity. */
  path: string[]
  /** Type of the last relation; after a ~ where it was walked against its direction. */
  via: string
}

/** The rows of one tenant. */
export interface GraphRows {
  /** Entities reached on paths without a circle, the nearest first; at most 5000. @throws after 5 seconds */
  walk: (scope: GraphScope, startId: string, maxDepth: number) => Promise<Reached[]>
  counts: (scope: GraphScope) => Promise<{ entities: number; relations: number; types: Record<string, number> }>
  newestEntities: (scope: GraphScope, limit: number) => Promise<Entity[]>
  newestRelations: (scope: GraphScope, limit: number) => Promise<Relation[]>
}

const usualDepth = 2
const deepest = 3

export const createGraphUseCases = ({ rowsOf }: { rowsOf: (tenantId: string) => GraphRows }) => ({
  /** What is reached from an entity in a scope; nothing from one that is not in it. A depth of 0 or less means 2. */
  walk: (call: Call, scope: GraphScope, startId: string, maxDepth: number): Promise<Reached[]> =>
    rowsOf(call.caller.tenantId).walk(scope, startId, maxDepth > 0 ? Math.min(maxDepth, deepest) : usualDepth),

  /** The entity where a walk starts. @throws INVALID_REQUEST without one */
  startOf: ({ entityId, from }: { entityId?: string | undefined; from?: string | undefined }): string => {
    const start = entityId ?? from
    if (start === undefined) throw new MeshError('INVALID_REQUEST', 'error.required', { field: 'entity_id' })
    return start
  },

  counts: (call: Call, agent: MemoryAgent, userId: string) =>
    rowsOf(call.caller.tenantId).counts(graphScope(call, agent, userId)),

  /** The newest entities, and three times as many of the newest relations. */
  newest: async (call: Call, agent: MemoryAgent, { userId, limit }: { userId: string; limit: number }) => {
    const { newestEntities, newestRelations } = rowsOf(call.caller.tenantId)
    const scope = graphScope(call, agent, userId)
    const [entities, relations] = await Promise.all([newestEntities(scope, limit), newestRelations(scope, limit * 3)])
    return { entities, relations }
  },
})

export type GraphUseCases = ReturnType<typeof createGraphUseCases>
