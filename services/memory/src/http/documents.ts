import type { http } from '@clawmesh/contracts'
import type { Handlers } from '@clawmesh/chassis'
import type { DocumentUseCases } from '../domain/documents.ts'
import type { FindAgent } from '../domain/ports.ts'
import { ownerOf, timesOf, toInfo } from './wire.ts'

type Operations =
  | 'listAllMemoryDocuments'
  | 'listAgentMemoryDocuments'
  | 'getMemoryDocument'
  | 'putMemoryDocument'
  | 'deleteMemoryDocument'
  | 'listMemoryChunks'
  | 'indexMemoryDocument'
  | 'indexAllMemoryDocuments'

export const createDocumentHandlers = (
  documents: DocumentUseCases,
  findAgent: FindAgent,
): Handlers<typeof http.memory, Operations> => ({
  listAllMemoryDocuments: async ({ call }) => (await documents.listAll(call)).map(toInfo),

  listAgentMemoryDocuments: async ({ call, params, query }) =>
    (await documents.list(call, await findAgent(call, params.agentID), query.user_id)).map(toInfo),

  getMemoryDocument: async ({ call, params, query }) => {
    const address = { userId: query.user_id, path: params.path }
    const { document, counts } = await documents.get(call, await findAgent(call, params.agentID), address)
    return {
      path: document.path,
      content: document.content,
      hash: document.hash,
      ...ownerOf(document.userId),
      chunk_count: counts.chunks,
      embedded_count: counts.embedded,
      ...timesOf(document),
    }
  },

  putMemoryDocument: async ({ call, params, body }) => {
    const input = { userId: body.user_id, path: params.path, content: body.content }
    const { document } = await documents.put(call, await findAgent(call, params.agentID), input)
    return { status: 'ok', path: document.path }
  },

  deleteMemoryDocument: async ({ call, params, query }) => {
    await documents.delete(call, await findAgent(call, params.agentID), { userId: query.user_id, path: params.path })
    return { status: 'deleted' }
  },

  listMemoryChunks: async ({ call, params, query }) => {
    const address = { userId: query.user_id, path: query.path }
    const chunks = await documents.listChunks(call, await findAgent(call, params.agentID), address)
    return chunks.map(({ id, startLine, endLine, text, hasEmbedding }) => ({
      id,
      start_line: startLine,
      end_line: endLine,
      text_preview: text,
      has_embedding: hasEmbedding,
    }))
  },

  indexMemoryDocument: async ({ call, params, body }) => {
    await documents.index(call, await findAgent(call, params.agentID), { userId: body.user_id, path: body.path })
    return { status: 'indexed', path: body.path }
  },

  indexAllMemoryDocuments: async ({ call, caller, params, body }) => {
    await documents.indexAll(call, await findAgent(call, params.agentID), body?.user_id || caller.userId)
    return { status: 'indexed_all' }
  },
})
