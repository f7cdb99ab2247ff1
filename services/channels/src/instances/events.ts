/** What becomes of channel instances when something happens elsewhere. */
import type { EventHandlers } from '@clawmesh/chassis'
import type { InstanceUseCases } from './use-cases.ts'

export const createInstanceEvents = (instances: Pick<InstanceUseCases, 'removeOfAgent'>): EventHandlers => ({
  agentDeleted: ({ tenantId, data: { id, actorId, ipAddress } }) =>
    instances.removeOfAgent(tenantId, id, { actorId, ipAddress }),
})
