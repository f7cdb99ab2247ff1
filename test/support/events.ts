/** Consuming durable events in tests. */
import type { Bus, Consumer, OutgoingEvent, Stop } from '@clawmesh/chassis'
import type { CloudEvent } from '@clawmesh/contracts'

interface EventsConsumer extends Omit<Consumer, 'handle' | 'subjects'> {
  subject: string
  handle: (events: readonly CloudEvent[]) => Promise<void>
}

/** Consumes events as they are; all of a batch come again when handling it fails. */
export const consumeEvents = (bus: Bus, { handle, subject, ...consumer }: EventsConsumer): Promise<Stop> =>
  bus.consume({ ...consumer, subjects: [subject], handle: (batch) => handle(batch.map(({ event }) => event!)) })

/** An event as a relay publishes it. */
export const outgoing = (subject: string, event: CloudEvent): OutgoingEvent => ({
  id: event.id,
  subject,
  payload: JSON.stringify(event),
})
