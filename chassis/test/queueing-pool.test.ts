/** Work waits for a connection, but not all work that there is, and not for ever. */
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { MeshError } from '@clawmesh/contracts'
import { dependencyUrl } from '../../test/support/dependencies.ts'
import { PrismaClient } from '../../services/providers/src/db/client/client.ts'
import {
  createLogger,
  databaseError,
  openDatabase,
  pendingMigrations,
  rowSecurityFault,
  type Database,
} from '../src/index.ts'

const open = (url: string): Database =>
  openDatabase({ url, schema: 'public', poolSize: 1, log: createLogger({ level: 'silent', name: 'test' }) })

/** As the caller of a service sees it. */
const errorOf = async (work: Promise<unknown>): Promise<unknown> =>
  databaseError(
    await work.then(
      () => 'done',
      (e) => e,
    ),
  )
const busy = { code: 'UNAVAILABLE', retryAfterMs: 5_000 }

describe('a database whose only connection is taken', () => {
  let database: Database
  beforeEach(() => {
    database = open(dependencyUrl('postgres'))
  })
  afterEach(() => database.close())

  const fillQueue = () => Array.from({ length: 100 }, () => database.pool.query('SELECT 1 AS one'))

  it('lets a hundred wait, and refuses more at once with the advice to come back', async () => {
    const held = await database.pool.connect()
    const waiting = fillQueue()
    const prisma = new PrismaClient(database.systemClientOptions)
    const refused = [
      database.system.query('SELECT 1'),
      database.system.transaction((session) => session.query('SELECT 1')),
      prisma.$queryRaw`SELECT 1`,
      prisma.$transaction(async (tx) => tx.$queryRaw`SELECT 1`),
    ]
    for (const error of await Promise.all(refused.map(errorOf))) {
      expect(error).toBeInstanceOf(MeshError)
      expect(error).toMatchObject(busy)
    }
    held.release()
    for (const { rows } of await Promise.all(waiting)) expect(rows).toEqual([{ one: 1 }])
    // There is room again.
    await Promise.all(fillQueue())
  })
})

it('a database that takes connections and never answers is not waited for', async () => {
  const silent = createServer().listen(0, '127.0.0.1')
  await once(silent, 'listening')
  const url = `postgres://postgres@127.0.0.1:${(silent.address() as AddressInfo).port}/postgres`
  const database = open(url)
  const alone = [pendingMigrations({ url, schema: 'public', folder: '/' }), rowSecurityFault(url, 'public')]
  const refused = alone.map((work) => expect(work).rejects.toThrow('timeout expired'))
  expect(await errorOf(database.pool.query('SELECT 1'))).toMatchObject(busy)
  await Promise.all(refused)
  await database.close()
  silent.close()
})
