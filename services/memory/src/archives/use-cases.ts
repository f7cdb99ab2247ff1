/** Reading all that an agent remembers, and writing it to another one. */
import { actorOf, type Actor, type Call } from '@clawmesh/chassis'
import type { FindAgent } from '../agents/types.ts'
import { chunkInSteps } from '../chunks/chunker.ts'
import { checkText, documentKey, isIndexed } from '../documents/check.ts'
import type { ChunkSizesOf, DocumentRows } from '../documents/use-cases.ts'
import type { MemoryCounts, OwnDocument, OwnEntity, OwnRelation } from './types.ts'

export interface ArchiveRows {
  count: (agentId: string) => Promise<MemoryCounts>
  /** By user and path. */
  documents: (agentId: string) => AsyncIterable<OwnDocument>
  entities: (agentId: string) => AsyncIterable<OwnEntity>
  relations: (agentId: string) => AsyncIterable<OwnRelation>
  /** Creates or replaces; of relations those whose ends are there. How many were written. */
  writeGraph: (
    agentId: string,
    graph: { entities: readonly OwnEntity[]; relations: readonly OwnRelation[] },
    actor: Actor,
  ) => Promise<{ entities: number; relations: number }>
}

interface Parts {
  rowsOf: (tenantId: string) => ArchiveRows
  documentsOf: (tenantId: string) => Pick<DocumentRows, 'put'>
  findAgent: FindAgent
  chunkSizesOf: ChunkSizesOf
}

const ownerOf = <T extends { userId: string }>(thing: T): T => ({
  ...thing,
  userId: checkText('user_id', thing.userId),
})

export const createArchiveUseCases = ({ rowsOf, documentsOf, findAgent, chunkSizesOf }: Parts) => ({
  /** @throws NOT_FOUND */
  count: async (call: Call, agent: string): Promise<MemoryCounts> => {
    const { id } = await findAgent(call, agent)
    return rowsOf(call.caller.tenantId).count(id)
  },

  /** @throws NOT_FOUND */
  documents: async function* (call: Call, agent: string): AsyncGenerator<OwnDocument> {
    const { id } = await findAgent(call, agent)
    yield* rowsOf(call.caller.tenantId).documents(id)
  },

  /** All entities, then all relations. @throws NOT_FOUND */
  graph: async function* (
    call: Call,
    agent: string,
  ): AsyncGenerator<{ entity: OwnEntity } | { relation: OwnRelation }> {
    const { id } = await findAgent(call, agent)
    const { entities, relations } = rowsOf(call.caller.tenantId)
    for await (const entity of entities(id)) yield { entity }
    for await (const relation of relations(id)) yield { relation }
  },

  /** Creates or replaces documents; whoever looks for chunks without a vector embeds theirs. @throws NOT_FOUND, INVALID_REQUEST */
  writeDocuments: async (call: Call, agent: string, documents: readonly OwnDocument[]): Promise<void> => {
    const { id, settings } = await findAgent(call, agent)
    const sizes = await chunkSizesOf(call, settings)
    const { put } = documentsOf(call.caller.tenantId)
    for (const { content, ...address } of documents) {
      const key = { ...documentKey({ id }, address), content: checkText('content', content) }
      const cut = async (text: string) => (isIndexed(key.path) ? chunkInSteps(text, sizes) : [])
      await put(key, { append: false, cut, actor: actorOf(call) })
    }
  },

  /** @throws NOT_FOUND, INVALID_REQUEST */
  writeGraph: async (
    call: Call,
    agent: string,
    { entities, relations }: { entities: readonly OwnEntity[]; relations: readonly OwnRelation[] },
  ): Promise<{ entities: number; relations: number }> => {
    const { id } = await findAgent(call, agent)
    const graph = { entities: entities.map(ownerOf), relations: relations.map(ownerOf) }
    return rowsOf(call.caller.tenantId).writeGraph(id, graph, actorOf(call))
  },
})

export type ArchiveUseCases = ReturnType<typeof createArchiveUseCases>
