import { http } from '@clawmesh/contracts'
import { implementHttp } from '@clawmesh/chassis'
import type { FindAgent } from '../agents/types.ts'
import { withEpochTimes } from './epoch-times.ts'
import { ownerNamed } from './owners.ts'
import type { ChunkCounts, DocumentUseCases } from './use-cases.ts'

/** Whether a document can be found by its meaning: all of it, all but texts that failed, or not yet. */
const embeddingStatus = ({ chunks, embedded, failed }: ChunkCounts): 'complete' | 'failed' | 'pending' =>
  embedded === chunks ? 'complete' : embedded + failed === chunks ? 'failed' : 'pending'

const countsToResponse = (counts: ChunkCounts) => ({
  chunkCount: counts.chunks,
  embeddedCount: counts.embedded,
  embeddingStatus: embeddingStatus(counts),
  failedCount: counts.failed,
  embeddingError: counts.embedError,
  embeddingRetryAt: counts.failed === 0 ? undefined : (counts.retryAt?.getTime() ?? Date.now()),
})

export const createDocumentHttp = (documents: DocumentUseCases, findAgent: FindAgent) =>
  implementHttp(http.memoryDocuments)({
    listAllMemoryDocuments: async ({ call, caller, query }) =>
      (await documents.listAll(call, ownerNamed(caller, { query }))).map(withEpochTimes),

    listAgentMemoryDocuments: async ({ call, caller, params, query }) => {
      const owner = ownerNamed(caller, { query })
      return (await documents.list(call, await findAgent(call, params.agentID), owner)).map(withEpochTimes)
    },

    getMemoryDocument: async ({ call, caller, params, query }) => {
      const address = { userId: ownerNamed(caller, { query }), path: params.path }
      const { document, counts } = await documents.get(call, await findAgent(call, params.agentID), address)
      return { ...withEpochTimes(document), ...countsToResponse(counts) }
    },

    putMemoryDocument: async ({ call, caller, params, query, body }) => {
      const input = { userId: ownerNamed(caller, { body, query }), path: params.path, content: body.content }
      const { document } = await documents.put(call, await findAgent(call, params.agentID), input)
      return { status: 'ok', path: document.path }
    },

    deleteMemoryDocument: async ({ call, caller, params, query }) => {
      const address = { userId: ownerNamed(caller, { query }), path: params.path }
      await documents.delete(call, await findAgent(call, params.agentID), address)
      return { status: 'deleted' }
    },

    indexMemoryDocument: async ({ call, caller, params, query, body }) => {
      const address = { userId: ownerNamed(caller, { body, query }), path: body.path }
      await documents.index(call, await findAgent(call, params.agentID), address)
      return { status: 'indexed', path: body.path }
    },

    indexAllMemoryDocuments: async ({ call, caller, params, query, body }) => {
      const owner = ownerNamed(caller, { body, query }) || caller.userId
      await documents.indexAll(call, await findAgent(call, params.agentID), owner)
      return { status: 'indexed_all' }
    },
  })
