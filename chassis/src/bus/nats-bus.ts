/** The bus over NATS: core subjects for what is live, JetStream for what must not be lost. */
import { setTimeout as sleep } from 'node:timers/promises'
import { cloudEvent, eventStream, MeshError, type CloudEvent } from '@clawmesh/contracts'
import { AckPolicy, DeliverPolicy, jetstream, jetstreamManager, type JsMsg } from '@nats-io/jetstream'
import { connect, nanos, type NatsConnection } from '@nats-io/transport-node'
import type { Logger } from '../log/logger.ts'
import type { Bus, Consumer, Stop } from './bus.ts'

const ackWaitMs = 30_000
/** Events are kept this long for consumers that are away. */
const keepEventsMs = 7 * 24 * 3_600_000
const duplicateWindowMs = 10 * 60_000
const stopPatienceMs = 5_000
const pauseAfterFailureMs = 1_000
/** Events that come within this time are handled together; nobody waits for them. */
const gatherMs = 50
/** A start that waits longer than this says what for. */
const quietMs = 3_000

const decode = (log: Logger, message: JsMsg): CloudEvent | undefined => {
  const parsed = cloudEvent.safeParse(message.json())
  if (parsed.success) return parsed.data
  log.error({ subject: message.subject }, 'dropped a message that is no CloudEvent')
  message.term()
  return undefined
}

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

/** Connects to NATS; keeps trying for ever, both at start and later. */
export const connectNatsBus = async (servers: readonly string[], name: string, log: Logger): Promise<Bus> => {
  const patience = setTimeout(() => log.warn('NATS does not answer yet, waiting for it'), quietMs)
  const connection = await connect({
    servers: [...servers],
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

  /** One stay at the durable position; ends when told to, or with the server's error. */
  const consumeOnce = async (consumer: Consumer, stopped: AbortSignal): Promise<void> => {
    await readyStream()
    const manager = await jetstreamManager(connection)
    await manager.consumers.add(eventStream.name, {
      durable_name: consumer.durable,
      ack_policy: AckPolicy.Explicit,
      deliver_policy: DeliverPolicy.All,
      ack_wait: nanos(ackWaitMs),
      filter_subject: consumer.subject,
    })
    const arrived: JsMsg[] = []
    let wake = () => {}
    const pull = await js.consumers.get(eventStream.name, consumer.durable)
    const messages = await pull.consume({
      max_messages: consumer.batchSize * 2,
      abort_on_missing_resource: true,
      callback: (message) => {
        arrived.push(message)
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
    // What comes while a batch is gathered and handled makes the next one, so batches grow with the load.
    while (!over || arrived.length > 0) {
      if (arrived.length === 0) {
        await new Promise<void>((resolve) => (wake = resolve))
        if (!over && arrived.length < consumer.batchSize) await sleep(gatherMs)
      }
      const taken = arrived.splice(0, consumer.batchSize)
      if (taken.length === 0) continue
      try {
        await consumer.handle(taken.flatMap((message) => decode(log, message) ?? []))
        for (const message of taken) message.ack()
      } catch (err) {
        log.warn({ err, durable: consumer.durable }, 'handling events failed, they come again')
        for (const message of taken) message.nak(pauseAfterFailureMs)
      }
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

  return {
    signal: (subject, message) => {
      if (!connection.isClosed()) connection.publish(subject, JSON.stringify(message))
    },
    subscribe: (subject, handler) => {
      const subscription = connection.subscribe(subject, {
        callback: (error, message) => {
          if (error !== null) return log.warn({ err: error, subject }, 'a subscription failed')
          try {
            handler(message.json(), message.subject)
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
        events.map(({ subject, event }) =>
          js.publish(subject, JSON.stringify(event), { msgID: event.id, timeout: 5_000 }),
        ),
      )
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
