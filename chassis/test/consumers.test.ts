/**
 * Consumers over real databases, on the bus of one process and on NATS: events go through an outbox to the consumer, and
 * what it cannot handle to its dead events.
 */
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { jetstream } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { eventSubject, MeshError, type CloudEvent } from '@clawmesh/contracts'
import {
  chassisConfig,
  connectNatsBus,
  createBatchConsumer,
  createConsumer,
  createDeadEvents,
  createLocalBus,
  createLogger,
  createOutboxPart,
  loadConfigs,
  metricsRegistry,
  migrate,
  newId,
  openDatabase,
  outboxRow,
  type Bus,
  type Database,
  type DeadEventSummary,
  type OutboxRow,
  type Part,
  type ReceivedEvent,
} from '../src/index.ts'
import { migrationFolder } from '../../cli/src/migration-folders.ts'
import { createDatabase, type TestDatabase } from '../../test/support/database.ts'
import { startNats, type NatsHandle } from '../../test/support/nats.ts'
import { openTcpProxy } from '../../test/support/tcp-proxy.ts'
import { eventually } from '../../test/support/eventually.ts'

const log = createLogger({ level: process.env['CLAWMESH_TEST_LOG'] ?? 'silent', name: 'test' })
const maxDeliveries = 3
const { chassis: config } = loadConfigs(
  { chassis: chassisConfig },
  { CLAWMESH_EVENT_DELIVERIES: String(maxDeliveries), CLAWMESH_EVENT_RETRY_MS: '20' },
)

let testDatabase: TestDatabase
let database: Database
let nats: NatsHandle
const undo: (() => Promise<unknown>)[] = []

beforeAll(async () => {
  ;[testDatabase, nats] = await Promise.all([createDatabase('consumers'), startNats()])
  await migrate({ url: testDatabase.url, schema: 'channels', folder: migrationFolder('channels') })
  database = openDatabase({ url: testDatabase.url, schema: 'channels', poolSize: 10, log })
})
afterAll(async () => {
  await database.close()
  await Promise.all([testDatabase.drop(), nats.stop()])
})
beforeEach(() => database.pool.query('TRUNCATE channels.outbox, channels.dead_events'))
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step()
})

type Handler = (received: ReceivedEvent<'agentDeleted'>) => Promise<void>

const meshOf = (bus: Bus, over: Database = database, overrides: Partial<typeof config> = {}) => ({
  bus,
  log,
  config: { ...config, ...overrides },
  database: () => over,
})
const run = async <P extends Part>(part: P): Promise<P> => {
  await part.start?.()
  undo.push(async () => part.stop?.())
  return part
}
const openBus = async (kind: string, ackWaitMs = 30_000): Promise<Bus> => {
  const bus = kind === 'NATS' ? await connectNatsBus([nats.url], 'test', log, { ackWaitMs }) : createLocalBus(log)
  undo.push(bus.close)
  return bus
}

/** Events of a tenant of their own, in the order of their names. */
const eventsOf = (...names: string[]) => {
  const tenantId = newId()
  const rows = names.map((name) => outboxRow('agentDeleted', tenantId, { id: newId(), actorId: name }))
  return { tenantId, rows }
}
const nameOf = ({ data }: ReceivedEvent<'agentDeleted'>) => data.actorId

const write = async (rows: readonly OutboxRow[]): Promise<void> => {
  await database.pool.query(
    'INSERT INTO channels.outbox (id, subject, payload) SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[])',
    [rows.map(({ id }) => id), rows.map(({ subject }) => subject), rows.map(({ payload }) => payload)],
  )
}
const deadEvents = () => createDeadEvents(database)
const dead = (): Promise<DeadEventSummary[]> => deadEvents().list(100)
const outboxSize = async (): Promise<number> =>
  (await database.pool.query<{ count: number }>('SELECT count(*) FROM channels.outbox')).rows[0]!.count

/** Publishes through a relay. */
const publish = async (bus: Bus, rows: readonly OutboxRow[]): Promise<void> => {
  await write(rows)
  const relay = await run(createOutboxPart(database, { bus, log }))
  relay.wakeRelay()
}

/** A handler of one tenant's events that fails where it is told to, and what it was asked. */
const recorder = (tenantId: string, fail: (name: string) => Error | undefined) => {
  const asked: string[] = []
  const handled: string[] = []
  const handle: Handler = async (received) => {
    if (received.tenantId !== tenantId) return
    const name = nameOf(received)
    asked.push(name)
    const error = fail(name)
    if (error !== undefined) throw error
    handled.push(name)
  }
  return { asked, handled, handle }
}

const counterOf = async (name: string, event: string): Promise<number> => {
  const { values } = await metricsRegistry.getSingleMetric(name)!.get()
  return values.find(({ labels }) => labels['service'] === 'channels' && labels['event'] === event)?.value ?? 0
}
const times = (count: number, name: string): string[] => Array.from({ length: count }, (_, at) => `${name}${at}`)

describe.each(['local', 'NATS'])('on the %s bus', (kind) => {
  it('an event that cannot be handled stops none behind it, comes so many times and ends with the dead events', async () => {
    const bus = await openBus(kind)
    const good = times(20, 'good')
    const { tenantId, rows } = eventsOf('poison', ...good)
    const { asked, handled, handle } = recorder(tenantId, (name) =>
      name === 'poison' ? new Error('no such thing: postgres://me:hush@db/x sk-aaaaBBBBccccDDDD1111222') : undefined,
    )
    const countBefore = await counterOf('clawmesh_dead_events_total', 'agentDeleted')
    await run(createConsumer(meshOf(bus), 'channels', { agentDeleted: handle }))
    await publish(bus, rows)
    await eventually('dead', async () => (await dead()).length > 0)
    expect(handled).toEqual(good)
    expect(asked.filter((name) => name === 'poison')).toHaveLength(maxDeliveries)
    // All others came before it was tried again.
    expect(asked.lastIndexOf('good19')).toBeLessThan(asked.lastIndexOf('poison'))
    const [poison] = rows
    expect(await dead()).toMatchObject([
      {
        consumer: 'channels-agent-deleted',
        event: 'clawmesh.agents.agent.deleted',
        eventId: poison!.id,
        tenantId,
        subject: poison!.subject,
        deliveries: maxDeliveries,
        error: 'Error: no such thing: postgres://***@db/x ***',
        state: 'waiting',
      },
    ])
    const { rows: kept } = await database.pool.query<{ payload: string }>('SELECT payload FROM channels.dead_events')
    expect(JSON.parse(kept[0]!.payload)).toEqual(JSON.parse(poison!.payload))
    await eventually('an empty outbox', async () => (await outboxSize()) === 0)
    expect(await counterOf('clawmesh_dead_events_total', 'agentDeleted')).toBe(countBefore + 1)
  })

  it('data that do not fit the schema go to the dead events at once, and no handler sees them', async () => {
    const bus = await openBus(kind)
    const { tenantId, rows } = eventsOf('good')
    const unreadable = outboxRow('agentDeleted', tenantId, { id: 'no uuid', actorId: 'bad' })
    const { asked, handle } = recorder(tenantId, () => undefined)
    await run(createConsumer(meshOf(bus), 'channels', { agentDeleted: handle }))
    await publish(bus, [unreadable, ...rows])
    await eventually('dead', async () => (await dead()).length > 0 && asked.length > 0)
    expect(asked).toEqual(['good'])
    expect(await dead()).toMatchObject([
      { eventId: unreadable.id, deliveries: 1, error: expect.stringContaining('unreadable: ZodError: id: ') },
    ])
  })

  it('while the database is away all wait, in their places; nothing is lost and nothing dies of it', async () => {
    const { hostname, port } = new URL(testDatabase.url)
    const proxy = await openTcpProxy(hostname, Number(port))
    undo.push(proxy.shut)
    const url = new URL(testDatabase.url)
    url.host = `127.0.0.1:${proxy.port}`
    const behind = openDatabase({ url: url.href, schema: 'channels', poolSize: 2, log })
    undo.push(behind.close)

    // Waiting lasts longer than the server believes in a silent consumer.
    const bus = await openBus(kind, 2_000)
    const { tenantId, rows } = eventsOf('first', ...times(10, 'later'))
    const asked: string[] = []
    const handled: string[] = []
    let [failing, failures] = [false, 0]
    await run(
      createConsumer(meshOf(bus, behind), 'channels', {
        agentDeleted: async (received) => {
          if (received.tenantId !== tenantId) return
          asked.push(nameOf(received))
          await behind.system.query('SELECT 1')
          if (failing && nameOf(received) === 'first') {
            failures++
            throw new Error('not for the database')
          }
          handled.push(nameOf(received))
        },
      }),
    )
    await proxy.shut()
    await publish(bus, rows)
    await eventually('many attempts', () => asked.length > maxDeliveries + 2)
    await sleep(4_500)
    expect(new Set(asked)).toEqual(new Set(['first']))
    expect(handled).toEqual([])

    // All its deliveries are still ahead of it.
    failing = true
    await proxy.open()
    await eventually('dead', async () => (await dead()).length > 0)
    expect(failures).toBe(maxDeliveries)
    expect(handled).toEqual(times(10, 'later'))
    expect(await dead()).toMatchObject([{ eventId: rows[0]!.id }])
  })

  it('what another service answers with a retryable error waits as well', async () => {
    const bus = await openBus(kind)
    const { tenantId, rows } = eventsOf('one', 'two')
    let away = true
    const { asked, handled, handle } = recorder(tenantId, () =>
      away ? new MeshError('UNAVAILABLE', 'error.unavailable', { what: 'agents' }) : undefined,
    )
    await run(createConsumer(meshOf(bus), 'channels', { agentDeleted: handle }))
    await publish(bus, rows)
    await eventually('many attempts', () => asked.length > maxDeliveries + 1)
    expect(new Set(asked)).toEqual(new Set(['one']))
    away = false
    await eventually('handled', () => handled.length === 2)
    expect(handled).toEqual(['one', 'two'])
    expect(await dead()).toEqual([])
  })

  it('of a batch that fails each event is tried alone, so that a bad one fails alone', async () => {
    const bus = await openBus(kind)
    const good = times(30, 'good')
    const { tenantId, rows } = eventsOf(...good.slice(0, 15), 'poison', 'unreadable', ...good.slice(15))
    const batches: string[][] = []
    const handled: string[] = []
    await run(
      createBatchConsumer(meshOf(bus), 'channels', {
        name: `batch-${tenantId.slice(-6)}`,
        events: ['agentDeleted'],
        batchSize: 50,
        read: (event: CloudEvent) => {
          if (event.tenantid !== tenantId) return undefined
          const name = (event.data as { actorId: string }).actorId
          if (name === 'unreadable') throw new RangeError('not to be read')
          return name
        },
        handle: async (names) => {
          batches.push([...names])
          if (names.includes('poison')) throw new Error('poisoned')
          handled.push(...names)
        },
      }),
    )
    await publish(bus, rows)
    await eventually('dead', async () => (await dead()).length === 2)
    expect(handled.toSorted()).toEqual(good.toSorted())
    const withPoison = batches.filter((names) => names.includes('poison'))
    expect(withPoison.at(-1)).toEqual(['poison'])
    // Together at most once, when it came first.
    expect(withPoison.filter((names) => names.length > 1).length).toBeLessThanOrEqual(1)
    expect((await dead()).map(({ error, deliveries }) => [error, deliveries]).toSorted()).toEqual([
      ['Error: poisoned', maxDeliveries],
      ['unreadable: RangeError: not to be read', 1],
    ])
  })

  it('a dead event that is replayed has its effect, once, and dies again when it fails again', async () => {
    const replicas = kind === 'NATS' ? [await openBus(kind), await openBus(kind)] : [await openBus(kind)]
    const { tenantId, rows } = eventsOf('poison', 'worse')
    let mended = false
    const { asked, handled, handle } = recorder(tenantId, (name) =>
      name === 'poison' && mended ? undefined : new Error('broken'),
    )
    for (const bus of replicas)
      await run(createConsumer(meshOf(bus, database, { eventDeliveries: 1 }), 'channels', { agentDeleted: handle }))
    await publish(replicas[0]!, rows)
    await eventually('dead', async () => (await dead()).length === 2)

    mended = true
    asked.length = 0
    const [first] = (await dead()).filter(({ eventId }) => eventId === rows[0]!.id)
    expect(await deadEvents().requestReplay(first!.id)).toBe(1)
    await eventually('replayed', async () => (await dead()).some(({ state }) => state === 'replayed'))
    expect(handled).toEqual(['poison'])
    // Neither is it replayed again.
    expect(await deadEvents().requestReplay(first!.id)).toBe(0)

    expect(await deadEvents().requestReplay()).toBe(1)
    await eventually('failed again', async () => (await dead()).some(({ deliveries }) => deliveries === 2))
    expect(asked).toEqual(['poison', 'worse'])
    const stateOf = async (id: string) => (await dead()).find(({ eventId }) => eventId === id)?.state
    expect([await stateOf(rows[0]!.id), await stateOf(rows[1]!.id)]).toEqual(['replayed', 'waiting'])
  })

  it('an event that was not handled when the process died comes to the next one', async () => {
    const { tenantId, rows } = eventsOf('one')
    let dying = true
    const { asked, handled, handle } = recorder(tenantId, () => (dying ? new Error('died of it') : undefined))
    const live = async () => {
      const bus = await openBus(kind)
      const consumer = await run(
        createConsumer(meshOf(bus, database, { eventRetryMs: 1_500 }), 'channels', { agentDeleted: handle }),
      )
      const relay = await run(createOutboxPart(database, { bus, log }))
      return async () => {
        await consumer.stop!()
        await relay.stop!()
        await bus.close()
      }
    }
    await write(rows)
    const stop = await live()
    await eventually('asked', () => asked.length > 0)
    await stop()
    expect(handled).toEqual([])
    dying = false
    await live()
    await eventually('handled', () => handled.length > 0)
    expect(await dead()).toEqual([])
  })
})

describe('a dead event is told of', () => {
  it('by a line at error level with its id and nothing of what it says, and by a metric', async () => {
    const bus = await openBus('local')
    const lines: string[] = []
    const stream = { write: (line: string) => void lines.push(line) }
    const { tenantId, rows } = eventsOf('poison')
    const { handle } = recorder(tenantId, () => new Error('broken'))
    const mesh = { ...meshOf(bus), log: createLogger({ level: 'trace', name: 'test', stream }) }
    await run(createConsumer(mesh, 'channels', { agentDeleted: handle }))
    await publish(bus, rows)
    const errors = () => lines.map((line) => JSON.parse(line)).filter(({ level }) => level >= 50)
    await eventually('told', async () => errors().length > 0)
    expect(errors()).toMatchObject([
      { eventId: rows[0]!.id, tenantId, consumer: 'channels-agent-deleted', deliveries: maxDeliveries },
    ])
    expect(lines.join('')).not.toContain('poison')
  })

  it('and counted as lost where there is no room for it, which stops none behind it', async () => {
    const bus = await openBus('local')
    const { tenantId, rows } = eventsOf('poison0', 'poison1', 'good')
    const { handled, handle } = recorder(tenantId, (name) => (name === 'good' ? undefined : new Error('broken')))
    const lostBefore = await counterOf('clawmesh_dead_events_dropped_total', 'agentDeleted')
    const mesh = meshOf(bus, database, { deadEventsMax: 1, eventDeliveries: 1 })
    await run(createConsumer(mesh, 'channels', { agentDeleted: handle }))
    await publish(bus, rows)
    await eventually('an empty outbox', async () => handled.length > 0 && (await outboxSize()) === 0)
    expect(await dead()).toHaveLength(1)
    expect(await counterOf('clawmesh_dead_events_dropped_total', 'agentDeleted')).toBe(lostBefore + 1)
  })

  it('by how many wait, once that was counted', async () => {
    const bus = await openBus('local')
    const { tenantId, rows } = eventsOf('one', 'two')
    const { handle } = recorder(tenantId, () => new Error('broken'))
    const consumer = 'channels-agent-deleted'
    for (const { subject, payload } of rows) {
      const event = JSON.parse(payload) as CloudEvent
      await deadEvents().keep(consumer, { subject, event, payload: () => payload, deliveries: 1 }, 'broken', 9)
    }
    const waiting = async () => {
      const { values } = await metricsRegistry.getSingleMetric('clawmesh_dead_events_waiting')!.get()
      return values.find(({ labels }) => labels['consumer'] === consumer)?.value
    }
    const part = await run(createConsumer(meshOf(bus), 'channels', { agentDeleted: handle }))
    await eventually('counted', async () => (await waiting()) === 2)
    await part.stop!()
    expect(await waiting()).toBeUndefined()
  })
})

describe('over NATS', () => {
  it('deliveries are counted on over a restart', async () => {
    const { tenantId, rows } = eventsOf('poison')
    const { asked, handle } = recorder(tenantId, () => new Error('broken'))
    const publisher = await openBus('NATS')
    await publish(publisher, rows)
    for (let life = 1; life <= maxDeliveries; life += 1) {
      const bus = await openBus('NATS')
      const mesh = meshOf(bus, database, { eventRetryMs: 500 })
      const consumer = await run(createConsumer(mesh, 'channels', { agentDeleted: handle }))
      await eventually(`life ${life}`, () => asked.length >= life)
      await consumer.stop!()
      await bus.close()
    }
    await eventually('dead', async () => (await dead()).length > 0)
    expect(asked).toHaveLength(maxDeliveries)
    expect(await dead()).toMatchObject([{ deliveries: maxDeliveries }])
  })

  it('replicas share the events, and a bad one comes so many times to all of them together', async () => {
    const good = times(100, 'good')
    const { tenantId, rows } = eventsOf('poison', ...good)
    const { asked, handled, handle } = recorder(tenantId, (name) => (name === 'poison' ? new Error('bad') : undefined))
    const buses = await Promise.all([openBus('NATS'), openBus('NATS')])
    for (const bus of buses) await run(createConsumer(meshOf(bus), 'channels', { agentDeleted: handle }))
    await publish(buses[0], rows)
    await eventually('dead', async () => (await dead()).length > 0 && handled.length >= good.length)
    // A replica does not know what another has handled of a message: those beside the bad one may come to it, too.
    expect(new Set(handled)).toEqual(new Set(good))
    expect(asked.filter((name) => name === 'poison')).toHaveLength(maxDeliveries)
    expect(await dead()).toHaveLength(1)
  })

  it.each([
    ['no JSON', '{"half'],
    ['no event', '{"id":1}'],
    ['no text at all', Buffer.from([0xff, 0x00, 0xfe])],
  ])('a message that is %s is kept, once, and stops none behind it', async (_, bytes) => {
    const bus = await openBus('NATS')
    const { tenantId, rows } = eventsOf('good')
    const { handled, handle } = recorder(tenantId, () => undefined)
    const connection = await connect({ servers: nats.url })
    undo.push(() => connection.close())
    const subject = eventSubject('agentDeleted', tenantId)
    // Makes the stream.
    await bus.publishDurable([])
    for (let time = 0; time < 2; time += 1) await jetstream(connection).publish(subject, bytes)
    await run(createConsumer(meshOf(bus), 'channels', { agentDeleted: handle }))
    await publish(bus, rows)
    await eventually('handled', async () => handled.length > 0)
    expect(await dead()).toMatchObject([
      { event: 'unreadable', subject, tenantId: null, deliveries: 1, error: 'unreadable: it is no CloudEvent' },
    ])
  })
})

describe('the dead events of a tenant', () => {
  const deliveryOf = (tenantId: string, payload = '{}') => {
    const event = {
      ...(JSON.parse(outboxRow('agentDeleted', tenantId, { id: newId(), actorId: 'x' }).payload) as CloudEvent),
      id: randomUUID(),
    }
    return { subject: eventSubject('agentDeleted', tenantId), event, payload: () => payload, deliveries: 1 }
  }

  it('are bounded: those replayed make room, and a new one is not kept while all wait', async () => {
    const [tenantId, other] = [newId(), newId()]
    const keep = (of: string) => deadEvents().keep('test', deliveryOf(of), 'x', 3)
    expect([await keep(tenantId), await keep(tenantId), await keep(tenantId)]).toEqual([true, true, true])
    expect(await keep(tenantId)).toBe(false)
    expect(await keep(other)).toBe(true)
    const [first] = await deadEvents().list(10)
    await deadEvents().replayed(first!.id)
    expect(await keep(tenantId)).toBe(true)
    expect(await keep(tenantId)).toBe(false)
    const ids = (await deadEvents().list(10)).map(({ id }) => id)
    expect(ids).toHaveLength(4)
    expect(ids).not.toContain(first!.id)
  })

  it('are rows once, however often an event dies, also where there is no room', async () => {
    const delivery = deliveryOf(newId())
    expect(await deadEvents().keep('test', delivery, 'first', 1)).toBe(true)
    expect(await deadEvents().keep('test', { ...delivery, deliveries: 7 }, 'last', 1)).toBe(true)
    expect(await deadEvents().list(10)).toMatchObject([{ error: 'last', deliveries: 7 }])
  })

  it('keep no payload that is too large or too deep, and say so when it is to be replayed', async () => {
    const bus = await openBus('local')
    const deep = () => {
      throw new RangeError('Maximum call stack size exceeded')
    }
    const consumer = 'channels-agent-deleted'
    await deadEvents().keep(consumer, deliveryOf(newId(), 'x'.repeat(1_048_577)), 'large', 5)
    await deadEvents().keep(consumer, { ...deliveryOf(newId()), payload: deep }, 'deep', 5)
    const { rows } = await database.pool.query('SELECT payload FROM channels.dead_events')
    expect(rows).toEqual([{ payload: null }, { payload: null }])
    expect(await deadEvents().requestReplay()).toBe(2)
    await run(createConsumer(meshOf(bus), 'channels', { agentDeleted: async () => undefined }))
    await eventually('refused', async () => (await dead()).every(({ state }) => state === 'waiting'))
    expect((await dead()).map(({ error }) => error)).toEqual(
      times(2, '').map(() => 'the event was too large to be kept'),
    )
  })

  it('are seen in the scope of their tenant and of the system only', async () => {
    const [tenantId, other] = [newId(), newId()]
    await deadEvents().keep('test', deliveryOf(tenantId), 'x', 5)
    const seen = async (scope: Database['system']) => (await scope.query('SELECT FROM channels.dead_events')).rowCount
    expect(await seen(database.forTenant(tenantId))).toBe(1)
    expect(await seen(database.forTenant(other))).toBe(0)
    expect(await seen(database.system)).toBe(1)
  })
})
