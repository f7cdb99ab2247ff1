/** The narrow waist between services and whatever carries their messages. */
import type { CloudEvent } from '@clawmesh/contracts'

/** An event to be stored, as its outbox has it. */
export interface OutgoingEvent {
  id: string
  subject: string
  /** The CloudEvent as JSON, which goes out as it is. */
  payload: string
}

/** A stored event as a consumer is handed it. */
export interface Delivery {
  subject: string
  /** Undefined when what is stored is no CloudEvent. */
  event: CloudEvent | undefined
  /** The event as text. @throws RangeError when one of a batch is nested too deep to be written down again */
  payload: () => string
  /** How often it was handed over, this time included. */
  deliveries: number
}

/**
 * What became of a delivery. `again`: it failed, and comes again after the pause; those behind it go on meanwhile. `wait`:
 * nothing can be handled now; it keeps its place with those behind it, and the pause counts as no delivery.
 */
export type Outcome = { state: 'done' } | { state: 'again' | 'wait'; afterMs: number }

export interface Consumer {
  /** Name of the durable position; replicas with the same name share the work. */
  durable: string
  /** What it consumes, `*` for one token and `>` for the rest. */
  subjects: readonly string[]
  /** Events handed over at once, at most. */
  batchSize: number
  /**
   * Gives an outcome for each delivery, in their order; without any all are done. When it throws, all come again. Must be
   * idempotent: after a crash a batch comes again.
   */
  handle: (batch: readonly Delivery[]) => Promise<readonly Outcome[] | void>
}

export type Stop = () => Promise<void>

/** An event that a consumer in this process has not handled yet: nothing else keeps it. */
export interface UnsettledEvent {
  id: string
  /** Milliseconds after which it should be published again. */
  retryAfterMs: number
}

export interface Bus {
  /** Sends to whoever listens now; nothing is kept. */
  signal: (subject: string, message: unknown) => void
  /** The same, and tells whether anybody listened; true where that cannot be known. */
  signalHeard: (subject: string, message: unknown) => Promise<boolean>
  /** Listens to live messages, and to stored events as they are stored. `*` takes one token, `>` the rest. */
  subscribe: (subject: string, handler: (message: unknown, subject: string) => void) => () => void
  /**
   * Stores events for their consumers; resolves when they are safe, but for those that it names, which have to be
   * published again. Those of one subject go together. What is stored twice comes twice.
   */
  publishDurable: (events: readonly OutgoingEvent[]) => Promise<readonly UnsettledEvent[]>
  /** Consumes stored events from a durable position. */
  consume: (consumer: Consumer) => Promise<Stop>
  /** Called after a lost connection is back: messages may have been missed. */
  onReconnect: (handler: () => void) => void
  connected: () => boolean
  close: () => Promise<void>
}
