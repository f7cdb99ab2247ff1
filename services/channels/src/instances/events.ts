/** What becomes of channel instances when something happens elsewhere. */
import type { EventHandlers } from '@clawmesh/chassis'
import type { InstanceUseCases } from './use-cases.ts'

type Instances = Pick<InstanceUseCases, 'removeOfAgent' | 'switchOffOfAgent'>

export const createInstanceEvents = (instances: Instances): EventHandlers => ({
  agentDeleted: ({ tenantId, data: { id, actorId, ipAddress } }) =>
    instances.removeOfAgent(tenantId, id, { actorId, ipAddress }),
  agentUpdated: async ({ tenantId, data: { id, actorId, ipAddress, status } }) => {
    if (status === 'inactive') await instances.switchOffOfAgent(tenantId, id, { actorId, ipAddress })
  },
})
