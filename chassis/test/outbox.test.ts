/** The outbox and its relay over a real PostgreSQL: what was committed is published, once it can be, and nothing else. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { cloudEvent, eventSubject, events, masterTenantId } from '@clawmesh/contracts'
import {
  claimedByWriter,
  createLogger,
  createLocalBus,
  migrate,
  newId,
  openDatabase,
  createOutboxPart,
  outboxRow,
  startOutboxRelay,
  type Bus,
  type Database,
  type OutboxRow,
  type OutgoingEvent,
} from '../src/index.ts'
import { createDatabase, type TestDatabase } from '../../test/support/database.ts'
import { until } from '../../test/support/eventually.ts'

const log = createLogger({ level: 'silent', name: 'test' })
let testDatabase: TestDatabase
let database: Database
let folder: string

beforeAll(async () => {
  testDatabase = await createDatabase('outbox')
  folder = await mkdtemp(join(tmpdir(), 'clawmesh-outbox-'))
  await mkdir(join(folder, '0001_init'))
  await writeFile(
    join(folder, '0001_init', 'migration.sql'),
    'CREATE TABLE sample.outbox (id uuid PRIMARY KEY, subject text NOT NULL, payload text NOT NULL, claimed_until timestamptz)',
  )
  await migrate({ url: testDatabase.url, schema: 'sample', folder })
  database = openDatabase({ url: testDatabase.url, schema: 'sample', poolSize: 10, log })
})
afterAll(async () => {
  await database.close()
  await testDatabase.drop()
  await rm(folder, { recursive: true })
})
beforeEach(() => database.pool.query('TRUNCATE sample.outbox'))

const rowOf = (): OutboxRow => outboxRow('agentCreated', masterTenantId, { id: newId(), actorId: 'alice' })

const write = async (rows: readonly OutboxRow[], client: Pick<Database['pool'], 'query'> = database.pool) => {
  await client.query(
    `INSERT INTO sample.outbox (id, subject, payload) SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[])`,
    [rows.map(({ id }) => id), rows.map(({ subject }) => subject), rows.map(({ payload }) => payload)],
  )
}
/** As a writer does that relays its own rows. */
const writeClaimed = async (rows: readonly OutboxRow[]) => {
  await database.pool.query(
    `INSERT INTO sample.outbox (id, subject, payload, claimed_until)
     SELECT *, ${claimedByWriter} FROM unnest($1::uuid[], $2::text[], $3::text[])`,
    [rows.map(({ id }) => id), rows.map(({ subject }) => subject), rows.map(({ payload }) => payload)],
  )
}
const left = async (): Promise<number> => {
  const { rows } = await database.pool.query<{ count: number }>('SELECT count(*)::int AS count FROM sample.outbox')
  return rows[0]!.count
}

/** A bus that keeps what is emitted, and fails when told to. */
const busOfTest = () => {
  const emitted: OutgoingEvent[] = []
  const batches: number[] = []
  const state = { failing: false, delayMs: 0 }
  const bus: Bus = {
    ...createLocalBus(log),
    publishDurable: async (outgoing) => {
      await pause(state.delayMs)
      if (state.failing) throw new Error('the bus is away')
      batches.push(outgoing.length)
      emitted.push(...outgoing)
      return []
    },
  }
  return { bus, emitted, batches, state, ids: () => emitted.map(({ id }) => id) }
}

it('a row is a CloudEvent of its tenant under the subject of its event', () => {
  const data = { id: newId(), actorId: 'alice' }
  const row = outboxRow('agentCreated', masterTenantId, data)
  expect(row.subject).toBe(eventSubject('agentCreated', masterTenantId))
  const event = cloudEvent.parse(JSON.parse(row.payload))
  expect(event).toMatchObject({ id: row.id, type: 'clawmesh.agents.agent.created', tenantid: masterTenantId, data })
  expect(events.agentCreated.data.parse(event.data)).toEqual(data)
  expect(Math.abs(Date.parse(event.time) - Date.now())).toBeLessThan(60_000)
})

it('publishes at once when woken, in the order of writing, and keeps nothing', async () => {
  const { bus, ids } = busOfTest()
  const relay = startOutboxRelay(database, bus, log)
  await pause(50)
  const written: string[] = []
  const tookMs: number[] = []
  for (let times = 0; times < 8; times++) {
    const rows = Array.from({ length: 30 }, rowOf)
    await write(rows)
    written.push(...rows.map(({ id }) => id).sort())
    const pokedAt = Date.now()
    relay.wakeRelay()
    await until(() => ids().length === written.length)
    tookMs.push(Date.now() - pokedAt)
  }
  expect(ids()).toEqual(written)
  // Left to its polls it would take most of a second each time; a busy machine may be slow, but not every time.
  expect(Math.min(...tookMs)).toBeLessThan(500)
  await until(async () => (await left()) === 0)
  await relay.stop()
})

it('publishes what its writer hands over without reading it back', async () => {
  const { bus, emitted } = busOfTest()
  const relay = startOutboxRelay(database, bus, log)
  await pause(50)
  const row = rowOf()
  await writeClaimed([row])
  const handedOver = { ...row, payload: row.payload.replace('alice', 'from memory') }
  relay.wakeRelay([handedOver])
  await until(async () => (await left()) === 0)
  expect(emitted.map(({ payload }) => payload)).toEqual([handedOver.payload])
  await relay.stop()
})

it('leaves what a writer has claimed alone until the claim runs out, then publishes it for a writer that died', async () => {
  const { bus, ids } = busOfTest()
  const relay = startOutboxRelay(database, bus, log)
  const row = rowOf()
  await writeClaimed([row])
  relay.wakeRelay()
  await pause(1_300)
  expect(ids()).toEqual([])
  await database.pool.query(`UPDATE sample.outbox SET claimed_until = now()`)
  await until(() => ids().includes(row.id))
  await relay.stop()
})

it('keeps what was handed over while the bus is away', async () => {
  const { bus, state, ids } = busOfTest()
  const relay = startOutboxRelay(database, bus, log)
  state.failing = true
  const rows = [rowOf(), rowOf()]
  await writeClaimed(rows)
  relay.wakeRelay(rows)
  await pause(100)
  state.failing = false
  await until(() => ids().length === 2)
  await until(async () => (await left()) === 0)
  await relay.stop()
})

it('finds what nobody woke it for', async () => {
  const { bus, ids } = busOfTest()
  const relay = startOutboxRelay(database, bus, log)
  await pause(50)
  const row = rowOf()
  await write([row])
  await until(() => ids().includes(row.id))
  await relay.stop()
})

it('publishes nothing of a change that was taken back, or is not committed yet', async () => {
  const { bus, ids } = busOfTest()
  const relay = startOutboxRelay(database, bus, log)
  const client = await database.pool.connect()
  await client.query('BEGIN')
  await write([rowOf()], client)
  relay.wakeRelay()
  await pause(100)
  await client.query('ROLLBACK')
  const kept = rowOf()
  await client.query('BEGIN')
  await write([kept], client)
  relay.wakeRelay()
  await pause(100)
  expect(ids()).toEqual([])
  await client.query('COMMIT')
  client.release()
  relay.wakeRelay()
  await until(() => ids().length > 0)
  expect(ids()).toEqual([kept.id])
  await relay.stop()
})

it('keeps events while the bus is away, without asking it all the time, and publishes them when it is back', async () => {
  const { bus, ids, state } = busOfTest()
  let attempts = 0
  const counting: Bus = { ...bus, publishDurable: (outgoing) => (attempts++, bus.publishDurable(outgoing)) }
  state.failing = true
  const relay = startOutboxRelay(database, counting, log)
  const rows = Array.from({ length: 5 }, rowOf)
  const awayAt = Date.now()
  await write(rows)
  for (let at = 0; at < 50; at++) {
    relay.wakeRelay()
    await pause(10)
  }
  // Once at first, and once a second.
  expect(attempts).toBeLessThanOrEqual(2 + (Date.now() - awayAt) / 1_000)
  expect(await left()).toBe(rows.length)
  state.failing = false
  await until(() => ids().length === rows.length)
  await until(async () => (await left()) === 0)
  expect(new Set(ids())).toEqual(new Set(rows.map(({ id }) => id)))
  await relay.stop()
})

it('shares the work between relays, so that no event goes out twice', async () => {
  const { bus, ids, state } = busOfTest()
  state.delayMs = 5
  const relays = Array.from({ length: 4 }, () => startOutboxRelay(database, bus, log))
  const rows = Array.from({ length: 1_500 }, rowOf)
  for (let from = 0; from < rows.length; from += 100) {
    await write(rows.slice(from, from + 100))
    relays.forEach((relay) => relay.wakeRelay())
  }
  await until(async () => (await left()) === 0)
  expect(ids()).toHaveLength(rows.length)
  expect(new Set(ids()).size).toBe(rows.length)
  await Promise.all(relays.map((relay) => relay.stop()))
})

it('takes over the rows of a relay that died between claiming and publishing, under the same ids', async () => {
  const { bus, ids } = busOfTest()
  const rows = Array.from({ length: 3 }, rowOf)
  await write(rows)
  await database.pool.query(`UPDATE sample.outbox SET claimed_until = now() + interval '3 seconds'`)
  const relay = startOutboxRelay(database, bus, log)
  await pause(100)
  expect(ids()).toEqual([])
  await until(() => ids().length === rows.length)
  expect(ids()).toEqual(rows.map(({ id }) => id).sort())
  await relay.stop()
})

it('publishes more than a batch in batches', async () => {
  const { bus, ids, batches } = busOfTest()
  const rows = Array.from({ length: 450 }, rowOf)
  await write(rows)
  const relay = startOutboxRelay(database, bus, log)
  await until(() => ids().length === rows.length)
  expect(Math.max(...batches)).toBeLessThanOrEqual(200)
  await relay.stop()
})

it('leaves nothing behind when it is stopped, and everything when the bus is away', async () => {
  const { bus, ids, state } = busOfTest()
  const relay = startOutboxRelay(database, bus, log)
  await pause(100)
  const rows = Array.from({ length: 450 }, rowOf)
  await write(rows)
  await relay.stop()
  expect(ids()).toHaveLength(rows.length)
  expect(await left()).toBe(0)

  state.failing = true
  const later = startOutboxRelay(database, bus, log)
  await pause(50)
  await write(rows.slice(0, 3))
  await later.stop()
  expect(await left()).toBe(3)
})

it('as a part it relays while it runs', async () => {
  const { bus, ids } = busOfTest()
  const part = createOutboxPart(database, { bus, log })
  part.wakeRelay()
  await part.start!()
  const row = rowOf()
  await write([row])
  part.wakeRelay()
  await until(() => ids().includes(row.id))
  await part.stop!()
})
