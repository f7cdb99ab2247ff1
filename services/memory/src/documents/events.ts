/** What memory does when something happens elsewhere. */
import type { EventHandlers } from '@clawmesh/chassis'
import type { MemoryStore } from '../store/store.ts'

export const memoryEvents = (store: MemoryStore): EventHandlers => ({
  // A second time there is nothing left to delete.
  agentDeleted: ({ tenantId, data: { id, actorId, ipAddress } }) =>
    store.write(tenantId).deleteOfAgent(id, { actorId, ipAddress }),
})
