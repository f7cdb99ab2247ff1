/** What becomes of each event of a batch: handled, tried again later, waiting with all behind it, or dead. */
import { cloudEvent, type CloudEvent } from '@clawmesh/contracts'
import { createSemaphore } from '../async/semaphore.ts'
import { createBreather } from '../async/work-turns.ts'
import type { Delivery, Outcome } from '../bus/bus.ts'
import type { RemoteService } from '../config.ts'
import type { Logger } from '../log/logger.ts'
import type { DeadEvents, ReplayedEvent } from './dead-events.ts'
import { framesOf, isAway, reasonOf } from './failure.ts'
import { countDeadEvent } from './metrics.ts'

/** What a consumer does with events. */
export interface Work<T> {
  /**
   * What an event says, checked; undefined when it is none of the consumer's business.
   * @throws anything when it cannot be read, which no repetition mends
   */
  read: (event: CloudEvent) => T | undefined
  /** Must be idempotent. */
  handle: (items: readonly T[]) => Promise<void>
  /** Whether events that come for the first time are handled together. */
  together: boolean
}

interface SettleParts<T> {
  service: RemoteService
  durable: string
  work: Work<T>
  deadEvents: DeadEvents
  log: Logger
  /** Deliveries after which an event that fails is dead. */
  maxDeliveries: number
  /** Pause after a first failure; each further one is four times as long. */
  retryMs: number
  /** Dead events that a tenant may have. */
  maxDead: number
}

const longestRetryMs = 300_000
const longestWaitMs = 30_000

/** An event as its consumer reads it. `item` is absent when there is nothing to do. */
type Reading<T> = { item?: T } | { unreadable: string }

/** Settles batches and replays of one consumer, one at a time. Neither ever throws. */
export const createSettling = <T>(parts: SettleParts<T>) => {
  const { service, durable, work, deadEvents, log, maxDeliveries, retryMs, maxDead } = parts
  const turn = createSemaphore(1)
  let waits = 0
  let waitsUntil = 0

  const waited = (): Outcome & { state: 'wait' } => ({
    state: 'wait',
    afterMs: Math.max(1, Math.ceil(waitsUntil - performance.now())),
  })
  const isWaiting = () => performance.now() < waitsUntil

  /** Begins a pause for all events, each as long as two before it. */
  const wait = (thrown: unknown): Outcome & { state: 'wait' } => {
    if (waits === 0) log.warn({ reason: reasonOf(thrown) }, 'something that events need is away, they wait')
    waitsUntil = performance.now() + Math.min(retryMs * 2 ** waits, longestWaitMs)
    waits += 1
    return waited()
  }
  const handle = async (items: readonly T[]): Promise<void> => {
    await work.handle(items)
    if (waits > 0) log.info('events are handled again')
    waits = 0
  }

  const readEvent = (event: CloudEvent | undefined): Reading<T> => {
    if (event === undefined) return { unreadable: 'it is no CloudEvent' }
    try {
      const item = work.read(event)
      return item === undefined ? {} : { item }
    } catch (thrown) {
      return { unreadable: reasonOf(thrown) }
    }
  }

  const again = (deliveries: number): Outcome => ({
    state: 'again',
    afterMs: Math.min(retryMs * 4 ** (deliveries - 1), longestRetryMs),
  })

  const bury = async (delivery: Delivery, error: string): Promise<Outcome> => {
    const { event, deliveries } = delivery
    const about = { eventId: event?.id, event: event?.type, tenantId: event?.tenantid, deliveries, reason: error }
    try {
      const isKept = await deadEvents.keep(durable, delivery, error, maxDead)
      countDeadEvent(service, event?.type, isKept)
      if (isKept) log.error(about, 'an event cannot be handled and is kept with the dead events')
      else log.error(about, 'an event cannot be handled and is lost: the tenant has as many dead events as it may')
      return { state: 'done' }
    } catch (thrown) {
      if (isAway(thrown)) return wait(thrown)
      log.error({ ...about, fault: reasonOf(thrown) }, 'a dead event cannot be kept, it comes again')
      return { state: 'again', afterMs: longestRetryMs }
    }
  }

  const settleOne = async (delivery: Delivery, reading: Reading<T>): Promise<Outcome> => {
    if ('unreadable' in reading) return bury(delivery, `unreadable: ${reading.unreadable}`)
    if (reading.item === undefined) return { state: 'done' }
    try {
      await handle([reading.item])
      return { state: 'done' }
    } catch (thrown) {
      if (isAway(thrown)) return wait(thrown)
      const { event, deliveries } = delivery
      if (deliveries >= maxDeliveries) return bury(delivery, reasonOf(thrown))
      log.warn(
        { eventId: event?.id, event: event?.type, deliveries, reason: reasonOf(thrown), at: framesOf(thrown) },
        'handling an event failed, it comes again',
      )
      return again(deliveries)
    }
  }

  /**
   * Handles what comes for the first time at once. The outcome for all of it; undefined when each has to be tried alone,
   * so that a bad one fails alone.
   */
  const settleTogether = async (items: readonly T[]): Promise<Outcome | undefined> => {
    try {
      await handle(items)
      return { state: 'done' }
    } catch (thrown) {
      return isAway(thrown) ? wait(thrown) : undefined
    }
  }

  const settleBatch = async (batch: readonly Delivery[]): Promise<readonly Outcome[]> => {
    if (isWaiting()) return batch.map(waited)
    const readings: Reading<T>[] = []
    const breathe = createBreather()
    for (const { event } of batch) {
      readings.push(readEvent(event))
      await breathe()
    }
    const itemOf = (index: number): T[] => {
      const reading = readings[index]!
      return 'unreadable' in reading || reading.item === undefined ? [] : [reading.item]
    }
    const first = work.together
      ? batch.flatMap(({ deliveries }, index) => (deliveries === 1 && itemOf(index).length > 0 ? [index] : []))
      : []
    const together = first.length > 1 ? await settleTogether(first.flatMap(itemOf)) : undefined
    if (together?.state === 'wait') return batch.map(() => together)
    const isSettled = new Set(together === undefined ? [] : first)
    const outcomes: Outcome[] = []
    for (const [index, delivery] of batch.entries()) {
      if (isSettled.has(index)) outcomes.push({ state: 'done' })
      else if (isWaiting()) outcomes.push(waited())
      else outcomes.push(await settleOne(delivery, readings[index]!))
    }
    return outcomes
  }

  const replay = async ({ id, payload }: ReplayedEvent): Promise<void> => {
    const parse = (): CloudEvent | undefined => {
      try {
        return cloudEvent.safeParse(JSON.parse(payload ?? '')).data
      } catch {
        return undefined
      }
    }
    if (payload === null) return deadEvents.replayFailed(id, 'the event was too large to be kept')
    const reading = readEvent(parse())
    if ('unreadable' in reading) return deadEvents.replayFailed(id, `unreadable: ${reading.unreadable}`)
    try {
      if (reading.item !== undefined) await handle([reading.item])
    } catch (thrown) {
      if (isAway(thrown)) return deadEvents.postponeReplay(id, wait(thrown).afterMs)
      log.error({ deadEventId: id, reason: reasonOf(thrown), at: framesOf(thrown) }, 'replaying a dead event failed')
      return deadEvents.replayFailed(id, reasonOf(thrown))
    }
    await deadEvents.replayed(id)
    log.info({ deadEventId: id }, 'replayed a dead event')
  }

  return {
    settle: (batch: readonly Delivery[]) => turn(() => settleBatch(batch)),

    /** Handles one event whose replay was asked for; false when there is none. @throws when the database fails */
    replayNext: () =>
      turn(async (): Promise<boolean> => {
        if (isWaiting()) return false
        const dead = await deadEvents.claimReplay(durable)
        if (dead !== undefined) await replay(dead)
        return dead !== undefined
      }),
  }
}
