/** What becomes of documents when something happens elsewhere. */
import type { EventHandlers } from '@clawmesh/chassis'
import type { DocumentUseCases } from './use-cases.ts'

export const createDocumentEvents = (
  documents: Pick<DocumentUseCases, 'deleteOfAgent'>,
  alsoOfAgent: (tenantId: string, agentId: string) => Promise<void>,
): EventHandlers => ({
  // A second time there is nothing left to delete.
  agentDeleted: async ({ tenantId, data: { id, actorId, ipAddress } }) => {
    await documents.deleteOfAgent(tenantId, id, { actorId, ipAddress })
    await alsoOfAgent(tenantId, id)
  },
})
