/** Writing, reading and indexing an agent's documents. */
import { actorOf, type Actor, type Call } from '@clawmesh/chassis'
import type { MemorySettings } from '../agents/settings.ts'
import type { MemoryAgent } from '../agents/types.ts'
import type { UsableAgents } from '../agents/usable-agents.ts'
import { chunkInSteps, type ChunkSizes } from '../chunks/chunker.ts'
import type { ChunkText, WaitingChunk } from '../chunks/types.ts'
import type { ChunkEmbedding } from '../embeddings/use-cases.ts'
import { checkText, documentKey, documentNotFound, isIndexed } from './check.ts'
import { ownersFor, visibleOwners } from './owners.ts'
import type { Address, DocumentFilter, DocumentHead, DocumentKey, MemoryDocument } from './types.ts'

/** Cuts a content into chunks. */
type Cut = (content: string) => Promise<ChunkText[]>

/** What is known of the vectors of a document's chunks. */
export interface ChunkCounts {
  chunks: number
  embedded: number
  /** Chunks at which the provider failed, to be tried again. */
  failed: number
  /** Why, of the latest of them; empty where none failed. */
  embedError: string
  /** When the next of the failed ones is tried again. */
  retryAt: Date | null
}

/** The rows of one tenant. */
export interface DocumentRows {
  /** The document that changed last first. */
  list: (filter: DocumentFilter) => Promise<DocumentHead[]>
  /** The agents that have such documents. */
  agentsWith: (filter: DocumentFilter) => Promise<string[]>
  find: (key: DocumentKey) => Promise<MemoryDocument | undefined>
  countChunks: (documentId: string) => Promise<ChunkCounts>
  /**
   * Creates, replaces or appends to a document, and its chunks with it.
   * @throws PAYLOAD_TOO_LARGE when it would become longer than `documentLimitBytes`
   */
  put: (
    key: DocumentKey & { content: string },
    options: { append: boolean; cut: Cut; actor: Actor },
  ) => Promise<{ document: MemoryDocument; created: boolean; chunks: WaitingChunk[] }>
  /** Cuts a document again; undefined when there is none. */
  rebuild: (key: DocumentKey, cut: Cut) => Promise<WaitingChunk[] | undefined>
  /** Deletes a document with its chunks; whether there was one. */
  delete: (key: DocumentKey, actor: Actor) => Promise<boolean>
  /** Deletes all documents of an agent, in transactions of bounded size; a second time finds nothing left. */
  deleteOfAgent: (agentId: string, actor: Actor) => Promise<void>
}

/** How the documents of an agent are cut. */
export type ChunkSizesOf = (call: Call, settings: MemorySettings) => Promise<ChunkSizes>

interface Parts {
  rowsOf: (tenantId: string) => DocumentRows
  usableAgents: UsableAgents
  embedding: ChunkEmbedding
  chunkSizesOf: ChunkSizesOf
  /** How long writing waits for vectors. */
  putEmbedTimeoutMs: number
}

const required = async <T>(work: Promise<T | undefined>, path: string): Promise<T> => {
  const found = await work
  if (found === undefined) throw documentNotFound(path)
  return found
}

/** The named user's documents and the shared ones; without one, all that the caller may see. */
const listedOwners = ({ caller }: Call, userId: string): string[] | undefined =>
  userId === '' ? visibleOwners(caller) : ownersFor(userId)

export const createDocumentUseCases = ({ rowsOf, usableAgents, embedding, chunkSizesOf, putEmbedTimeoutMs }: Parts) => {
  const cutterFor = async (call: Call, agent: MemoryAgent) => {
    const sizes = await chunkSizesOf(call, agent.settings)
    return (content: string) => chunkInSteps(content, sizes)
  }

  const rebuild = async (call: Call, agent: MemoryAgent, key: DocumentKey): Promise<void> => {
    const { rebuild: cutAgain } = rowsOf(call.caller.tenantId)
    const chunks = await required(cutAgain(key, await cutterFor(call, agent)), key.path)
    await embedding.embed(call, agent, chunks)
  }

  return {
    /** Documents of the agents that the caller may use: all that the caller may see, or those one user sees. */
    listAll: async (call: Call, userId: string): Promise<DocumentHead[]> => {
      const { list, agentsWith } = rowsOf(call.caller.tenantId)
      const userIds = listedOwners(call, userId)
      return list({ agentIds: await usableAgents(call, await agentsWith({ userIds })), userIds })
    },

    /** Documents of an agent: all that the caller may see, or those one user sees. */
    list: async (call: Call, agent: MemoryAgent, userId: string): Promise<DocumentHead[]> =>
      rowsOf(call.caller.tenantId).list({ agentIds: [agent.id], userIds: listedOwners(call, userId) }),

    /** A document with the numbers of its chunks. @throws NOT_FOUND */
    get: async (call: Call, agent: MemoryAgent, address: Address) => {
      const { find, countChunks } = rowsOf(call.caller.tenantId)
      const document = await required(find(documentKey(agent, address)), address.path)
      return { document, counts: await countChunks(document.id) }
    },

    /** The user's own document, else the agent's. */
    findForUser: async (call: Call, agent: MemoryAgent, address: Address): Promise<MemoryDocument | undefined> => {
      const { find } = rowsOf(call.caller.tenantId)
      const own = await find(documentKey(agent, address))
      return own ?? (address.userId === '' ? undefined : find(documentKey(agent, { ...address, userId: '' })))
    },

    /**
     * Creates, replaces or appends to a document. Markdown is indexed; a failure to embed it is none of the writer's.
     * @throws INVALID_REQUEST, PAYLOAD_TOO_LARGE
     */
    put: async (
      call: Call,
      agent: MemoryAgent,
      { content, append = false, ...address }: Address & { content: string; append?: boolean },
    ): Promise<{ document: MemoryDocument; created: boolean }> => {
      const key = { ...documentKey(agent, address), content: checkText('content', content) }
      const cut = isIndexed(key.path) ? await cutterFor(call, agent) : async () => []
      const { put } = rowsOf(call.caller.tenantId)
      const { document, created, chunks } = await put(key, { append, cut, actor: actorOf(call) })
      const signal = AbortSignal.any([call.signal, AbortSignal.timeout(putEmbedTimeoutMs)])
      await embedding.embed({ ...call, signal }, agent, chunks)
      return { document, created }
    },

    /** @throws NOT_FOUND */
    delete: async (call: Call, agent: MemoryAgent, address: Address): Promise<void> => {
      const { delete: remove } = rowsOf(call.caller.tenantId)
      if (!(await remove(documentKey(agent, address), actorOf(call)))) throw documentNotFound(address.path)
    },

    /** Deletes what a deleted agent leaves behind; again is fine. */
    deleteOfAgent: (tenantId: string, agentId: string, actor: Actor): Promise<void> =>
      rowsOf(tenantId).deleteOfAgent(agentId, actor),

    /** Cuts and embeds a document again. @throws NOT_FOUND */
    index: async (call: Call, agent: MemoryAgent, address: Address): Promise<void> =>
      rebuild(call, agent, documentKey(agent, address)),

    /** Cuts and embeds all documents that a user sees; what fails is left for the next time. */
    indexAll: async (call: Call, agent: MemoryAgent, userId: string): Promise<void> => {
      const { list } = rowsOf(call.caller.tenantId)
      const documents = await list({ agentIds: [agent.id], userIds: ownersFor(userId) })
      for (const document of documents) {
        if (call.signal.aborted) return
        await rebuild(call, agent, document).catch(() => undefined)
      }
    },
  }
}

export type DocumentUseCases = ReturnType<typeof createDocumentUseCases>
