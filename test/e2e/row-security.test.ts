/**
 * Row-level security of every service's tables on a server of their own, where the logins are no superusers: one that owns
 * the tables, and one that owns nothing.
 */
import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  createLogger,
  DatabaseSetupError,
  migrate,
  newId,
  openDatabase,
  rowSecurityFault,
  type Database,
  type RemoteService,
} from '@clawmesh/chassis'
import pg from 'pg'
import { startEmptyPglite, type PgliteProcess } from '../support/pglite.ts'
import { migrationFolder } from '../../cli/src/migration-folders.ts'
import { servicesWithDatabase } from '../../cli/src/targets.ts'
import { activityPartitions, createPartitionRows, tracePartitions } from '../../services/traces/src/partitions/rows.ts'
import type { PostgresHandle } from '../support/postgres-handle.ts'
import { startPostgres } from '../support/postgres.ts'

const log = createLogger({ level: 'silent', name: 'test' })
/** Memory needs pgvector, which the native server may lack. */
const nativeServices = servicesWithDatabase.filter((service) => service !== 'memory')

let server: PostgresHandle
let superuser: pg.Client
beforeAll(async () => {
  server = await startPostgres()
  superuser = new pg.Client({ connectionString: server.url })
  await superuser.connect()
})
afterAll(async () => {
  await superuser.end()
  await server.stop()
})

/** A login of the server, and its URL for a database. */
const makeLogin = async (rights = ''): Promise<{ login: string; urlOf: (database: string) => string }> => {
  const login = `login_${randomBytes(4).toString('hex')}`
  // That of the superuser, which the URL has: a server in a container asks for one.
  await superuser.query(`CREATE ROLE ${login} LOGIN PASSWORD '${new URL(server.url).password}' ${rights}`)
  return {
    login,
    urlOf: (database) => Object.assign(new URL(server.url), { username: login, pathname: `/${database}` }).href,
  }
}
const makeDatabase = async (owner: string): Promise<string> => {
  const name = `db_${randomBytes(4).toString('hex')}`
  await superuser.query(`CREATE DATABASE ${name} OWNER ${owner}`)
  return name
}
const urlAsSuperuser = (database: string): string =>
  Object.assign(new URL(server.url), { pathname: `/${database}` }).href
const connected = async <T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> => {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

interface Table {
  name: string
  /** `most`: characters that a text may have, null for any number. */
  columns: { name: string; type: string; most: number | null }[]
}

/** Every table of a schema that has tenants, partitions included, with the columns that a row must have. */
const tenantTables = async (client: pg.Client, schema: string): Promise<Table[]> => {
  const { rows } = await client.query<Table>(
    `SELECT c.oid::regclass::text AS name,
       (SELECT json_agg(json_build_object('name', attname, 'type', atttypid::regtype,
         'most', CASE WHEN atttypid = 'varchar'::regtype AND atttypmod > 4 THEN atttypmod - 4 END)) FROM pg_attribute
        WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped AND attname <> 'tenant_id' AND attnotnull
          AND NOT atthasdef) AS columns
     FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'
     WHERE c.relnamespace = $1::regnamespace AND c.relkind IN ('r', 'p') ORDER BY 1`,
    [schema],
  )
  return rows.map(({ name, columns }) => ({ name, columns: columns ?? [] }))
}

const numberTypes = ['integer', 'bigint', 'smallint', 'numeric', 'real', 'double precision']

/** Some value of a type; ids grow, as pairs of them are kept in order. */
const valueOf = ({ type, most }: Pick<Table['columns'][number], 'type' | 'most'>): unknown => {
  if (type === 'uuid') return newId()
  if (type.startsWith('timestamp')) return new Date().toISOString()
  if (type === 'date') return '2026-01-01'
  if (type.startsWith('json')) return '{}'
  if (type.endsWith('[]')) return []
  if (type === 'boolean') return true
  if (type === 'vector') return '[1]'
  return numberTypes.includes(type)
    ? 1
    : randomBytes(4)
        .toString('hex')
        .slice(0, most ?? undefined)
}
const insertInto = ({ name, columns }: Table, tenantId: string): [string, unknown[]] => [
  `INSERT INTO ${name} (tenant_id${columns.map((column) => `, ${column.name}`).join('')})
   VALUES ($1${columns.map((_, at) => `, $${at + 2}`).join('')})`,
  [tenantId, ...columns.map(valueOf)],
]

const one = newId()
const other = newId()
const rowsOf = (table: Table) => `SELECT tenant_id FROM ${table.name}`

/** What an application that forgets its WHERE could do, in every table. */
const expectSeparation = async (database: Database, client: pg.Client, tables: readonly Table[]): Promise<void> => {
  expect(tables.length).toBeGreaterThan(0)
  // Rows of both, without what they refer to.
  await client.query(`SET session_replication_role = replica`)
  for (const table of tables) for (const tenantId of [one, other]) await client.query(...insertInto(table, tenantId))
  await client.query(`SET session_replication_role = origin`)
  const scoped = database.forTenant(one)
  for (const table of tables) {
    const seen = (await scoped.query<{ tenant_id: string }>(rowsOf(table))).rows
    expect([table.name, new Set(seen.map(({ tenant_id }) => tenant_id))]).toEqual([table.name, new Set([one])])
    const updated = await scoped.query(`UPDATE ${table.name} SET tenant_id = tenant_id`)
    expect([table.name, updated.rowCount]).toEqual([table.name, seen.length])
    const refused = /violates row-level security policy/
    await expect(scoped.query(`UPDATE ${table.name} SET tenant_id = $1`, [other])).rejects.toThrow(refused)
    await expect(scoped.query(...insertInto(table, other))).rejects.toThrow(refused)
  }
  for (const table of tables) {
    await scoped.query(`DELETE FROM ${table.name}`)
    const left = (await client.query<{ tenant_id: string }>(rowsOf(table))).rows
    expect([table.name, new Set(left.map(({ tenant_id }) => tenant_id))]).toEqual([table.name, new Set([other])])
    expect((await database.system.query(rowsOf(table))).rowCount).toBe(left.length)
  }
}

/** Tables that only the system may touch. */
const systemTables = async (client: pg.Client, schema: string): Promise<string[]> =>
  (
    await client.query<{ name: string }>(
      `SELECT c.oid::regclass::text AS name FROM pg_class c WHERE c.relnamespace = $1::regnamespace AND c.relkind IN ('r', 'p')
       AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'tenant_id')`,
      [schema],
    )
  ).rows.map(({ name }) => name)

describe('with a login that owns the tables', () => {
  let name: string
  let url: string
  beforeAll(async () => {
    const owner = await makeLogin('CREATEROLE')
    name = await makeDatabase(owner.login)
    url = owner.urlOf(name)
    for (const service of nativeServices) await migrate({ url, schema: service, folder: migrationFolder(service) })
  })

  it('the roles of services can neither log in nor bypass policies, and own nothing', async () => {
    const { rows } = await superuser.query<Record<string, unknown>>(
      `SELECT rolname, rolcanlogin OR rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb AS mighty FROM pg_roles
       WHERE rolname LIKE 'clawmesh%' ORDER BY 1`,
    )
    expect(rows).toEqual([
      { rolname: 'clawmesh_app', mighty: false },
      { rolname: 'clawmesh_system', mighty: false },
    ])
    const owned = await connected(urlAsSuperuser(name), (client) =>
      client.query(`SELECT FROM pg_class WHERE relowner::regrole::text LIKE 'clawmesh%'`),
    )
    expect(owned.rowCount).toBe(0)
  })

  it.each(nativeServices)(
    '%s: a tenant sees, changes and makes its own rows only, whatever the SQL',
    async (schema) => {
      const database = openDatabase({ url, schema, poolSize: 2, log })
      try {
        await connected(urlAsSuperuser(name), async (client) => {
          const tables = await tenantTables(client, schema)
          if (schema === 'packages') expect(tables).toEqual([])
          else await expectSeparation(database, client, tables)
          for (const table of await systemTables(client, schema))
            await expect(database.forTenant(one).query(`SELECT FROM ${table}`)).rejects.toThrow('permission denied')
        })
      } finally {
        await database.close()
      }
    },
  )

  it.each(nativeServices)('%s: no table with tenants is without forced policies', async (schema) => {
    expect(await rowSecurityFault(url, schema)).toBeUndefined()
    const open = await connected(urlAsSuperuser(name), (client) =>
      client.query(
        `SELECT c.oid::regclass AS name FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'
         WHERE c.relnamespace = $1::regnamespace AND c.relkind IN ('r', 'p')
         AND NOT (c.relrowsecurity AND c.relforcerowsecurity)`,
        [schema],
      ),
    )
    expect(open.rows).toEqual([])
  })

  it('the owner itself sees, changes and makes no row', async () => {
    await connected(urlAsSuperuser(name), async (client) => {
      for (const schema of nativeServices)
        for (const table of await tenantTables(client, schema)) {
          await client.query('SET session_replication_role = replica')
          await client.query(...insertInto(table, one))
          await connected(url, async (owner) => {
            expect((await owner.query(rowsOf(table))).rows).toEqual([])
            expect((await owner.query(`UPDATE ${table.name} SET tenant_id = tenant_id`)).rowCount).toBe(0)
            expect((await owner.query(`DELETE FROM ${table.name}`)).rowCount).toBe(0)
            await expect(owner.query(...insertInto(table, one))).rejects.toThrow('row-level security')
          })
          expect((await client.query(rowsOf(table))).rowCount).toBeGreaterThan(0)
        }
    })
  })

  it('a table that comes later, or lost its policies, is secured by the next migration, and doctor tells of it', async () => {
    await connected(url, (owner) =>
      owner.query(
        'CREATE TABLE agents.later (tenant_id uuid); ALTER TABLE agents.agents NO FORCE ROW LEVEL SECURITY; DROP POLICY tenant_rows ON agents.runs',
      ),
    )
    const fault = await rowSecurityFault(url, 'agents')
    for (const table of ['agents.agents', 'agents.runs', 'agents.later']) expect(fault?.detail).toContain(table)
    await migrate({ url, schema: 'agents', folder: migrationFolder('agents') })
    expect(await rowSecurityFault(url, 'agents')).toBeUndefined()
    await connected(url, (owner) => owner.query('DROP TABLE agents.later'))
  })

  it('a migration may change rows', async () => {
    const folder = migrationFolder('agents')
    await connected(urlAsSuperuser(name), async (client) => {
      await client.query('INSERT INTO agents.tenant_seeds VALUES ($1) ON CONFLICT DO NOTHING', [one])
    })
    const copy = await mkdtemp(join(tmpdir(), 'clawmesh-migrations-'))
    try {
      await cp(folder, copy, { recursive: true })
      await mkdir(join(copy, '9999_rows'))
      await writeFile(join(copy, '9999_rows', 'migration.sql'), 'DELETE FROM agents.tenant_seeds')
      await migrate({ url, schema: 'agents', folder: copy })
    } finally {
      await rm(copy, { recursive: true })
    }
    const { rows } = await connected(urlAsSuperuser(name), (client) => client.query('SELECT FROM agents.tenant_seeds'))
    expect(rows).toEqual([])
  })
})

describe('with a login that owns nothing', () => {
  it('services work, partitions included, once another login has migrated', async () => {
    const owner = await makeLogin('CREATEROLE')
    const serving = await makeLogin()
    const name = await makeDatabase(owner.login)
    // The roles are there already, and only who may grant them can.
    await superuser.query(`GRANT clawmesh_app, clawmesh_system TO ${owner.login} WITH ADMIN OPTION`)
    for (const service of nativeServices)
      await migrate({
        url: owner.urlOf(name),
        schema: service,
        folder: migrationFolder(service),
        servingLogin: serving.login,
      })
    const url = serving.urlOf(name)
    for (const service of nativeServices) expect(await rowSecurityFault(url, service)).toBeUndefined()

    const database = openDatabase({ url, schema: 'traces', poolSize: 3, log })
    try {
      const insert = `INSERT INTO traces.activity_logs (tenant_id, id, created_at, actor_type, actor_id, action)
        VALUES ($1, gen_random_uuid(), '2026-03-04T05:06:07Z', 'user', 'alice', 'did')`
      for (const tenantId of [one, other]) await database.forTenant(tenantId).query(insert, [tenantId])
      const inMarch = 'SELECT tenant_id FROM traces.activity_logs_p20260301'
      await createPartitionRows(database, activityPartitions).create('2026-03-01')
      await createPartitionRows(database, tracePartitions).create('2026-03-04')
      expect((await database.system.query(inMarch)).rowCount).toBe(2)
      expect((await database.forTenant(one).query(inMarch)).rows).toEqual([{ tenant_id: one }])
      expect(await rowSecurityFault(url, 'traces')).toBeUndefined()
      expect((await database.pool.query('SELECT FROM traces.traces')).rowCount).toBe(0)

      await expect(
        database.forTenant(one).query(`SELECT traces.drop_partition('activity_logs', now())`),
      ).rejects.toThrow('permission denied')
      await expect(
        database.system.query(`SELECT traces.make_partition('x; DROP TABLE y', now(), now())`),
      ).rejects.toThrow('no partitioned table')
      await createPartitionRows(database, activityPartitions).drop('2026-03-01')
      expect((await database.system.query('SELECT FROM traces.activity_logs')).rowCount).toBe(0)
    } finally {
      await database.close()
    }
  })

  it('says what an administrator has to do when roles can be neither made nor given', async () => {
    const plain = await makeLogin()
    const name = await makeDatabase(plain.login)
    const url = plain.urlOf(name)
    const target = { url, schema: 'tools', folder: migrationFolder('tools') }
    const failed = (await migrate(target).catch((thrown: unknown) => thrown)) as Error
    expect(failed).toBeInstanceOf(DatabaseSetupError)
    const grant = `GRANT clawmesh_app, clawmesh_system TO "${plain.login}";`
    expect(failed.message).toContain(grant)
    await connected(url, async (client) => {
      const { rows } = await client.query(`SELECT FROM pg_namespace WHERE nspname = 'tools'`)
      expect(rows).toEqual([])
    })
    expect((await rowSecurityFault(url, 'tools'))?.remedy).toContain(grant)

    await superuser.query(grant)
    expect((await migrate(target)).length).toBeGreaterThan(0)
    expect(await rowSecurityFault(url, 'tools')).toBeUndefined()
  })

  it('doctor tells of a role that no policy binds', async () => {
    const plain = await makeLogin()
    const name = await makeDatabase(plain.login)
    await superuser.query(`GRANT clawmesh_app, clawmesh_system TO ${plain.login}`)
    const url = plain.urlOf(name)
    await migrate({ url, schema: 'tools', folder: migrationFolder('tools') })
    await superuser.query('ALTER ROLE clawmesh_app BYPASSRLS')
    try {
      expect((await rowSecurityFault(url, 'tools'))?.detail).toContain('clawmesh_app')
    } finally {
      await superuser.query('ALTER ROLE clawmesh_app NOBYPASSRLS')
    }
  })
})

/** The last migration of each service before there was row-level security. */
const lastUnsecured: Record<Exclude<RemoteService, 'memory'>, string> = {
  agents: '0001_init',
  channels: '0001_init',
  identity: '0004_oidc_issuers',
  packages: '0001_init',
  providers: '0001_init',
  tools: '0001_init',
  traces: '0002_activity',
}

it.each(nativeServices)('%s: a database from before is upgraded with its rows, and separated', async (schema) => {
  const owner = await makeLogin('CREATEROLE')
  await superuser.query(`GRANT clawmesh_app, clawmesh_system TO ${owner.login} WITH ADMIN OPTION`)
  const name = await makeDatabase(owner.login)
  const url = owner.urlOf(name)
  const folder = migrationFolder(schema)
  const before = (await readdir(folder)).filter((each) => /^\d/.test(each) && each <= lastUnsecured[schema]).sort()
  // As the release before applied them.
  await connected(url, async (client) => {
    await client.query(`CREATE SCHEMA ${schema}; CREATE TABLE ${schema}._prisma_migrations (
      id varchar(36) PRIMARY KEY, checksum varchar(64) NOT NULL, finished_at timestamptz, migration_name varchar(255) NOT NULL,
      logs text, rolled_back_at timestamptz, started_at timestamptz NOT NULL DEFAULT now(),
      applied_steps_count integer NOT NULL DEFAULT 0)`)
    for (const each of before) {
      const sql = await readFile(join(folder, each, 'migration.sql'), 'utf8')
      await client.query(sql)
      await client.query(
        `INSERT INTO ${schema}._prisma_migrations (id, checksum, migration_name, finished_at) VALUES ($1, $2, $3, now())`,
        [randomUUID(), createHash('sha256').update(sql).digest('hex'), each],
      )
    }
  })
  await connected(urlAsSuperuser(name), async (client) => {
    const tables = (await tenantTables(client, schema)).filter((table) => !table.name.endsWith('_default'))
    await client.query('SET session_replication_role = replica')
    for (const table of tables) for (const tenantId of [one, other]) await client.query(...insertInto(table, tenantId))
    expect(await migrate({ url, schema, folder })).not.toContain(before.at(-1))
    const database = openDatabase({ url, schema, poolSize: 1, log })
    try {
      for (const table of tables) {
        expect((await database.forTenant(one).query(rowsOf(table))).rows).toEqual([{ tenant_id: one }])
        expect((await database.system.query(rowsOf(table))).rowCount).toBe(2)
      }
    } finally {
      await database.close()
    }
    expect(await rowSecurityFault(url, schema)).toBeUndefined()
  })
})

describe('on the embedded database', () => {
  let embedded: PgliteProcess
  beforeAll(async () => {
    embedded = await startEmptyPglite()
  })
  afterAll(() => embedded.stop())

  it.each(['memory', 'providers'] as const)(
    '%s: a tenant sees, changes and makes its own rows only',
    async (schema) => {
      await migrate({ url: embedded.url, schema, folder: migrationFolder(schema) })
      const database = openDatabase({ url: embedded.url, schema, poolSize: 3, log })
      try {
        await connected(embedded.url, async (client) =>
          expectSeparation(database, client, await tenantTables(client, schema)),
        )
        expect(await rowSecurityFault(embedded.url, schema)).toBeUndefined()
      } finally {
        await database.close()
      }
    },
  )
})
