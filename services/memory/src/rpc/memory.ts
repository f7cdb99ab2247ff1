/** Memory as agent runs use it: an agent that shares its memory knows no personal documents there. */
import type { MemoryServiceService } from '@clawmesh/contracts/gen/clawmesh/memory/v1/memory.ts'
import { MeshError } from '@clawmesh/contracts'
import type { Call, RpcFunctions } from '@clawmesh/chassis'
import { documentLimitBytes } from '../domain/check.ts'
import type { DocumentUseCases } from '../domain/documents.ts'
import type { FindAgent } from '../domain/ports.ts'
import type { Search } from '../domain/search.ts'

interface Parts {
  documents: DocumentUseCases
  search: Search
  findAgent: FindAgent
}

const longestUserId = 255

export const createMemoryRpc = ({ documents, search, findAgent }: Parts): RpcFunctions<typeof MemoryServiceService> => {
  const enter = async (call: Call, request: { agentId: string; userId: string }) => {
    if (request.agentId === '') throw new MeshError('INVALID_REQUEST', 'error.required', { field: 'agent_id' })
    if (request.userId.length > longestUserId)
      throw new MeshError('INVALID_REQUEST', 'error.invalid_request', {
        field: 'user_id',
        reason: `> ${longestUserId}`,
      })
    const agent = await findAgent(call, request.agentId)
    return { agent, userId: agent.settings.shareMemory ? '' : request.userId }
  }

  return {
    search: async (call, request) => {
      const { agent, userId } = await enter(call, request)
      const { query, maxResults } = request
      const minScore = request.minScore > 0 ? request.minScore : agent.settings.minScore
      return { results: await search(call, agent, { query, userId, maxResults, minScore }) }
    },

    getDocument: async (call, request) => {
      const { agent, userId } = await enter(call, request)
      const document = await documents.findForUser(call, agent, { userId, path: request.path })
      if (document === undefined) return { found: false, content: '', scope: '' }
      return { found: true, content: document.content, scope: document.userId === '' ? 'global' : 'personal' }
    },

    putDocument: async (call, request) => {
      const { agent, userId } = await enter(call, request)
      const { path, content, append } = request
      if (Buffer.byteLength(content) > documentLimitBytes)
        throw new MeshError('PAYLOAD_TOO_LARGE', 'error.body_too_large', { limit: documentLimitBytes })
      await documents.put(call, agent, { userId, path, content, append })
      return {}
    },
  }
}
