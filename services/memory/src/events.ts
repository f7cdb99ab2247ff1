/** What memory does when something happens elsewhere. */
import { events, eventSubject } from '@clawmesh/contracts'
import { z } from 'zod'
import type { Bus, Logger, Part, Stop } from '@clawmesh/chassis'
import type { MemoryStore } from './store/store.ts'

const deletedAgent = z.object({
  tenantid: z.uuid(),
  data: events.agentDeleted.data.extend({ id: z.uuid() }),
})

/** Forgets a deleted agent's documents. A second time there is nothing left to forget. */
export const forgetDeletedAgents = (bus: Bus, store: MemoryStore, log: Logger): Part => {
  let stop: Stop | undefined
  return {
    name: 'memory events',
    start: async () => {
      stop = await bus.consume({
        durable: 'memory-agent-deleted',
        subject: eventSubject('agentDeleted', '*'),
        batchSize: 20,
        handle: async (batch) => {
          for (const event of batch) {
            const parsed = deletedAgent.safeParse(event)
            // It would come again for ever.
            if (!parsed.success) log.error({ eventId: event.id }, 'dropped an unreadable event')
            else {
              const { tenantid, data } = parsed.data
              const { id, actorId, ipAddress } = data
              await store.write(tenantid).deleteOfAgent(id, { actorId, ipAddress })
            }
          }
        },
      })
    },
    stop: async () => stop?.(),
  }
}
