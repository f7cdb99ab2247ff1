/** Events on their way into deliveries: each event of a tenant becomes one for every webhook that wants it. */
import { uuid, type CloudEvent } from '@clawmesh/contracts'
import type { BatchConsumer } from '@clawmesh/chassis'
import { eventNames, matchesAny } from './patterns.ts'

/** An enabled webhook. */
export interface Subscription {
  id: string
  tenantId: string
  events: string[]
  /** Events from before are not sent. */
  since: Date
}

export interface NewDelivery {
  webhookId: string
  eventId: string
  eventType: string
  eventTime: Date
  body: string
}

/** The rows of one tenant. */
export interface IntakeRows {
  /** Stores those that are new, and gives the ids of all that are pending. */
  store: (deliveries: readonly NewDelivery[]) => Promise<string[]>
}

interface Received {
  tenantId: string
  time: Date
  event: CloudEvent
}

interface Parts {
  subscriptions: (tenantIds: readonly string[]) => Promise<Subscription[]>
  rowsOf: (tenantId: string) => IntakeRows
  deliver: (tenantId: string, deliveryIds: readonly string[]) => Promise<void>
}

const batchSize = 100

const read = (event: CloudEvent): Received => {
  const time = new Date(event.time)
  if (Number.isNaN(time.getTime())) throw new Error('the time of the event cannot be read')
  return { tenantId: uuid.parse(event.tenantid).toLowerCase(), time, event }
}

const deliveriesOf = (received: readonly Received[], subscriptions: readonly Subscription[]): NewDelivery[] =>
  received.flatMap(({ time, event }) =>
    subscriptions
      .filter(({ events, since }) => time >= since && matchesAny(events, event.type))
      .map(({ id }) => ({
        webhookId: id,
        eventId: event.id,
        eventType: event.type,
        eventTime: time,
        body: JSON.stringify(event),
      })),
  )

/** Consumes all events. Whoever dies within it consumes them again: a delivery is one of its webhook and event. */
export const webhookIntake = ({ subscriptions, rowsOf, deliver }: Parts): BatchConsumer<Received> => ({
  name: 'webhooks',
  events: eventNames,
  batchSize,
  read,
  handle: async (batch) => {
    const byTenant = Map.groupBy(batch, ({ tenantId }) => tenantId)
    const wanted = Map.groupBy(await subscriptions([...byTenant.keys()]), ({ tenantId }) => tenantId)
    for (const [tenantId, ofTenant] of wanted) {
      const deliveries = deliveriesOf(byTenant.get(tenantId)!, ofTenant)
      if (deliveries.length > 0) await deliver(tenantId, await rowsOf(tenantId).store(deliveries))
    }
  },
})
