/** Statements under a binding, over a real PostgreSQL: nobody sees another tenant's rows, and nothing stays behind. */
import pg from 'pg'
import { createLogger, migrate, newId, openDatabase, type Database } from '../src/index.ts'
import { migrationFolder } from '../../cli/src/migration-folders.ts'
import { PrismaClient } from '../../services/providers/src/db/client/client.ts'
import { createDatabase, type TestDatabase } from '../../test/support/database.ts'

const log = createLogger({ level: 'silent', name: 'test' })
const poolSize = 5
const one = newId()
const other = newId()
const tenants = [one, other]

let testDatabase: TestDatabase
let database: Database
let admin: pg.Client
let client: PrismaClient
let systemClient: PrismaClient

const insert = 'INSERT INTO providers.llm_providers (id, tenant_id, name, provider_type) VALUES ($1, $2, $3, $4)'
const providerOf = (tenantId: string, name: string): string[] => [newId(), tenantId, name, 'mock']

beforeAll(async () => {
  testDatabase = await createDatabase('row_security')
  const { url } = testDatabase
  await migrate({ url, schema: 'providers', folder: migrationFolder('providers') })
  database = openDatabase({ url, schema: 'providers', poolSize, log, keepsStatements: true })
  client = new PrismaClient(database.tenantClientOptions)
  systemClient = new PrismaClient(database.systemClientOptions)
  admin = new pg.Client({ connectionString: url })
  await admin.connect()
})
afterAll(async () => {
  await admin.end()
  await database.close()
  await testDatabase.drop()
})
beforeEach(async () => {
  await admin.query('TRUNCATE providers.llm_providers, providers.outbox')
  for (const tenantId of tenants)
    for (const name of ['a', 'b', 'c']) await admin.query(insert, providerOf(tenantId, name))
})

/** A row as SQL or as Prisma names its tenant. */
interface Owned {
  tenant_id?: string
  tenantId?: string | null
}
interface Seen {
  tenant_id: string
  role: string
}
const all = 'SELECT tenant_id, current_user AS role FROM providers.llm_providers'
const tenantsIn = (rows: readonly Owned[]) =>
  [...new Set(rows.map(({ tenant_id, tenantId }) => tenant_id ?? tenantId))].sort()

/** What a connection of the pool is when nobody uses it. */
const leftOnConnections = async (): Promise<unknown[]> => {
  const clients = await Promise.all(Array.from({ length: poolSize }, () => database.pool.connect()))
  try {
    const results = await Promise.all(
      clients.map((lent) =>
        lent.query<{ left: string }>(
          `SELECT current_user || '/' || coalesce(current_setting('clawmesh.tenant_id', true), '') AS left`,
        ),
      ),
    )
    return results.map(({ rows }) => rows[0]!.left)
  } finally {
    for (const lent of clients) lent.release()
  }
}
const nothingLeft = Array.from({ length: poolSize }, () => 'postgres/')

describe('the scope of a tenant', () => {
  it('shows a statement without a WHERE the rows of the tenant, under the role of services', async () => {
    const { rows } = await database.forTenant(one).query<Seen>(all)
    expect(rows).toEqual(Array.from({ length: 3 }, () => ({ tenant_id: one, role: 'clawmesh_app' })))
    expect(await leftOnConnections()).toEqual(nothingLeft)
  })

  it('changes and deletes the rows of the tenant only', async () => {
    const scoped = database.forTenant(one)
    expect((await scoped.query(`UPDATE providers.llm_providers SET display_name = 'mine'`)).rowCount).toBe(3)
    expect((await scoped.query('DELETE FROM providers.llm_providers')).rowCount).toBe(3)
    const { rows } = await admin.query('SELECT tenant_id, display_name FROM providers.llm_providers')
    expect(rows).toEqual(Array.from({ length: 3 }, () => ({ tenant_id: other, display_name: '' })))
  })

  it('neither makes rows of another tenant nor gives it rows', async () => {
    const scoped = database.forTenant(one)
    const refused = 'new row violates row-level security policy'
    await expect(scoped.query(insert, providerOf(other, 'smuggled'))).rejects.toThrow(refused)
    await expect(scoped.query('UPDATE providers.llm_providers SET tenant_id = $1', [other])).rejects.toThrow(refused)
    await expect(
      database.clientOf(client, one).llmProvider.create({
        data: { id: newId(), tenantId: other, name: 'smuggled', providerType: 'mock' },
      }),
    ).rejects.toThrow(refused)
    expect((await admin.query<Seen>(all)).rows).toHaveLength(6)
  })

  it('cannot be had for what is no tenant', () => {
    for (const bad of ['', `${one}'; SELECT 1; --`, 'master']) {
      expect(() => database.forTenant(bad)).toThrow(TypeError)
      expect(() => database.clientOf(client, bad)).toThrow(TypeError)
    }
  })

  it('keeps prepared statements for one tenant after another, on one connection', async () => {
    const narrow = openDatabase({ url: testDatabase.url, schema: 'providers', poolSize: 1, log, keepsStatements: true })
    try {
      for (const tenantId of [one, other, one, other, one, other, one, other])
        expect(tenantsIn((await narrow.forTenant(tenantId).prepared<Seen>('all', all, [])).rows)).toEqual([tenantId])
      const { rows } = await narrow.pool.query<{ name: string }>('SELECT name FROM pg_prepared_statements ORDER BY 1')
      expect(rows.map(({ name }) => name)).toEqual(['clawmesh.bind', 'providers.all'])
    } finally {
      await narrow.close()
    }
  })

  it('keeps plans that go by the index, although the table was small when they were made', async () => {
    await admin.query(
      'CREATE TABLE providers.growing (id uuid PRIMARY KEY, content text) WITH (autovacuum_enabled = false)',
    )
    await admin.query('GRANT SELECT ON providers.growing TO clawmesh_system')
    await admin.query(
      "INSERT INTO providers.growing SELECT gen_random_uuid(), repeat('x', 200) FROM generate_series(1, 200)",
    )
    await admin.query('ANALYZE providers.growing')
    const narrow = openDatabase({ url: testDatabase.url, schema: 'providers', poolSize: 1, log, keepsStatements: true })
    // A plan for any array is kept when one for this array costs no less.
    const many = Array.from({ length: 20 }, () => newId())
    try {
      for (let time = 0; time < 10; time++)
        await narrow.system.prepared('growing', 'SELECT content FROM providers.growing WHERE id = ANY ($1::uuid[])', [
          many,
        ])
      const { rows } = await narrow.pool.query<{ 'QUERY PLAN': string }>(`EXPLAIN EXECUTE "providers.growing"('{}')`)
      expect(rows.map((row) => row['QUERY PLAN']).join('\n')).toMatch(/index/i)
    } finally {
      await narrow.close()
      await admin.query('DROP TABLE providers.growing')
    }
  })

  it('tells errors of a statement as they are and prepares it again afterwards', async () => {
    const scoped = database.forTenant(one)
    const divide = (by: number) => scoped.prepared<{ n: number }>('divide', 'SELECT 6 / $1::int AS n', [by])
    for (let round = 0; round < 3; round++) {
      await expect(divide(0)).rejects.toMatchObject({ code: '22012' })
      expect((await divide(2)).rows).toEqual([{ n: 3 }])
      await expect(scoped.prepared('broken', 'SELECT nonsense', [])).rejects.toMatchObject({ code: '42703' })
    }
    expect(await leftOnConnections()).toEqual(nothingLeft)
  })

  it('answers statements without rows, of many rows, and rows as arrays', async () => {
    const scoped = database.forTenant(one)
    expect((await scoped.query('SELECT 1 WHERE false')).rows).toEqual([])
    expect((await scoped.query('SELECT generate_series(1, 5000)')).rowCount).toBe(5000)
    expect((await scoped.query({ text: 'SELECT 1 AS a, 2 AS a', rowMode: 'array' })).rows).toEqual([[1, 2]])
  })

  it('writes and sees the events of the tenant only, whose they are by themselves', async () => {
    const event = { subject: 's', payload: '{}' }
    await database.clientOf(client, one).outbox.create({ data: { id: newId(), ...event } })
    await database.clientOf(client, other).outbox.create({ data: { id: newId(), ...event } })
    expect(tenantsIn(await database.clientOf(client, one).outbox.findMany())).toEqual([one])
    expect(await systemClient.outbox.count()).toBe(2)
  })
})

describe('the Prisma client of tenants', () => {
  it('works as the tenant it is taken for, outside and inside a transaction', async () => {
    const [mine, theirs] = await Promise.all(
      tenants.map(async (tenantId) => {
        const prisma = database.clientOf(client, tenantId)
        const [alone, together] = await Promise.all([
          prisma.llmProvider.findMany(),
          prisma.$transaction(async (tx) => [
            ...(await tx.llmProvider.findMany()),
            ...(await tx.$queryRaw<Seen[]>`SELECT tenant_id FROM providers.llm_providers`),
          ]),
        ])
        const raw = await prisma.$queryRaw<Seen[]>`SELECT tenant_id FROM providers.llm_providers`
        return tenantsIn([...alone, ...together, ...raw])
      }),
    )
    expect([mine, theirs]).toEqual([[one], [other]])
  })

  it('begins a transaction of any isolation', async () => {
    const level = await database
      .clientOf(client, one)
      .$transaction(
        (tx) => tx.$queryRaw<{ level: string }[]>`SELECT current_setting('transaction_isolation') AS level`,
        { isolationLevel: 'Serializable' },
      )
    expect(level).toEqual([{ level: 'serializable' }])
  })

  it('does nothing when it is taken for no tenant', async () => {
    await expect(client.llmProvider.findMany()).rejects.toThrow('a statement of no tenant')
    await expect(client.$queryRaw`SELECT 1`).rejects.toThrow('a statement of no tenant')
    await expect(client.$transaction(async (tx) => tx.llmProvider.count())).rejects.toThrow('a statement of no tenant')
  })

  it('refuses what Prisma gathers from all callers of a tick', () => {
    const prisma = database.clientOf(client, one)
    expect(() => prisma.llmProvider.findUnique({ where: { id: one } })).toThrow('use findFirst')
    expect(() => prisma.llmProvider.findUniqueOrThrow({ where: { id: one } })).toThrow('use findFirst')
    expect(() => prisma.$transaction([])).toThrow('$transaction of one tenant')
  })
})

describe('the system scope', () => {
  it('sees all tenants, under a role of its own', async () => {
    const { rows } = await database.system.query<Seen>(all)
    expect(tenantsIn(rows)).toEqual([...tenants].sort())
    expect([...new Set(rows.map(({ role }) => role))]).toEqual(['clawmesh_system'])
    expect(tenantsIn(await systemClient.llmProvider.findMany())).toEqual([...tenants].sort())
    expect(await leftOnConnections()).toEqual(nothingLeft)
  })
})

describe('3,000 interleaved pieces of work of two tenants on five connections', () => {
  const pieces = 3_000
  const workers = 20
  let leaks = 0
  let failures = 0

  /** Counts what is not the tenant's. Without a row nothing would be shown. */
  const look = (tenantId: string, rows: readonly Owned[]): void => {
    if (rows.length === 0 || tenantsIn(rows).join() !== tenantId) leaks++
  }
  const mustFail = async (work: Promise<unknown>): Promise<void> => {
    const failed = await work.then(
      () => false,
      () => true,
    )
    if (!failed) failures++
  }
  const changeAll = 'UPDATE providers.llm_providers SET updated_at = now() RETURNING tenant_id'

  const kinds: ((tenantId: string) => Promise<void>)[] = [
    async (tenantId) => look(tenantId, (await database.forTenant(tenantId).query<Seen>(all)).rows),
    async (tenantId) => look(tenantId, (await database.forTenant(tenantId).prepared<Seen>('all', all, [])).rows),
    async (tenantId) => look(tenantId, await database.clientOf(client, tenantId).llmProvider.findMany()),
    async (tenantId) =>
      look(
        tenantId,
        await database.clientOf(client, tenantId).$queryRaw<Seen[]>`SELECT tenant_id FROM providers.llm_providers`,
      ),
    async (tenantId) => mustFail(database.forTenant(tenantId).query('SELECT 1 / 0 FROM providers.llm_providers')),
    async (tenantId) => mustFail(database.forTenant(tenantId).query('SELECT $1::uuid', ['nonsense'])),
    async (tenantId) =>
      mustFail(
        database.forTenant(tenantId).query(
          insert,
          providerOf(
            tenants.find((id) => id !== tenantId)!,
            'x',
          ),
        ),
      ),
    async (tenantId) =>
      database.forTenant(tenantId).transaction(async (session) => {
        look(tenantId, (await session.query<Seen>(all)).rows)
        look(tenantId, (await session.query<Seen>(all)).rows)
      }),
    async (tenantId) =>
      mustFail(
        database.forTenant(tenantId).transaction(async (session) => {
          look(
            tenantId,
            (await session.query<Seen>(`${all} FOR UPDATE SKIP LOCKED`)).rows.concat(
              (await session.query<Seen>(all)).rows,
            ),
          )
          throw new Error('rolled back')
        }),
      ),
    async (tenantId) =>
      mustFail(
        database.forTenant(tenantId).transaction(async (session) => {
          await session.query('SELECT 1 / 0')
        }),
      ),
    async (tenantId) =>
      database.clientOf(client, tenantId).$transaction(
        async (tx) => {
          look(tenantId, await tx.llmProvider.findMany())
          await tx.outbox.create({ data: { id: newId(), subject: 's', payload: '{}' } })
          look(tenantId, await tx.outbox.findMany({ take: 20 }))
        },
        { maxWait: 60_000, timeout: 60_000 },
      ),
    async (tenantId) =>
      mustFail(
        database.clientOf(client, tenantId).$transaction(
          async (tx) => {
            look(tenantId, await tx.llmProvider.findMany())
            await tx.$queryRaw`SELECT 1 / 0`
          },
          { maxWait: 60_000, timeout: 60_000 },
        ),
      ),
    async () => {
      const rows = await systemClient.llmProvider.findMany()
      if (tenantsIn(rows).length !== tenants.length) failures++
    },
  ]
  const cancelSleep = `SELECT pg_cancel_backend(pid) FROM pg_stat_activity
    WHERE pid = $1 AND state = 'active' AND query = 'SELECT pg_sleep(30)'`
  /** Rare, as they take a while or a connection. */
  const rare: ((tenantId: string) => Promise<void>)[] = [
    async (tenantId) =>
      mustFail(
        database.forTenant(tenantId).transaction(async (session) => {
          const { rows } = await session.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
          // Before the statement runs there is nothing to cancel.
          const cancel = setInterval(() => void admin.query(cancelSleep, [rows[0]!.pid]), 10)
          await session.query('SELECT pg_sleep(30)').finally(() => clearInterval(cancel))
        }),
      ),
    async (tenantId) =>
      mustFail(
        database.forTenant(tenantId).transaction(async (session) => {
          await session.query('SET LOCAL statement_timeout = 5')
          await session.query('SELECT pg_sleep(30)')
        }),
      ),
    async (tenantId) => mustFail(database.forTenant(tenantId).query('SELECT pg_terminate_backend(pg_backend_pid())')),
    async (tenantId) =>
      database
        .forTenant(tenantId)
        .transaction(async (session) => look(tenantId, (await session.query<Seen>(changeAll)).rows)),
    async (tenantId) => look(tenantId, (await database.forTenant(tenantId).query<Seen>(changeAll)).rows),
  ]
  const rareEvery = 30

  it('leak nothing, though some fail, are rolled back, cancelled, or lose their connection', async () => {
    let begun = 0
    const worker = async (): Promise<void> => {
      while (begun < pieces) {
        const at = begun++
        const tenantId = tenants[at % tenants.length]!
        const isRare = at % rareEvery < tenants.length
        const kind = isRare
          ? rare[Math.floor(at / rareEvery) % rare.length]!
          : kinds[Math.floor(at / 2) % kinds.length]!
        await kind(tenantId)
      }
    }
    await Promise.all(Array.from({ length: workers }, worker))
    expect({ begun, leaks, failures }).toEqual({ begun: pieces, leaks: 0, failures: 0 })
    expect(await leftOnConnections()).toEqual(nothingLeft)
    const { rows } = await admin.query<{ rows: number; tenants: number }>(
      'SELECT count(*) AS rows, count(DISTINCT tenant_id) AS tenants FROM providers.llm_providers',
    )
    expect(rows).toEqual([{ rows: 6, tenants: 2 }])
  })
})
