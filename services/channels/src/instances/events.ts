/**
 * What channels listens to: agents that are deleted. It publishes channelInstanceCreated, channelInstanceUpdated and
 * channelInstanceDeleted through its outbox.
 */
import { events, eventSubject, uuid, type CloudEvent } from '@clawmesh/contracts'
import type { Bus, Logger, Part, Stop } from '@clawmesh/chassis'
import { z } from 'zod'
import type { InstanceUseCases } from './use-cases.ts'

const agentDeleted = z.object({ tenantid: uuid, data: events.agentDeleted.data.extend({ id: uuid }) })

/** Removes the channel instances of deleted agents, as one durable consumer over all replicas. */
export const agentDeletedPart = (
  { bus, log }: { bus: Bus; log: Logger },
  instances: Pick<InstanceUseCases, 'removeOfAgent'>,
): Part => {
  const remove = async (event: CloudEvent): Promise<void> => {
    const { success, data } = agentDeleted.safeParse(event)
    // Asking for it again would not mend it, and the ones behind it would wait for ever.
    if (!success) return log.error({ eventId: event.id }, 'channels: an agent-deleted event is unreadable, skipped')
    const { id, actorId, ipAddress } = data.data
    await instances.removeOfAgent(data.tenantid, id, { actorId, ipAddress })
  }

  let stop: Stop | undefined
  return {
    name: 'channels agent-deleted consumer',
    start: async () => {
      stop = await bus.consume({
        durable: 'channels-agent-deleted',
        subject: eventSubject('agentDeleted', '*'),
        batchSize: 100,
        handle: async (batch) => {
          for (const event of batch) await remove(event)
        },
      })
    },
    stop: async () => stop?.(),
  }
}
