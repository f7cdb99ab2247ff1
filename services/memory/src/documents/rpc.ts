/** Documents as agent runs read and write them. */
import type { MemoryServiceService } from '@clawmesh/contracts/gen/clawmesh/memory/v1/memory.ts'
import { MeshError } from '@clawmesh/contracts'
import type { RpcFunctions } from '@clawmesh/chassis'
import type { FindRunOwner } from '../agents/run-owner.ts'
import { documentLimitBytes } from './check.ts'
import type { DocumentUseCases } from './use-cases.ts'

/** Has the graph of a user learn from a document, in the background. */
export type LearnLater = (
  tenantId: string,
  data: { documentId: string; userId: string; provider: string; model: string; minConfidence: number },
) => Promise<void>

export const createDocumentRpc = (documents: DocumentUseCases, findRunOwner: FindRunOwner, learnLater: LearnLater) =>
  ({
    getDocument: async (call, request) => {
      const { agent, userId } = await findRunOwner(call, request)
      const document = await documents.findForUser(call, agent, { userId, path: request.path })
      if (document === undefined) return { found: false, content: '', scope: '' }
      return { found: true, content: document.content, scope: document.userId === '' ? 'global' : 'personal' }
    },

    putDocument: async (call, request) => {
      const { agent, userId, graphUserId } = await findRunOwner(call, request)
      const { path, content, append, extraction } = request
      if (Buffer.byteLength(content) > documentLimitBytes)
        throw new MeshError('PAYLOAD_TOO_LARGE', 'error.body_too_large', { limit: documentLimitBytes })
      const { document } = await documents.put(call, agent, { userId, path, content, append })
      if (extraction !== undefined)
        await learnLater(call.caller.tenantId, { documentId: document.id, userId: graphUserId, ...extraction })
      return {}
    },
  }) satisfies Partial<RpcFunctions<typeof MemoryServiceService>>
