/** What becomes of documents when something happens elsewhere. */
import type { EventHandlers } from '@clawmesh/chassis'
import type { DocumentUseCases } from './use-cases.ts'

export const createDocumentEvents = (documents: Pick<DocumentUseCases, 'deleteOfAgent'>): EventHandlers => ({
  // A second time there is nothing left to delete.
  agentDeleted: ({ tenantId, data: { id, actorId, ipAddress } }) =>
    documents.deleteOfAgent(tenantId, id, { actorId, ipAddress }),
})
