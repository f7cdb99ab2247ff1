/** The bus over NATS: core subjects for what is live, JetStream for what must not be lost. */
import { setTimeout as sleep } from 'node:timers/promises'
import { eventStream, MeshError } from '@clawmesh/contracts'
import {
  AckPolicy,
  DeliverPolicy,
  jetstream,
  JetStreamApiError,
  jetstreamManager,
  type JsMsg,
} from '@nats-io/jetstream'
import { connect, nanos, type NatsConnection } from '@nats-io/transport-node'
import type { Logger } from '../log/logger.ts'
import { partsOf, toMessages } from './batches.ts'
import type { Bus, Consumer, Delivery, Outcome, Stop } from './bus.ts'
import { createPublishHeard } from './nats-heard.ts'
import { natsLogin } from './nats-login.ts'
import { handOver } from './outcomes.ts'
import { subjectMatcher } from './subjects.ts'

/** After this time the server takes a message for lost whose handling nobody confirms to be going on. */
const defaultAckWaitMs = 30_000
/** Events are kept this long for consumers that are away. */
const keepEventsMs = 7 * 24 * 3_600_000
const duplicateWindowMs = 10 * 60_000
const stopPatienceMs = 5_000
const pauseAfterFailureMs = 1_000
/** Events that come within this time are handled together; nobody waits for them. */
const gatherMs = 50
/** Messages of a durable position that are with its replicas and not answered yet. All are in memory, each as long as NATS takes one. */
const mostUnanswered = 128
/** A start that waits longer than this says what for. */
const quietMs = 3_000

/** A message that the server waits to be answered. */
interface Held {
  message: JsMsg
  /** Events of it that have no outcome yet. */
  left: number
  /** Places of those that are handled. */
  done: Set<number>
  /** Set when some of it failed and comes again, after so many milliseconds. */
  againMs: number | undefined
}

/** One event of a message. */
interface Arrived extends Delivery {
  held: Held
  place: number
}

/** Messages that come again, of which it is remembered what is handled; of others all is handed over again. */
const maxRemembered = 1_000

/** Creates the event stream unless it exists, waiting for the server as long as it takes. */
const ensureStream = async (connection: NatsConnection): Promise<void> => {
  const manager = await jetstreamManager(connection)
  await manager.streams.add({
    name: eventStream.name,
    subjects: eventStream.subjects,
    max_age: nanos(keepEventsMs),
    duplicate_window: nanos(duplicateWindowMs),
  })
}

const isStored = subjectMatcher(eventStream.subjects)

/** JetStream's code for a consumer that is there and differs. */
const consumerDiffers = 10_148

/** NATS 2.9 gives a consumer one filter: there it is sent all events, and leaves out what it does not want by itself. */
const filterOf = (connection: NatsConnection, subjects: readonly string[]) => {
  const [major = 0, minor = 0] = (connection.info?.version ?? '').split('.').map(Number)
  if (subjects.length === 1) return { filter_subject: subjects[0]! }
  return major > 2 || minor >= 10 ? { filter_subjects: [...subjects] } : { filter_subject: eventStream.subjects[0]! }
}

/** Creates a durable position, or gives the one that is there the filter of this release. */
const ensureConsumer = async (
  connection: NatsConnection,
  { durable, subjects }: Pick<Consumer, 'durable' | 'subjects'>,
  ackWaitMs: number,
): Promise<void> => {
  const { consumers } = await jetstreamManager(connection)
  const config = {
    durable_name: durable,
    ack_policy: AckPolicy.Explicit,
    deliver_policy: DeliverPolicy.All,
    ack_wait: nanos(ackWaitMs),
    max_ack_pending: mostUnanswered,
    ...filterOf(connection, subjects),
  }
  try {
    await consumers.add(eventStream.name, config)
  } catch (error) {
    if (!(error instanceof JetStreamApiError) || error.code !== consumerDiffers) throw error
    await consumers.update(eventStream.name, durable, {
      filter_subject: undefined,
      filter_subjects: undefined,
      ...config,
    })
  }
}

export interface NatsBusOptions {
  /** Default 30 seconds. The same for all who share a durable position. */
  ackWaitMs?: number
}

/** Connects to NATS (`natsLogin`); keeps trying for ever, both at start and later. */
export const connectNatsBus = async (
  servers: readonly string[],
  name: string,
  log: Logger,
  { ackWaitMs = defaultAckWaitMs }: NatsBusOptions = {},
): Promise<Bus> => {
  const patience = setTimeout(() => log.warn('NATS does not answer yet, waiting for it'), quietMs)
  const connection = await connect({
    ...natsLogin(servers),
    name,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 250,
    reconnectJitter: 100,
    waitOnFirstConnect: true,
    ignoreAuthErrorAbort: true,
  })
  clearTimeout(patience)
  const js = jetstream(connection)
  const reconnectHandlers: (() => void)[] = []
  const stops = new Set<Stop>()
  let connected = true
  let streamReady = false

  void (async () => {
    for await (const status of connection.status()) {
      if (status.type === 'disconnect') {
        connected = false
        log.warn('lost the connection to NATS')
      } else if (status.type === 'reconnect') {
        connected = true
        // A server that came back empty has forgotten the stream.
        streamReady = false
        log.info('connected to NATS again')
        for (const handler of reconnectHandlers) handler()
      }
    }
  })()

  const readyStream = async () => {
    if (streamReady) return
    await ensureStream(connection)
    streamReady = true
  }

  /** A connection that is being drained takes nothing more at some moment, and says so by throwing. */
  const isLeaving = () => connection.isClosed() || connection.isDraining()

  /** One stay at the durable position; ends when told to, or with the server's error. */
  const consumeOnce = async (consumer: Consumer, stopped: AbortSignal): Promise<void> => {
    await readyStream()
    await ensureConsumer(connection, consumer, ackWaitMs)
    const wanted = subjectMatcher(consumer.subjects)
    /** Bytes until it is their turn: read, events take several times the room. */
    let unread: JsMsg[] = []
    let arrived: Arrived[] = []
    const inHand = new Set<Held>()
    /** What is handled of messages that come again, by their numbers in the stream. */
    const handled = new Map<number, ReadonlySet<number>>()
    const read = (message: JsMsg) => {
      const done = new Set(handled.get(message.seq))
      // Bytes that are no UTF-8 become U+FFFD, as the library's own reading may throw.
      const parts = partsOf(new TextDecoder().decode(message.data))
      const held: Held = { message, left: parts.length - done.size, done, againMs: undefined }
      if (held.left <= 0) return message.ack()
      inHand.add(held)
      const { subject, info } = message
      for (const [place, part] of parts.entries())
        if (!done.has(place)) arrived.push({ ...part, subject, deliveries: info.deliveryCount, held, place })
    }
    /** Reads what has come until there are as many events as are handled at once. */
    const readOn = () => {
      while (arrived.length < consumer.batchSize && unread.length > 0) read(unread.shift()!)
    }
    /** Gives a message back, to come again here or elsewhere. */
    const giveBack = ({ message, done }: Held, afterMs?: number) => {
      if (done.size > 0) handled.set(message.seq, done)
      if (handled.size > maxRemembered) handled.delete(handled.keys().next().value!)
      message.nak(afterMs)
    }
    /** Notes the outcome of an event; the message is answered with the last of its events. */
    const settle = ({ held, place }: Arrived, outcome: Outcome) => {
      if (outcome.state === 'done') held.done.add(place)
      else held.againMs = Math.max(held.againMs ?? 0, outcome.afterMs)
      held.left -= 1
      if (held.left > 0) return
      inHand.delete(held)
      if (held.againMs !== undefined) return giveBack(held, held.againMs)
      handled.delete(held.message.seq)
      held.message.ack()
    }
    let wake = () => {}
    const pull = await js.consumers.get(eventStream.name, consumer.durable)
    const messages = await pull.consume({
      max_messages: consumer.batchSize,
      abort_on_missing_resource: true,
      callback: (message) => {
        if (!wanted.test(message.subject)) return message.ack()
        unread.push(message)
        wake()
      },
    })
    let over = false
    const end = () => {
      over = true
      messages.stop()
      wake()
    }
    const closed = messages.closed().then((error) => {
      end()
      return error
    })
    stopped.addEventListener('abort', end, { once: true })
    /** Until something arrives, the consumer ends, or the pause is over. */
    const pause = (ms?: number) =>
      new Promise<void>((resolve) => {
        const timer = ms === undefined ? undefined : setTimeout(resolve, ms)
        wake = () => {
          if (ms !== undefined && !over) return
          clearTimeout(timer)
          resolve()
        }
        if (over) wake()
      })
    // What waits for its turn or for a dependency is not delivered anew, here or elsewhere, and so not counted.
    const keepAlive = setInterval(() => {
      if (isLeaving()) return
      for (const { message } of inHand) message.working()
      for (const message of unread) message.working()
    }, ackWaitMs / 3)
    try {
      // What comes while a batch is gathered and handled makes the next one, so batches grow with the load.
      while (!over || arrived.length + unread.length > 0) {
        readOn()
        if (arrived.length === 0) {
          await pause()
          readOn()
          if (!over && arrived.length < consumer.batchSize) await sleep(gatherMs)
          readOn()
        }
        const taken = arrived.splice(0, consumer.batchSize)
        if (taken.length === 0) continue
        const outcomes = await handOver(consumer, taken, log)
        const waiting: Arrived[] = []
        let afterMs = 0
        for (const [index, each] of taken.entries()) {
          const outcome = outcomes[index]!
          if (outcome.state !== 'wait') settle(each, outcome)
          else {
            waiting.push(each)
            afterMs = outcome.afterMs
          }
        }
        if (waiting.length === 0) continue
        arrived = [...waiting, ...arrived]
        if (!over) await pause(afterMs)
        if (!over) continue
        // Who leaves hands what waits to the other replicas, or to whoever comes next.
        arrived = []
        for (const held of inHand) giveBack(held)
        inHand.clear()
        for (const message of unread) message.nak()
        unread = []
      }
    } finally {
      clearInterval(keepAlive)
    }
    stopped.removeEventListener('abort', end)
    const error = await closed
    if (error instanceof Error) throw error
  }

  const consumeLoop = async (consumer: Consumer, stopped: AbortSignal): Promise<void> => {
    while (!stopped.aborted && !connection.isClosed()) {
      await consumeOnce(consumer, stopped).catch((err: unknown) =>
        log.warn({ err, durable: consumer.durable }, 'consuming events failed, trying again'),
      )
      if (!stopped.aborted) await sleep(pauseAfterFailureMs, undefined, { signal: stopped }).catch(() => undefined)
    }
  }

  const publishHeard = createPublishHeard(connection)

  return {
    signal: (subject, message) => {
      if (!isLeaving()) connection.publish(subject, JSON.stringify(message))
    },
    signalHeard: async (subject, message) => (isLeaving() ? true : publishHeard(subject, JSON.stringify(message))),
    subscribe: (subject, handler) => {
      const subscription = connection.subscribe(subject, {
        callback: (error, message) => {
          if (error !== null) return log.warn({ err: error, subject }, 'a subscription failed')
          try {
            const body: unknown = message.json()
            const isBatch = Array.isArray(body) && isStored.test(message.subject)
            for (const each of isBatch ? body : [body]) handler(each, message.subject)
          } catch (err) {
            log.error({ err, subject: message.subject }, 'a bus listener failed')
          }
        },
      })
      return () => subscription.unsubscribe()
    },
    publishDurable: async (events) => {
      if (!connected) throw new MeshError('UNAVAILABLE', 'error.unavailable', { what: 'NATS' })
      await readyStream()
      await Promise.all(
        toMessages(events).map(({ subject, id, data }) => js.publish(subject, data, { msgID: id, timeout: 5_000 })),
      )
      return []
    },
    consume: async (consumer) => {
      const abort = new AbortController()
      const running = consumeLoop(consumer, abort.signal)
      const stop = async () => {
        abort.abort()
        stops.delete(stop)
        await Promise.race([running, sleep(stopPatienceMs, undefined, { ref: false })])
      }
      stops.add(stop)
      return stop
    },
    onReconnect: (handler) => void reconnectHandlers.push(handler),
    connected: () => connected && !connection.isClosed(),
    close: async () => {
      await Promise.all([...stops].map((stop) => stop()))
      if (!connection.isClosed()) await Promise.race([connection.drain(), sleep(2_000, undefined, { ref: false })])
    },
  }
}
