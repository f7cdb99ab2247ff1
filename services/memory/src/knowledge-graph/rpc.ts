/** Graphs as agent runs read them. */
import { uuid } from '@clawmesh/contracts'
import type { GraphEntity, GraphLink, MemoryServiceService } from '@clawmesh/contracts/gen/clawmesh/memory/v1/memory.ts'
import type { Call, RpcFunctions } from '@clawmesh/chassis'
import type { FindRunOwner } from '../agents/run-owner.ts'
import { ownersFor } from '../documents/owners.ts'
import type { EntityUseCases } from './entities/use-cases.ts'
import type { GraphUseCases } from './graph/use-cases.ts'
import type { Entity, GraphScope, Relation } from './types.ts'

interface Parts {
  entities: EntityUseCases
  graph: GraphUseCases
  findRunOwner: FindRunOwner
}

const mostEntities = 100
const isId = (text: string): boolean => uuid.safeParse(text).success
const linksOfStart = 10

const toEntity = ({ id, name, entityType, description }: Entity): GraphEntity => ({ id, name, entityType, description })

/** The relations of an entity as links to the other ends, those that lead nowhere left out. */
const linksOf = (id: string, relations: readonly Relation[], known: ReadonlyMap<string, Entity>): GraphLink[] =>
  relations.flatMap(({ sourceEntityId, relationType, targetEntityId }) => {
    const incoming = targetEntityId === id && sourceEntityId !== id
    const other = known.get(incoming ? sourceEntityId : targetEntityId)
    return other === undefined || (sourceEntityId !== id && !incoming)
      ? []
      : [{ relationType, incoming, other: toEntity(other) }]
  })

export const createGraphRpc = ({ entities, graph, findRunOwner }: Parts) => {
  /** Entities with at most so many links each. */
  const withLinks = async (call: Call, scope: GraphScope, found: readonly Entity[], most: number) => {
    const { relations, ends } = await entities.around(call, scope, found, most)
    return found.map((entity) => ({
      entity: toEntity(entity),
      links: linksOf(entity.id, relations.get(entity.id) ?? [], ends),
    }))
  }

  /** The graphs that a run reads: its user's and the shared one. */
  const scopeOf = async (call: Call, request: { agentId: string; userId: string }) => {
    const { agent, graphUserId } = await findRunOwner(call, request)
    return { agent, scope: { agentId: agent.id, userIds: ownersFor(graphUserId) } }
  }

  return {
    searchGraph: async (call, request) => {
      const { agent, scope } = await scopeOf(call, request)
      const { query, entityType, relations } = request
      const limit = Math.min(Math.max(request.limit, 1), mostEntities)
      const type = entityType || undefined
      const found =
        query.trim() === ''
          ? await entities.newest(call, scope, { type, limit })
          : await entities.search(call, agent, scope, { query, type, limit })
      return { entities: await withLinks(call, scope, found, relations) }
    },

    walkGraph: async (call, request) => {
      const { scope } = await scopeOf(call, request)
      // A model may ask for anything.
      const start = isId(request.entityId) ? await entities.find(call, scope, request.entityId) : undefined
      if (start === undefined) return { start: undefined, reached: [] }
      const [shown] = await withLinks(call, scope, [start], linksOfStart)
      const reached = await graph.walk(call, scope, start.id, request.maxDepth)
      const names = new Map([start, ...reached.map(({ entity }) => entity)].map(({ id, name }) => [id, name]))
      return {
        start: shown,
        reached: reached.map(({ entity, depth, via, path }) => ({
          entity: toEntity(entity),
          depth,
          via,
          path: path.map((id) => names.get(id) ?? id),
        })),
      }
    },
  } satisfies Partial<RpcFunctions<typeof MemoryServiceService>>
}
