/**
 * What channels does when something happens elsewhere. It publishes channelInstanceCreated, channelInstanceUpdated and
 * channelInstanceDeleted through its outbox (store/store.ts).
 */
import type { EventHandlers } from '@clawmesh/chassis'
import type { ChannelInstanceUseCases } from './domain/instances.ts'

export const channelEvents = (instances: Pick<ChannelInstanceUseCases, 'removeOfAgent'>): EventHandlers => ({
  agentDeleted: ({ tenantId, data: { id, actorId, ipAddress } }) =>
    instances.removeOfAgent(tenantId, id, { actorId, ipAddress }),
})
