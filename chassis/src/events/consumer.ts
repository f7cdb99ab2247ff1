/** Consumers of durable events. An event that cannot be handled stops none behind it and is not lost (docs/adr/0017). */
import { events, eventSubject, uuid, type CloudEvent, type EventData, type EventName } from '@clawmesh/contracts'
import type { Stop } from '../bus/bus.ts'
import type { RemoteService } from '../config.ts'
import type { Part } from '../lifecycle/lifecycle.ts'
import type { Mesh } from '../mesh.ts'
import { createDeadEvents } from './dead-events.ts'
import { reasonOf } from './failure.ts'
import { waitingDeadEvents } from './metrics.ts'
import { createSettling, type Work } from './settle.ts'

/** An event of a tenant, its data checked by its schema. */
export interface ReceivedEvent<N extends EventName = EventName> {
  tenantId: string
  data: EventData<N>
  event: CloudEvent
}

/** What a service does at which events; each handler must be idempotent. */
export type EventHandlers = { readonly [N in EventName]?: (received: ReceivedEvent<N>) => Promise<void> }

type ConsumerMesh = Pick<Mesh, 'bus' | 'config' | 'database' | 'log'>

const replayPollMs = 5_000
const tidyMs = 60_000
const singleBatchSize = 100

interface ConsumerParts<T> extends Work<T> {
  mesh: ConsumerMesh
  service: RemoteService
  /** Of the durable position, after the service's. */
  name: string
  subjects: readonly string[]
  batchSize: number
}

const consumerPart = <T>(parts: ConsumerParts<T>): Part => {
  const { mesh, service, name, subjects, batchSize } = parts
  const durable = `${service}-${name}`
  const log = mesh.log.child({ service, consumer: durable })
  const deadEvents = createDeadEvents(mesh.database(service))
  const { settle, replayNext } = createSettling({
    service,
    durable,
    work: parts,
    deadEvents,
    log,
    maxDeliveries: mesh.config.eventDeliveries,
    retryMs: mesh.config.eventRetryMs,
    maxDead: mesh.config.deadEventsMax,
  })
  const stopping = new AbortController()
  let tidiedAtMs = -tidyMs
  let upkeep: Promise<void> = Promise.resolve()
  let timer: NodeJS.Timeout | undefined
  let stop: Stop | undefined

  /** Replays what operators ask for, counts and prunes now and then. The database may be away. */
  const look = async (): Promise<void> => {
    let replays = 0
    while (!stopping.signal.aborted && (await replayNext())) replays += 1
    const isTime = performance.now() - tidiedAtMs >= tidyMs
    if (replays === 0 && !isTime) return
    tidiedAtMs = performance.now()
    await deadEvents.prune(durable)
    waitingDeadEvents.set({ service, consumer: durable }, await deadEvents.countWaiting(durable))
  }
  const lookNow = (): void => {
    upkeep = upkeep
      .then(look)
      .catch((thrown: unknown) => log.debug({ reason: reasonOf(thrown) }, 'looking after dead events failed'))
      .then(() => {
        if (!stopping.signal.aborted) timer = setTimeout(lookNow, replayPollMs)
      })
  }

  return {
    name: `${durable} consumer`,
    start: async () => {
      stop = await mesh.bus.consume({ durable, subjects, batchSize, handle: settle })
      lookNow()
    },
    stop: async () => {
      stopping.abort()
      clearTimeout(timer)
      await Promise.all([stop?.(), upkeep])
      waitingDeadEvents.remove({ service, consumer: durable })
    },
  }
}

const kebab = (name: string): string => name.replaceAll(/[A-Z]/g, (capital) => `-${capital.toLowerCase()}`)

const readAs =
  <N extends EventName>(name: N) =>
  (event: CloudEvent): ReceivedEvent<N> => ({
    tenantId: uuid.parse(event.tenantid).toLowerCase(),
    data: events[name].data.parse(event.data) as EventData<N>,
    event,
  })

const handlerPart = <N extends EventName>(
  mesh: ConsumerMesh,
  service: RemoteService,
  name: N,
  handle: (received: ReceivedEvent<N>) => Promise<void>,
): Part =>
  consumerPart<ReceivedEvent<N>>({
    mesh,
    service,
    name: kebab(name),
    subjects: [eventSubject(name, '*')],
    batchSize: singleBatchSize,
    together: false,
    read: readAs(name),
    handle: ([received]) => handle(received!),
  })

/** Parts that start and stop together, in their order. */
const together = (name: string, parts: readonly Part[]): Part => ({
  name,
  start: async () => {
    for (const { start } of parts) await start?.()
  },
  stop: async () => {
    await Promise.all(parts.map(async ({ stop }) => stop?.()))
  },
})

/**
 * Consumes events one at a time, each kind from a durable position that all replicas of the service share. What fails
 * comes again after growing pauses, while those behind it go on; what cannot be read, or has failed too often, goes to the
 * service's dead events. While something that a handler needs is away, all wait.
 */
export const createConsumer = (mesh: ConsumerMesh, service: RemoteService, handlers: EventHandlers): Part =>
  together(
    `${service} events`,
    (Object.keys(handlers) as EventName[]).map((name) =>
      handlerPart(mesh, service, name, handlers[name] as (received: ReceivedEvent) => Promise<void>),
    ),
  )

export interface BatchConsumer<T> {
  /** Of the durable position, after the service's. */
  name: string
  /** The kinds of events that it consumes; no other wakes it. */
  events: readonly EventName[]
  batchSize: number
  /** What an event says; undefined for nothing. @throws anything when it cannot be read */
  read: (event: CloudEvent) => T | undefined
  /** Must be idempotent. A batch that fails is tried again one by one, and later ones of it always are. */
  handle: (items: readonly T[]) => Promise<void>
}

/** Consumes events in batches, with the guarantees of `createConsumer` for each event. */
export const createBatchConsumer = <T>(
  mesh: ConsumerMesh,
  service: RemoteService,
  { name, events: names, batchSize, read, handle }: BatchConsumer<T>,
): Part =>
  consumerPart({
    mesh,
    service,
    name,
    subjects: names.map((each) => eventSubject(each, '*')),
    batchSize,
    together: true,
    read,
    handle,
  })
