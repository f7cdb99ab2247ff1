/**
 * Stored events as messages: one event is a CloudEvent, several of one subject are a JSON array of them (docs/adr/0021).
 */
import { createHash } from 'node:crypto'
import { cloudEvent, type CloudEvent } from '@clawmesh/contracts'
import type { OutgoingEvent } from './bus.ts'

/** NATS refuses messages over 1 MB unless told otherwise. */
export const batchBytes = 700_000
export const batchEvents = 100

interface Message {
  subject: string
  /** By which the server knows what it has already: the event's own, or one that stands for exactly these events. */
  id: string
  data: string
}

const messageOf = (events: readonly OutgoingEvent[]): Message => {
  const [first] = events
  if (events.length === 1) return { subject: first!.subject, id: first!.id, data: first!.payload }
  const id = createHash('sha256')
    .update(events.map((event) => event.id).join(' '))
    .digest('hex')
  return { subject: first!.subject, id, data: `[${events.map(({ payload }) => payload).join(',')}]` }
}

/** As few messages as hold the events, those of a subject in their order. One that is too long by itself goes alone. */
export const toMessages = (events: readonly OutgoingEvent[]): Message[] =>
  [...Map.groupBy(events, ({ subject }) => subject).values()].flatMap((ofSubject) => {
    const batches: OutgoingEvent[][] = []
    let bytes = 0
    for (const event of ofSubject) {
      const size = Buffer.byteLength(event.payload) + 1
      if (batches.length === 0 || bytes + size > batchBytes || batches.at(-1)!.length === batchEvents) {
        batches.push([])
        bytes = 0
      }
      batches.at(-1)!.push(event)
      bytes += size
    }
    return batches.map(messageOf)
  })

/** One event of a message. */
export interface Part {
  /** Undefined when it is no CloudEvent. */
  event: CloudEvent | undefined
  /** @throws RangeError when it is nested too deep to be written down again */
  payload: () => string
}

/** The events of a message in their order; one that cannot be read is a single part. */
export const partsOf = (text: string): Part[] => {
  let body: unknown
  try {
    body = JSON.parse(text)
  } catch {
    return [{ event: undefined, payload: () => text }]
  }
  if (!Array.isArray(body)) return [{ event: cloudEvent.safeParse(body).data, payload: () => text }]
  return body.map((each: unknown) => ({ event: cloudEvent.safeParse(each).data, payload: () => JSON.stringify(each) }))
}
