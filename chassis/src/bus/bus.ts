/** The narrow waist between services and whatever carries their messages. */
import type { CloudEvent } from '@clawmesh/contracts'

export interface OutgoingEvent {
  subject: string
  event: CloudEvent
}

export interface Consumer {
  /** Name of the durable position; replicas with the same name share the work. */
  durable: string
  subject: string
  /** Events handed over at once, at most. */
  batchSize: number
  /** Must be idempotent: after a crash or an error a batch comes again. */
  handle: (batch: readonly CloudEvent[]) => Promise<void>
}

export type Stop = () => Promise<void>

export interface Bus {
  /** Sends to whoever listens now; nothing is kept. */
  signal: (subject: string, message: unknown) => void
  /** Listens to live messages, and to stored events as they are stored. `*` takes one token, `>` the rest. */
  subscribe: (subject: string, handler: (message: unknown, subject: string) => void) => () => void
  /** Stores events for their consumers; resolves when they are safe. An id seen before is not stored twice. */
  publishDurable: (events: readonly OutgoingEvent[]) => Promise<void>
  /** Consumes stored events from a durable position. */
  consume: (consumer: Consumer) => Promise<Stop>
  /** Called after a lost connection is back: messages may have been missed. */
  onReconnect: (handler: () => void) => void
  connected: () => boolean
  close: () => Promise<void>
}
