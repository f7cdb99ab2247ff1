/** The bus of one process and the bus over NATS: the same subjects reach the same listeners. */
import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import fc from 'fast-check'
import { AckPolicy, jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { eventSubject, masterTenantId, type CloudEvent } from '@clawmesh/contracts'
import { createLogger, createLocalBus, connectNatsBus, type Bus } from '../src/index.ts'
import { consumeEvents, outgoing } from '../../test/support/events.ts'
import { startNats, type NatsHandle } from '../../test/support/nats.ts'
import { openTcpProxy } from '../../test/support/tcp-proxy.ts'
import { eventually, until } from '../../test/support/eventually.ts'

const log = createLogger({ level: 'silent', name: 'test' })
const buses = new Map<string, Bus>()
let nats: NatsHandle

beforeAll(async () => {
  nats = await startNats()
  buses.set('local', createLocalBus(log))
  buses.set('NATS', await connectNatsBus([nats.url], 'test', log))
})
afterAll(async () => {
  for (const bus of buses.values()) await bus.close()
  await nats.stop()
})

const event = (id: string = randomUUID()): CloudEvent => ({
  specversion: '1.0',
  id,
  source: '/clawmesh/test',
  type: 'clawmesh.test',
  time: new Date().toISOString(),
  datacontenttype: 'application/json',
  tenantid: masterTenantId,
  data: { id },
})

describe.each(['local', 'NATS'])('%s', (name) => {
  const bus = () => buses.get(name)!

  /** Publishes on subjects and says which of them a pattern heard. */
  const heard = async (pattern: string, subjects: readonly string[]): Promise<string[]> => {
    const seen: string[] = []
    const prefix = `t${randomUUID().slice(0, 8)}`
    const stop = bus().subscribe(`${prefix}.${pattern}`, (_message, subject) => seen.push(subject))
    let done = false
    const stopLast = bus().subscribe(`${prefix}-last`, () => (done = true))
    for (const subject of subjects) bus().signal(`${prefix}.${subject}`, {})
    bus().signal(`${prefix}-last`, {})
    await until(() => done)
    stop()
    stopLast()
    return seen.map((subject) => subject.slice(prefix.length + 1))
  }

  const subjects = ['a', 'a.b', 'a.b.c', 'a.c', 'ab', 'a.bc', 'b.b', 'a.b+c', 'a.$', 'a.b-c', 'A.b', 'a.b.c.d']

  it.each([
    ['a', ['a']],
    ['a.b', ['a.b']],
    ['a.*', ['a.b', 'a.c', 'a.bc', 'a.b+c', 'a.$', 'a.b-c']],
    ['*.b', ['a.b', 'b.b', 'A.b']],
    ['a.>', ['a.b', 'a.b.c', 'a.c', 'a.bc', 'a.b+c', 'a.$', 'a.b-c', 'a.b.c.d']],
    ['>', subjects],
    ['*', ['a', 'ab']],
    ['a.*.c', ['a.b.c']],
    ['a.*.>', ['a.b.c', 'a.b.c.d']],
    ['a.b+c', ['a.b+c']],
    ['a.$', ['a.$']],
  ])('%s hears what it should', async (pattern, expected) => {
    expect(await heard(pattern, subjects)).toEqual(expected)
  })

  it('hands over messages as they are, in order, and none after the listener has left', async () => {
    const subject = `t.${randomUUID()}`
    const seen: unknown[] = []
    const stop = bus().subscribe(subject, (message) => seen.push(message))
    const messages = [{ a: [1, 'é', null] }, 'text', 1, null, { nested: { deep: true } }]
    for (const message of messages) bus().signal(subject, message)
    await until(() => seen.length === messages.length)
    expect(seen).toEqual(messages)
    stop()
    bus().signal(subject, 'late')
    await pause(50)
    expect(seen).toHaveLength(messages.length)
  })

  it('says whether anybody listened, whoever else asks meanwhile', async () => {
    const prefix = `t.${randomUUID()}`
    const seen: unknown[] = []
    const stop = bus().subscribe(`${prefix}.a.*`, (message) => seen.push(message))
    const ask = () => Promise.all(['a.1', 'b.1', 'a.2'].map((end) => bus().signalHeard(`${prefix}.${end}`, end)))
    expect(await ask()).toEqual([true, false, true])
    await until(() => seen.length === 2)
    expect(seen).toEqual(['a.1', 'a.2'])
    stop()
    expect(await ask()).toEqual([false, false, false])
  })

  it('lets a listener that fails keep nothing from the others', async () => {
    const subject = `t.${randomUUID()}`
    let seen = 0
    const stops = [
      bus().subscribe(subject, () => {
        throw new Error('broken listener')
      }),
      bus().subscribe(subject, () => seen++),
    ]
    bus().signal(subject, {})
    bus().signal(subject, {})
    await until(() => seen === 2)
    stops.forEach((stop) => stop())
  })

  it('keeps a consumer its events until it has handled them, and again after it failed', async () => {
    const tenant = randomUUID()
    const ids: string[] = []
    let failures = 0
    const stop = await consumeEvents(bus(), {
      durable: `test-${name}-${tenant.slice(0, 8)}`,
      subject: eventSubject('agentCreated', tenant),
      batchSize: 10,
      handle: async (batch) => {
        if (name === 'NATS' && failures++ < 1) throw new Error('not now')
        ids.push(...batch.map(({ id }) => id))
      },
    })
    const sent = Array.from({ length: 25 }, () => event())
    await bus().publishDurable(sent.map((each) => outgoing(eventSubject('agentCreated', tenant), each)))
    await bus().publishDurable([outgoing(eventSubject('agentCreated', randomUUID()), event())])
    await until(() => new Set(ids).size === sent.length)
    expect(new Set(ids)).toEqual(new Set(sent.map(({ id }) => id)))
    await stop()
  })
})

it('a subject is matched part by part, whatever its parts are (the local bus, against a plain matcher)', () => {
  const bus = buses.get('local')!
  const part = fc.string({ minLength: 1, maxLength: 3 }).filter((text) => !/[.\s*>]/.test(text))
  const matches = (pattern: string[], subject: string[]): boolean => {
    const [first, ...rest] = pattern
    if (first === '>') return subject.length > 0
    if (first === undefined || subject.length === 0) return first === undefined && subject.length === 0
    return (first === '*' || first === subject[0]) && matches(rest, subject.slice(1))
  }
  const pattern = fc
    .tuple(fc.array(fc.oneof(part, fc.constant('*')), { minLength: 1, maxLength: 4 }), fc.boolean())
    .map(([parts, open]) => (open ? [...parts, '>'] : parts))
  fc.assert(
    fc.property(pattern, fc.array(part, { minLength: 1, maxLength: 5 }), (listened, published) => {
      let heard = false
      const stop = bus.subscribe(listened.join('.'), () => (heard = true))
      bus.signal(published.join('.'), {})
      stop()
      expect(heard).toBe(matches(listened, published))
    }),
    { numRuns: 2_000 },
  )
})

it('over NATS nobody waits for a silent server to say whether anybody listened', async () => {
  const proxy = await openTcpProxy('127.0.0.1', nats.port)
  const bus = await connectNatsBus([`nats://127.0.0.1:${proxy.port}`], 'test', log)
  const subject = `t.${randomUUID()}`
  expect(await bus.signalHeard(subject, {})).toBe(false)
  proxy.stall()
  expect(await bus.signalHeard(subject, {})).toBe(true)
  await proxy.open()
  await bus.close()
  await proxy.shut()
})

it('over NATS signals are dropped while the connection ends, at whatever moment', async () => {
  const bus = await connectNatsBus([nats.url], 'test', log)
  let hasEnded = false
  const ending = bus.close().then(() => (hasEnded = true))
  while (!hasEnded) {
    bus.signal('clawmesh.test.late', {})
    await bus.signalHeard('clawmesh.test.late', {})
    await new Promise((resolve) => setImmediate(resolve))
  }
  bus.signal('clawmesh.test.late', {})
  await ending
})

it('over NATS an event that is sent twice is stored once', async () => {
  const bus = buses.get('NATS')!
  const tenant = randomUUID()
  const seen: string[] = []
  const [twice, last] = [event(), event()]
  const created = (each: CloudEvent) => outgoing(eventSubject('tenantCreated', tenant), each)
  await bus.publishDurable([created(twice)])
  await bus.publishDurable([created(last)])
  const stop = await consumeEvents(bus, {
    durable: `test-twice-${tenant.slice(0, 8)}`,
    subject: eventSubject('tenantCreated', tenant),
    batchSize: 10,
    handle: async (batch) => void seen.push(...batch.map(({ id }) => id)),
  })
  await until(() => seen.includes(last.id))
  expect(seen).toEqual([twice.id, last.id])
  await stop()
})

it('over NATS events of one subject that are published together are one message, and each has its own outcome', async () => {
  const bus = buses.get('NATS')!
  const tenant = randomUUID()
  const subject = eventSubject('agentShared', tenant)
  const sent = Array.from({ length: 30 }, () => event())
  const connection = await connect({ servers: nats.url })
  const messages: unknown[] = []
  connection.subscribe(subject, { callback: (_error, message) => void messages.push(message.json()) })
  await connection.flush()
  const heard: CloudEvent[] = []
  const deaf = bus.subscribe(subject, (message) => heard.push(message as CloudEvent))
  const handed: string[][] = []
  const stop = await bus.consume({
    durable: `test-batch-${tenant.slice(0, 8)}`,
    subjects: [subject],
    batchSize: 20,
    handle: async (batch) => {
      handed.push(
        batch.map(
          ({ event: { id } = event(), deliveries }) => `${sent.findIndex((each) => each.id === id)}/${deliveries}`,
        ),
      )
      return batch.map(({ event: { id } = event(), deliveries }) =>
        id === sent[3]!.id && deliveries < 3 ? { state: 'again', afterMs: 10 } : { state: 'done' },
      )
    },
  })
  await bus.publishDurable(sent.map((each) => outgoing(subject, each)))
  await until(() => handed.flat().includes('3/3') && heard.length === sent.length)
  expect(messages).toEqual([sent])
  expect(heard).toEqual(sent)
  // What is handled is not handed over again with the one that failed.
  expect(handed.flat().toSorted()).toEqual([...sent.map((_, at) => `${at}/1`), '3/2', '3/3'].toSorted())
  expect(handed[0]).toHaveLength(20)
  deaf()
  await stop()
  await connection.close()
})

it('over NATS a durable position is given the events of this release, whatever it was given before', async () => {
  const bus = buses.get('NATS')!
  const tenant = randomUUID()
  const durable = `test-filter-${tenant.slice(0, 8)}`
  const seen: string[] = []
  const consume = async (...subjects: string[]) =>
    bus.consume({
      durable,
      subjects,
      batchSize: 10,
      handle: async (batch) =>
        void seen.push(...batch.flatMap(({ subject }) => (subject.includes(tenant) ? [subject] : []))),
    })
  const [created, deleted, ended] = (['agentCreated', 'agentDeleted', 'runEnded'] as const).map((name) =>
    eventSubject(name, tenant),
  ) as [string, string, string]
  const publish = (...subjects: string[]) => bus.publishDurable(subjects.map((subject) => outgoing(subject, event())))

  const stop = await consume('mesh.events.>')
  await publish(created)
  await until(() => seen.length === 1)
  await stop()
  const stopLater = await consume(created, deleted)
  await publish(ended, created, deleted)
  await until(() => seen.length === 3)
  await stopLater()
  expect(seen).toEqual([created, created, deleted])
})

it('over NATS only so many messages are with a consumer that is behind, also of a position that an earlier release made', async () => {
  const bus = buses.get('NATS')!
  const subject = eventSubject('runEnded', randomUUID())
  const durable = `test-behind-${randomUUID().slice(0, 8)}`
  const connection = await connect({ servers: nats.url })
  const { consumers } = await jetstreamManager(connection)
  await consumers.add('MESH_EVENTS', {
    ...{ durable_name: durable, ack_policy: AckPolicy.Explicit, filter_subject: subject, max_ack_pending: 1_000 },
  })
  // A message each, as they are published one by one.
  const sent = Array.from({ length: 600 }, () => event())
  await Promise.all(sent.map((each) => bus.publishDurable([outgoing(subject, each)])))
  const seen: string[] = []
  let goOn = () => {}
  const held = new Promise<void>((resolve) => {
    goOn = resolve
  })
  const stop = await consumeEvents(bus, {
    ...{ durable, subject, batchSize: 100 },
    handle: async (batch) => {
      await held
      seen.push(...batch.map(({ id }) => id))
    },
  })
  const state = () => consumers.info('MESH_EVENTS', durable)
  await eventually('as many as may', async () => (await state()).num_ack_pending === 128)
  const { num_pending, config } = await state()
  expect({ num_pending, most: config.max_ack_pending }).toEqual({ num_pending: 600 - 128, most: 128 })
  goOn()
  await until(() => seen.length >= sent.length)
  expect(seen.toSorted()).toEqual(sent.map(({ id }) => id).toSorted())
  await stop()
  await connection.close()
})

it('over NATS replicas share the events of a durable consumer, and others have theirs', async () => {
  const bus = buses.get('NATS')!
  const tenant = randomUUID()
  const seen: Record<string, string[]> = { one: [], two: [], other: [] }
  const consume = (who: string, durable: string) =>
    consumeEvents(bus, {
      durable: `${durable}-${tenant.slice(0, 8)}`,
      subject: eventSubject('agentDeleted', tenant),
      batchSize: 5,
      handle: async (batch) => void seen[who]!.push(...batch.map(({ id }) => id)),
    })
  const stops = await Promise.all([consume('one', 'shared'), consume('two', 'shared'), consume('other', 'own')])
  const sent = Array.from({ length: 40 }, () => event())
  await bus.publishDurable(sent.map((each) => outgoing(eventSubject('agentDeleted', tenant), each)))
  const together = () => [...seen['one']!, ...seen['two']!]
  await until(() => together().length >= sent.length && seen['other']!.length >= sent.length)
  expect(together().sort()).toEqual(sent.map(({ id }) => id).sort())
  await Promise.all(stops.map((stop) => stop()))
})

it('on the local bus an event is safe when its consumers have handled it; until then it is published again', async () => {
  const bus = createLocalBus(log)
  const subject = eventSubject('agentCreated', masterTenantId)
  const sent = Array.from({ length: 5 }, () => outgoing(subject, event()))
  let announced = 0
  bus.subscribe(subject, () => (announced += 1))
  const slow: string[] = []
  await consumeEvents(bus, {
    durable: 'slow',
    subject,
    batchSize: 2,
    handle: async (batch) => {
      await pause(5)
      slow.push(...batch.map(({ id }) => id))
    },
  })
  expect(await bus.publishDurable(sent)).toEqual([])
  expect(slow).toEqual(sent.map(({ id }) => id))
  expect(announced).toBe(5)

  const deliveries: number[] = []
  await bus.consume({
    durable: 'failing',
    subjects: [subject],
    batchSize: 1,
    handle: async (batch) => {
      deliveries.push(batch[0]!.deliveries)
      if (deliveries.length < 3) throw new Error('not now')
    },
  })
  const again = outgoing(subject, event())
  for (const expected of [[{ id: again.id, retryAfterMs: 1_000 }], [{ id: again.id, retryAfterMs: 1_000 }], []])
    expect(await bus.publishDurable([again])).toEqual(expected)
  expect(deliveries).toEqual([1, 2, 3])
  // Neither who has handled it nor who listens is given it again.
  expect(slow.filter((id) => id === again.id)).toHaveLength(1)
  expect(announced).toBe(6)
})

describe.each(['local', 'NATS'])('on the %s bus', (name) => {
  it('each event of a batch has an outcome of its own, and waiting counts as no delivery', async () => {
    const bus = buses.get(name)!
    const tenant = randomUUID()
    const subject = eventSubject('agentUpdated', tenant)
    const [again, waits, done] = [event(), event(), event()]
    const seen: [string, number][] = []
    let waited = 0
    const stop = await bus.consume({
      durable: `test-outcomes-${name}-${tenant.slice(0, 8)}`,
      subjects: [subject],
      batchSize: 10,
      handle: async (batch) =>
        batch.map(({ event: { id } = again, deliveries }) => {
          seen.push([id, deliveries])
          if (id === again.id && deliveries < 3) return { state: 'again', afterMs: 10 }
          if (id === waits.id && waited++ < 2) return { state: 'wait', afterMs: 10 }
          return { state: 'done' }
        }),
    })
    const publishAll = async (events: readonly CloudEvent[]): Promise<void> => {
      const left = await bus.publishDurable(events.map((each) => outgoing(subject, each)))
      const ids = left.map(({ id }) => id)
      if (ids.length > 0) await publishAll(events.filter(({ id }) => ids.includes(id)))
    }
    await publishAll([done, again, waits])
    const of = ({ id }: CloudEvent) => seen.filter(([seenId]) => seenId === id).map(([, deliveries]) => deliveries)
    await until(() => of(again).length === 3 && of(waits).length === 3)
    expect([of(done), of(again), of(waits)]).toEqual([[1], [1, 2, 3], [1, 1, 1]])
    await stop()
  })
})
