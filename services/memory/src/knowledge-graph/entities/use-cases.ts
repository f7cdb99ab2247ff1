/** The entities of a graph: written, listed, found and deleted. */
import { actorOf, type Actor, type Call } from '@clawmesh/chassis'
import type { MemoryAgent } from '../../agents/types.ts'
import type { WaitingChunk } from '../../chunks/types.ts'
import { checkText } from '../../documents/check.ts'
import type { ChunkEmbedding } from '../../embeddings/use-cases.ts'
import { isRelated, leastShare, scoreOf, usualWeights } from '../../hybrid/score.ts'
import type { CandidateSearch } from '../../hybrid/use-cases.ts'
import { fold } from '../../text/fold.ts'
import { entityNotFound, graphScope } from '../scope.ts'
import type { Entity, GraphOwner, GraphScope, NewEntity, Relation } from '../types.ts'

export interface EntityPage {
  type: string | undefined
  limit: number
  offset: number
}

/** The rows of one tenant. */
export interface EntityRows {
  /** The entity that changed last first. */
  list: (scope: GraphScope, page: EntityPage) => Promise<Entity[]>
  load: (ids: readonly string[]) => Promise<Entity[]>
  find: (scope: GraphScope, id: string) => Promise<Entity | undefined>
  /** Those from and to an entity, the youngest first; all unless a number is given. */
  relationsOf: (scope: GraphScope, id: string, most?: number) => Promise<Relation[]>
  upsert: (
    owner: GraphOwner,
    entity: NewEntity,
    actor: Actor,
  ) => Promise<{ id: string; waiting?: WaitingChunk | undefined }>
  remove: (scope: GraphScope, id: string, actor: Actor) => Promise<void>
  /** Deletes all graphs of an agent; a second time finds nothing left. */
  removeOfAgent: (agentId: string) => Promise<void>
}

interface Parts {
  rowsOf: (tenantId: string) => EntityRows
  candidates: CandidateSearch<Entity>
  embedding: ChunkEmbedding
  /** How long writing waits for vectors. */
  putEmbedTimeoutMs: number
}

/** Each side of a search brings this many times the wanted results. */
const candidateFactor = 2
/** No list is that long, and the database counts no further. */
const highestOffset = 2_147_483_647

/** 2 for an entity of this name, 1 for one whose name begins so. */
const nameRank = ({ name, externalId }: Entity, question: string): number => {
  const folded = fold(name)
  if (folded === question || fold(externalId) === question) return 2
  return folded.startsWith(question) ? 1 : 0
}

export const createEntityUseCases = ({ rowsOf, candidates, embedding, putEmbedTimeoutMs }: Parts) => ({
  list: async (
    call: Call,
    agent: MemoryAgent,
    { userId, ...page }: EntityPage & { userId: string },
  ): Promise<Entity[]> =>
    rowsOf(call.caller.tenantId).list(graphScope(call, agent, userId), {
      ...page,
      offset: Math.min(page.offset, highestOffset),
    }),

  /** Entities that have to do with a question, best first. */
  search: async (
    call: Call,
    agent: MemoryAgent,
    scope: GraphScope,
    { query, type, limit }: { query: string; type?: string | undefined; limit: number },
  ): Promise<Entity[]> => {
    const { measured, space } = await candidates(call, agent, { ...scope, limit: limit * candidateFactor }, query)
    const hasText = measured.some(({ coverage }) => coverage > 0)
    const related = measured.flatMap(({ coverage, cosine, ...entity }) => {
      const measures = { id: entity.id, coverage, cosine }
      return isRelated(measures, space) ? [{ entity, score: scoreOf(measures, usualWeights(space), hasText) }] : []
    })
    const question = fold(query).trim()
    const best = Math.max(0, ...related.map(({ score }) => score))
    const found = related
      .filter(({ entity, score }) => score >= best * leastShare && (type === undefined || entity.entityType === type))
      .map(({ entity, score }) => ({ entity, rank: nameRank(entity, question) + score }))
    return found
      .toSorted((a, b) => b.rank - a.rank || (a.entity.id < b.entity.id ? -1 : 1))
      .slice(0, limit)
      .map(({ entity }) => entity)
  },

  /** Entities of a scope, the one that changed last first. */
  newest: (call: Call, scope: GraphScope, page: Omit<EntityPage, 'offset'>): Promise<Entity[]> =>
    rowsOf(call.caller.tenantId).list(scope, { ...page, offset: 0 }),

  find: (call: Call, scope: GraphScope, id: string): Promise<Entity | undefined> =>
    rowsOf(call.caller.tenantId).find(scope, id),

  /** The youngest relations of each of some entities, by its id, and the entities at their ends. */
  around: async (call: Call, scope: GraphScope, entities: readonly Entity[], most: number) => {
    const { relationsOf, load } = rowsOf(call.caller.tenantId)
    const relations = new Map<string, Relation[]>()
    for (const { id } of entities) relations.set(id, await relationsOf(scope, id, most))
    const ids = [...relations.values()].flat().flatMap((one) => [one.sourceEntityId, one.targetEntityId])
    return { relations, ends: new Map((await load([...new Set(ids)])).map((entity) => [entity.id, entity])) }
  },

  /** @throws NOT_FOUND */
  get: async (call: Call, agent: MemoryAgent, id: string, userId: string) => {
    const rows = rowsOf(call.caller.tenantId)
    const scope = graphScope(call, agent, userId)
    const entity = await rows.find(scope, id)
    if (entity === undefined) throw entityNotFound(id)
    return { entity, relations: await rows.relationsOf(scope, id) }
  },

  /** Creates an entity, or replaces that of its external id; its id. A failure to embed it is none of the writer's. */
  put: async (call: Call, agent: MemoryAgent, userId: string, entity: NewEntity): Promise<string> => {
    const owner = { agentId: agent.id, userId: checkText('user_id', userId) }
    const confidence = entity.confidence > 0 ? Math.min(entity.confidence, 1) : 1
    const { id, waiting } = await rowsOf(call.caller.tenantId).upsert(owner, { ...entity, confidence }, actorOf(call))
    const signal = AbortSignal.any([call.signal, AbortSignal.timeout(putEmbedTimeoutMs)])
    if (waiting !== undefined) await embedding.embed({ ...call, signal }, agent, [waiting])
    return id
  },

  /** Again is fine. */
  remove: async (call: Call, agent: MemoryAgent, id: string, userId: string): Promise<void> =>
    rowsOf(call.caller.tenantId).remove(graphScope(call, agent, userId), id, actorOf(call)),

  removeOfAgent: (tenantId: string, agentId: string): Promise<void> => rowsOf(tenantId).removeOfAgent(agentId),
})

export type EntityUseCases = ReturnType<typeof createEntityUseCases>
