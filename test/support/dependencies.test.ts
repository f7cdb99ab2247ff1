import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { Redis } from 'ioredis'
import pg from 'pg'
import { createDatabase } from './database.ts'
import { dependencyUrl } from './dependencies.ts'
import { startNats } from './nats.ts'
import { startRedis } from './redis.ts'

test('PostgreSQL gives every caller a fresh database and drops it under open connections', async () => {
  const [one, two] = await Promise.all([createDatabase('deps'), createDatabase('deps')])
  const client = new pg.Client({ connectionString: one.url })
  const other = new pg.Client({ connectionString: two.url })
  for (const each of [client, other]) each.on('error', () => {})
  await client.connect()
  await other.connect()
  await client.query('create table note (text text)')
  const tables = await other.query("select 1 from pg_tables where tablename = 'note'")
  expect(tables.rowCount).toBe(0)
  await Promise.all([one.drop(), two.drop()])

  const server = new pg.Client({ connectionString: dependencyUrl('postgres') })
  await server.connect()
  const left = await server.query("select datname from pg_database where datname like 'deps\\_%'")
  await server.end()
  expect(left.rows).toEqual([])
})

test('NATS stores and hands out a JetStream message', async () => {
  const connection = await connect({ servers: dependencyUrl('nats') })
  const manager = await jetstreamManager(connection)
  await manager.streams.add({ name: 'deps', subjects: ['deps.>'] })
  const ack = await jetstream(connection).publish('deps.a', 'hello')
  const stored = await manager.streams.getMessage('deps', { seq: ack.seq })
  await manager.streams.delete('deps')
  await connection.close()
  expect(stored?.string()).toBe('hello')
})

test('Redis counts', async () => {
  const redis = new Redis(dependencyUrl('redis'))
  await redis.del('deps:count')
  expect(await redis.incr('deps:count')).toBe(1)
  await redis.quit()
})

test('a NATS server that crashes and starts again on its port and store still has its messages', async () => {
  const storeDir = await mkdtemp(join(tmpdir(), 'clawmesh-nats-'))
  const first = await startNats({ storeDir })
  const publisher = await connect({ servers: first.url })
  await (await jetstreamManager(publisher)).streams.add({ name: 'kept', subjects: ['kept'] })
  await jetstream(publisher).publish('kept', 'still here')
  await publisher.close()
  await first.stop('SIGKILL')

  const second = await startNats({ storeDir, port: first.port })
  expect(second.url).toBe(first.url)
  const reader = await connect({ servers: second.url })
  const stored = await (await jetstreamManager(reader)).streams.getMessage('kept', { seq: 1 })
  await reader.close()
  await second.stop()
  await rm(storeDir, { recursive: true, force: true })
  expect(stored?.string()).toBe('still here')
})

test('a Redis server starts again on its port, empty', async () => {
  const first = await startRedis()
  const writer = new Redis(first.url)
  await writer.set('key', 'value')
  await writer.quit()
  await first.stop()

  const second = await startRedis({ port: first.port })
  const reader = new Redis(second.url)
  const value = await reader.get('key')
  await reader.quit()
  await second.stop()
  expect(value).toBeNull()
})
