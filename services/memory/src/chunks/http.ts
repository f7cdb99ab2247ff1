import { http } from '@clawmesh/contracts'
import { implementHttp } from '@clawmesh/chassis'
import type { FindAgent } from '../agents/types.ts'
import { ownerNamed } from '../documents/owners.ts'
import type { ChunkUseCases } from './use-cases.ts'

export const createChunkHttp = (chunks: ChunkUseCases, findAgent: FindAgent) =>
  implementHttp(http.memoryChunks)({
    listMemoryChunks: async ({ call, caller, params, query }) => {
      const address = { userId: ownerNamed(caller, { query }), path: query.path }
      const found = await chunks.list(call, await findAgent(call, params.agentID), address)
      return found.map(({ text, embedError, ...chunk }) => ({
        ...chunk,
        textPreview: text,
        embeddingError: embedError,
      }))
    },
  })
