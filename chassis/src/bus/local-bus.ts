/**
 * The bus of a single process. It keeps nothing itself: an event is safe when every consumer has handled it, and until then
 * its publisher's outbox keeps it and publishes it again. Who has handled it already is remembered meanwhile.
 */
import type { CloudEvent } from '@clawmesh/contracts'
import { createSemaphore } from '../async/semaphore.ts'
import type { Logger } from '../log/logger.ts'
import type { Bus, Consumer, Delivery, OutgoingEvent, Outcome, UnsettledEvent } from './bus.ts'
import { handOver } from './outcomes.ts'
import { isPattern, subjectMatcher } from './subjects.ts'

/** How far an event has come that not every consumer has handled yet. Consumers go by their durable names. */
interface Progress {
  done: Set<string>
  failures: Map<string, number>
}

/** Events whose progress is remembered, at most; one that is not is handed to all its consumers again. */
const maxRemembered = 50_000

interface Entry {
  pattern: RegExp
  consumer: Consumer
  /** One batch at a time, whoever publishes. */
  turn: <T>(work: () => Promise<T>) => Promise<T>
}

interface Tracked extends OutgoingEvent {
  /** The event, read when somebody asks for it. */
  event: () => CloudEvent | undefined
  progress: Progress
}

const keyOf = ({ subject, id }: OutgoingEvent): string => `${subject} ${id}`

const readOnce = (payload: string): (() => CloudEvent | undefined) => {
  let read: { event: CloudEvent | undefined } | undefined
  return () => {
    if (read !== undefined) return read.event
    try {
      read = { event: JSON.parse(payload) as CloudEvent }
    } catch {
      read = { event: undefined }
    }
    return read.event
  }
}

const deliveryTo =
  (durable: string) =>
  ({ subject, event, payload, progress }: Tracked): Delivery => ({
    subject,
    event: event(),
    payload: () => payload,
    deliveries: (progress.failures.get(durable) ?? 0) + 1,
  })

interface Listener {
  handler: (message: unknown, subject: string) => void
}

/** A bus that lives and dies with the process. */
export const createLocalBus = (log: Logger): Bus => {
  /** By the subject that they listen to; caches alone are more than a hundred. */
  const listeners = new Map<string, Set<Listener>>()
  /** Those that listen to a pattern. */
  const watchers = new Set<Listener & { pattern: RegExp }>()
  const entries = new Set<Entry>()
  const unsettled = new Map<string, Progress>()

  /** Tells whoever listens, and whether anybody did. */
  const announce = (subject: string, message: () => unknown): boolean => {
    const heardBy = [...(listeners.get(subject) ?? []), ...[...watchers].filter(({ pattern }) => pattern.test(subject))]
    for (const { handler } of heardBy) {
      try {
        handler(message(), subject)
      } catch (err) {
        log.error({ err, subject }, 'a bus listener failed')
      }
    }
    return heardBy.length > 0
  }

  /** An event with its progress. Listeners are sent it when it is new, not when it is published again. */
  const track = (outgoing: OutgoingEvent): Tracked => {
    const key = keyOf(outgoing)
    const event = readOnce(outgoing.payload)
    const known = unsettled.get(key)
    if (known !== undefined) return { ...outgoing, event, progress: known }
    const progress: Progress = { done: new Set(), failures: new Map() }
    unsettled.set(key, progress)
    if (unsettled.size > maxRemembered) unsettled.delete(unsettled.keys().next().value!)
    announce(outgoing.subject, event)
    return { ...outgoing, event, progress }
  }

  /** Hands a consumer what it has not handled yet. Returns after how many milliseconds each of the others comes again. */
  const deliver = ({ pattern, consumer, turn }: Entry, published: readonly Tracked[]) =>
    turn(async (): Promise<ReadonlyMap<Tracked, number>> => {
      const { durable, batchSize } = consumer
      const left = new Map<Tracked, number>()
      const settle = (tracked: Tracked, outcome: Outcome) => {
        const { done, failures } = tracked.progress
        if (outcome.state === 'done') return void done.add(durable)
        left.set(tracked, outcome.afterMs)
        if (outcome.state === 'again') failures.set(durable, (failures.get(durable) ?? 0) + 1)
      }
      const wanted = published.filter(({ subject, progress }) => pattern.test(subject) && !progress.done.has(durable))
      for (let from = 0; from < wanted.length; from += batchSize) {
        const batch = wanted.slice(from, from + batchSize)
        const outcomes = await handOver(consumer, batch.map(deliveryTo(durable)), log)
        batch.forEach((tracked, index) => settle(tracked, outcomes[index]!))
        const last = outcomes.at(-1)!
        if (last.state !== 'wait') continue
        for (const tracked of wanted.slice(from + batchSize)) settle(tracked, last)
        break
      }
      return left
    })

  return {
    signal: (subject, message) => void announce(subject, () => message),
    signalHeard: async (subject, message) => announce(subject, () => message),
    subscribe: (subject, handler) => {
      if (isPattern(subject)) {
        const watcher = { pattern: subjectMatcher([subject]), handler }
        watchers.add(watcher)
        return () => void watchers.delete(watcher)
      }
      const listener = { handler }
      const others = listeners.get(subject) ?? new Set()
      listeners.set(subject, others.add(listener))
      return () => {
        others.delete(listener)
        if (others.size === 0 && listeners.get(subject) === others) listeners.delete(subject)
      }
    },
    publishDurable: async (published) => {
      const tracked = published.map(track)
      const left = await Promise.all([...entries].map((entry) => deliver(entry, tracked)))
      const waiting: UnsettledEvent[] = []
      for (const each of tracked) {
        const pausesMs = left.flatMap((pauses) => pauses.get(each) ?? [])
        if (pausesMs.length === 0) unsettled.delete(keyOf(each))
        else waiting.push({ id: each.id, retryAfterMs: Math.min(...pausesMs) })
      }
      return waiting
    },
    consume: async (consumer) => {
      const entry = { pattern: subjectMatcher(consumer.subjects), consumer, turn: createSemaphore(1) }
      entries.add(entry)
      return async () => {
        entries.delete(entry)
        // What it is at is finished first.
        await entry.turn(async () => undefined)
      }
    },
    onReconnect: () => undefined,
    connected: () => true,
    close: async () => {
      listeners.clear()
      entries.clear()
    },
  }
}
