/** Connections to PostgreSQL that break, whoever holds them. */
import { setTimeout as sleep } from 'node:timers/promises'
import { createLogger, openDatabase, type Database } from '@clawmesh/chassis'
import { dependencyUrl } from '../support/dependencies.ts'
import { openTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts'

let gate: TcpProxy
let database: Database

beforeEach(async () => {
  const url = new URL(dependencyUrl('postgres'))
  gate = await openTcpProxy(url.hostname, Number(url.port))
  url.host = `127.0.0.1:${gate.port}`
  database = openDatabase({
    url: url.href,
    schema: 'public',
    poolSize: 3,
    log: createLogger({ level: 'silent', name: 'test' }),
  })
})
afterEach(async () => {
  await database.close()
  await gate.shut()
})

test('one that breaks while it is lent out and idle does not end the process, and a new one takes its place', async () => {
  const lent = await database.pool.connect()
  await lent.query('BEGIN')
  await gate.shut()
  // Unheard, the error of the broken connection would be thrown into the void now.
  await sleep(50)
  await expect(lent.query('COMMIT')).rejects.toThrow()
  lent.release(true)

  expect(await database.ping()).toBe(false)
  await gate.open()
  expect(await database.ping()).toBe(true)
})

test('one that breaks under a query fails that query alone', async () => {
  const slow = database.pool.query('SELECT pg_sleep(5)')
  await sleep(100)
  await Promise.all([expect(slow).rejects.toThrow(), gate.shut()])
  await gate.open()
  expect(await database.ping()).toBe(true)
})
