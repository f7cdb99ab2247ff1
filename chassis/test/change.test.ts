/** The one way to change rows, over a real PostgreSQL: rows and events together or neither; evicted after the commit. */
import { cacheSubject, MeshError, type CacheTag } from '@clawmesh/contracts'
import {
  createLocalBus,
  createLogger,
  event,
  migrate,
  newId,
  openDatabase,
  openServiceDb,
  type Bus,
  type Database,
  type ServiceDb,
} from '../src/index.ts'
import { migrationFolder } from '../../cli/src/migration-folders.ts'
import { PrismaClient } from '../../services/providers/src/db/client/client.ts'
import { createDatabase, type TestDatabase } from '../../test/support/database.ts'

const log = createLogger({ level: 'silent', name: 'test' })
const tenantId = newId()
const evicted: { tag: CacheTag; stored: Promise<number> }[] = []

let testDatabase: TestDatabase
let database: Database
let bus: Bus
let db: ServiceDb<PrismaClient>

const count = async (table: 'llm_providers' | 'outbox'): Promise<number> =>
  (await database.system.query<{ count: number }>(`SELECT count(*)::int AS count FROM providers.${table}`)).rows[0]!
    .count

beforeAll(async () => {
  testDatabase = await createDatabase('change')
  await migrate({ url: testDatabase.url, schema: 'providers', folder: migrationFolder('providers') })
  database = openDatabase({ url: testDatabase.url, schema: 'providers', poolSize: 5, log })
  bus = createLocalBus(log)
  bus.subscribe(cacheSubject('providers'), (tag) => {
    evicted.push({ tag: tag as CacheTag, stored: count('llm_providers') })
  })
  db = openServiceDb({ database: () => database, bus, log }, 'providers', PrismaClient)
})
afterAll(async () => {
  await database.close()
  await testDatabase.drop()
})
beforeEach(async () => {
  await database.system.query('DELETE FROM providers.llm_providers')
  await database.system.query('DELETE FROM providers.outbox')
  evicted.length = 0
})

const created = (id: string) => event('providerCreated', { id, actorId: 'alice' })
const tag: CacheTag = { kind: 'providers', tenantId }

const insert = (name: string, id = newId()) =>
  db.forTenant(tenantId).change(
    async (tx) => {
      const row = await tx.llmProvider.create({ data: { id, tenantId, name, providerType: 'mock' } })
      return { result: row.name, events: [created(id)], evict: [tag] }
    },
    { conflict: { kind: 'provider', id: name } },
  )

it('stores rows and events together and gives the result', async () => {
  expect(await insert('one')).toBe('one')
  expect([await count('llm_providers'), await count('outbox')]).toEqual([1, 1])
})

it('evicts once the change is committed', async () => {
  await insert('one')
  expect(evicted.map((eviction) => eviction.tag)).toEqual([tag])
  expect(await evicted[0]!.stored).toBe(1)
})

it('stores nothing, tells nothing and evicts nothing when the work fails', async () => {
  const failing = db.forTenant(tenantId).change(async (tx) => {
    await tx.llmProvider.create({ data: { id: newId(), tenantId, name: 'one', providerType: 'mock' } })
    throw new Error('no')
  })
  await expect(failing).rejects.toThrow('no')
  expect([await count('llm_providers'), await count('outbox'), evicted]).toEqual([0, 0, []])
})

it('stores no row when its event cannot be stored', async () => {
  await database.pool.query('ALTER TABLE providers.outbox ADD CONSTRAINT refuse CHECK (false) NOT VALID')
  await expect(insert('one')).rejects.toThrow()
  await database.pool.query('ALTER TABLE providers.outbox DROP CONSTRAINT refuse')
  expect([await count('llm_providers'), evicted]).toEqual([0, []])
})

it('names what a unique violation is about', async () => {
  await insert('one')
  const thrown = await insert('one').catch((error: unknown) => error)
  expect(thrown).toBeInstanceOf(MeshError)
  expect(thrown).toMatchObject({ code: 'ALREADY_EXISTS', params: { kind: 'provider', id: 'one' } })
  expect([await count('llm_providers'), await count('outbox'), evicted.length]).toEqual([1, 1, 1])
})

it('does the same in SQL, in the scope of its tenant', async () => {
  const id = newId()
  await db.forTenant(tenantId).changeSql(async (session) => {
    await session.query(
      'INSERT INTO providers.llm_providers (id, tenant_id, name, provider_type) VALUES ($1, $2, $3, $4)',
      [id, tenantId, 'sql', 'mock'],
    )
    return { result: undefined, events: [created(id)], evict: [tag] }
  })
  const { rows } = await database.system.query<{ tenant_id: string; subject: string }>(
    'SELECT tenant_id, subject FROM providers.outbox',
  )
  expect(rows).toEqual([{ tenant_id: tenantId, subject: expect.stringContaining(tenantId) }])
  expect(evicted).toHaveLength(1)
})

it('of another tenant is refused by the rows themselves', async () => {
  const other = newId()
  const smuggling = db.forTenant(tenantId).change(async (tx) => {
    await tx.llmProvider.create({ data: { id: newId(), tenantId: other, name: 'x', providerType: 'mock' } })
    return { result: undefined }
  })
  await expect(smuggling).rejects.toThrow()
  expect(await count('llm_providers')).toBe(0)
})

it('of the system has to name the tenant of each event', async () => {
  const id = newId()
  const change = (eventTenantId?: string) =>
    db.system.change(async (tx) => {
      await tx.llmProvider.create({ data: { id: newId(), tenantId, name: newId(), providerType: 'mock' } })
      return { result: 'done', events: [event('providerCreated', { id, actorId: 'alice' }, eventTenantId)] }
    })
  await expect(change()).rejects.toThrow('names no tenant')
  expect(await count('llm_providers')).toBe(0)
  expect(await change(tenantId)).toBe('done')
  expect([await count('llm_providers'), await count('outbox')]).toEqual([1, 1])
})
