/** Writing, reading and indexing an agent's documents. */
import { actorOf, type Call } from '@clawmesh/chassis'
import type { MemoryStore } from '../store/store.ts'
import { checkPath, checkText, documentNotFound, isIndexed } from './check.ts'
import { chunk } from './chunker.ts'
import type { ChunkEmbedding } from './embedding.ts'
import type { ChunkSizesOf, MemoryAgent } from './ports.ts'
import type { DocumentHead, DocumentKey, MemoryDocument } from './types.ts'

interface Parts {
  store: MemoryStore
  embedding: ChunkEmbedding
  chunkSizesOf: ChunkSizesOf
  /** How long writing waits for vectors. */
  putEmbedTimeoutMs: number
}

/** A document by its owner and path; the agent is known already. */
export interface Address {
  userId: string
  path: string
}

const keyOf = (agent: MemoryAgent, { userId, path }: Address): DocumentKey => ({
  agentId: agent.id,
  userId: checkText('user_id', userId),
  path: checkPath(path),
})

/** The agent's own documents and, where a user is named, that user's. */
export const ownersFor = (userId: string): string[] => (userId === '' ? [''] : ['', checkText('user_id', userId)])

const isMissing = async <T>(work: Promise<T | undefined>, path: string): Promise<T> => {
  const found = await work
  if (found === undefined) throw documentNotFound(path)
  return found
}

export const createDocumentUseCases = ({ store, embedding, chunkSizesOf, putEmbedTimeoutMs }: Parts) => {
  const cutterFor = async (call: Call, agent: MemoryAgent) => {
    const sizes = await chunkSizesOf(call, agent.settings)
    return (content: string) => chunk(content, sizes)
  }

  const rebuild = async (call: Call, agent: MemoryAgent, key: DocumentKey): Promise<void> => {
    const { write } = store
    const chunks = await isMissing(write(call.caller.tenantId).rebuild(key, await cutterFor(call, agent)), key.path)
    await embedding.embed(call, agent, chunks)
  }

  return {
    listAll: (call: Call): Promise<DocumentHead[]> => store.documents(call.caller.tenantId).list({}),

    /** All documents of an agent, or those one user sees. */
    list: (call: Call, agent: MemoryAgent, userId: string): Promise<DocumentHead[]> =>
      store
        .documents(call.caller.tenantId)
        .list({ agentId: agent.id, ...(userId === '' ? {} : { userIds: ownersFor(userId) }) }),

    /** A document with the numbers of its chunks. @throws NOT_FOUND */
    get: async (call: Call, agent: MemoryAgent, address: Address) => {
      const { documents, chunks } = store
      const { tenantId } = call.caller
      const document = await isMissing(documents(tenantId).find(keyOf(agent, address)), address.path)
      return { document, counts: await chunks(tenantId).count(document.id) }
    },

    /** The user's own document, else the agent's. */
    findForUser: async (call: Call, agent: MemoryAgent, address: Address): Promise<MemoryDocument | undefined> => {
      const { find } = store.documents(call.caller.tenantId)
      const own = await find(keyOf(agent, address))
      return own ?? (address.userId === '' ? undefined : find(keyOf(agent, { ...address, userId: '' })))
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
      const key = { ...keyOf(agent, address), content: checkText('content', content) }
      const cut = isIndexed(key.path) ? await cutterFor(call, agent) : () => []
      const { document, created, chunks } = await store
        .write(call.caller.tenantId)
        .put(key, { append, cut, actor: actorOf(call) })
      const signal = AbortSignal.any([call.signal, AbortSignal.timeout(putEmbedTimeoutMs)])
      await embedding.embed({ ...call, signal }, agent, chunks)
      return { document, created }
    },

    /** @throws NOT_FOUND */
    delete: async (call: Call, agent: MemoryAgent, address: Address): Promise<void> => {
      const { write } = store
      if (!(await write(call.caller.tenantId).delete(keyOf(agent, address), actorOf(call))))
        throw documentNotFound(address.path)
    },

    /** @throws NOT_FOUND */
    deleteById: async (call: Call, id: string): Promise<void> => {
      if (!(await store.write(call.caller.tenantId).delete({ id }, actorOf(call)))) throw documentNotFound(id)
    },

    listChunks: (call: Call, agent: MemoryAgent, address: Address) =>
      store.chunks(call.caller.tenantId).list(keyOf(agent, address)),

    /** Cuts and embeds a document again. @throws NOT_FOUND */
    index: (call: Call, agent: MemoryAgent, address: Address): Promise<void> =>
      rebuild(call, agent, keyOf(agent, address)),

    /** Cuts and embeds all documents that a user sees; what fails is left for the next time. */
    indexAll: async (call: Call, agent: MemoryAgent, userId: string): Promise<void> => {
      const documents = await store
        .documents(call.caller.tenantId)
        .list({ agentId: agent.id, userIds: ownersFor(userId) })
      for (const document of documents) {
        if (call.signal.aborted) return
        await rebuild(call, agent, document).catch(() => undefined)
      }
    },
  }
}

export type DocumentUseCases = ReturnType<typeof createDocumentUseCases>
