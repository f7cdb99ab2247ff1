import { createHash, randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { migrate, pendingMigrations } from '../src/index.ts'
import { migrationFolder } from '../../cli/src/migration-folders.ts'
import { servicesWithDatabase } from '../../cli/src/targets.ts'
import { createDatabase, type TestDatabase } from '../../test/support/database.ts'

let database: TestDatabase
let client: pg.Client
let folder: string

beforeAll(async () => {
  database = await createDatabase('migrate')
  client = new pg.Client({ connectionString: database.url })
  await client.connect()
})
afterAll(async () => {
  await client.end()
  await database.drop()
})
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'clawmesh-migrate-'))
})
afterEach(() => rm(folder, { recursive: true }))

const write = async (name: string, sql: string): Promise<void> => {
  await mkdir(join(folder, name), { recursive: true })
  await writeFile(join(folder, name, 'migration.sql'), sql)
}
/** A schema of its own for each test. */
const target = () => ({ url: database.url, schema: `s_${randomBytes(4).toString('hex')}`, folder })

it('applies what is missing, in order, once', async () => {
  const to = target()
  await write('0002_second', `ALTER TABLE ${to.schema}.thing ADD COLUMN name text;`)
  await write('0001_first', `CREATE TABLE ${to.schema}.thing (id int);`)
  await writeFile(join(folder, 'migration_lock.toml'), 'provider = "postgresql"')
  expect(await pendingMigrations(to)).toEqual(['0001_first', '0002_second'])
  expect(await migrate(to)).toEqual(['0001_first', '0002_second'])
  expect(await pendingMigrations(to)).toEqual([])
  expect(await migrate(to)).toEqual([])
  await write(
    '0003_third',
    `INSERT INTO ${to.schema}.thing VALUES (1, 'x; -- y');\nINSERT INTO ${to.schema}.thing VALUES (2);`,
  )
  expect(await pendingMigrations(to)).toEqual(['0003_third'])
  expect(await migrate(to)).toEqual(['0003_third'])
  expect((await client.query(`SELECT name FROM ${to.schema}.thing ORDER BY id`)).rows).toEqual([
    { name: 'x; -- y' },
    { name: null },
  ])
})

it('may be called by any number of processes at once', async () => {
  const to = target()
  // Twice would fail.
  await write('0001_first', `CREATE TABLE ${to.schema}.thing (id int); SELECT pg_sleep(0.1);`)
  await write('0002_second', `INSERT INTO ${to.schema}.thing VALUES (1);`)
  const applied = await Promise.all(Array.from({ length: 8 }, () => migrate(to)))
  expect(applied.flat().sort()).toEqual(['0001_first', '0002_second'])
  expect((await client.query(`SELECT * FROM ${to.schema}.thing`)).rows).toHaveLength(1)
})

it('migrates several schemas of one database at once, each for itself', async () => {
  await write('0001_first', `SELECT 1;`)
  const targets = Array.from({ length: 4 }, target)
  const applied = await Promise.all(targets.map(migrate))
  expect(applied).toEqual(targets.map(() => ['0001_first']))
})

it('refuses to go on when an applied migration was edited, and changes nothing', async () => {
  const to = target()
  await write('0001_first', `CREATE TABLE ${to.schema}.thing (id int);`)
  await migrate(to)
  await write('0001_first', `CREATE TABLE ${to.schema}.thing (id bigint);`)
  await write('0002_second', `DROP TABLE ${to.schema}.thing;`)
  await expect(migrate(to)).rejects.toThrow(`migration ${to.schema}/0001_first was edited after it was applied`)
  expect((await client.query(`SELECT * FROM ${to.schema}.thing`)).rows).toEqual([])
  expect(await pendingMigrations(to)).toEqual(['0002_second'])
})

it('takes a migration that fails back as a whole, keeps those before it, and goes on once it is mended', async () => {
  const to = target()
  await write('0001_first', `CREATE TABLE ${to.schema}.thing (id int);`)
  await write('0002_broken', `CREATE TABLE ${to.schema}.other (id int); SELECT no_such_function();`)
  await expect(migrate(to)).rejects.toThrow('no_such_function')
  expect((await client.query(`SELECT to_regclass('${to.schema}.other') AS found`)).rows).toEqual([{ found: null }])
  expect(await pendingMigrations(to)).toEqual(['0002_broken'])
  await write('0002_broken', `CREATE TABLE ${to.schema}.other (id int);`)
  expect(await migrate(to)).toEqual(['0002_broken'])
})

it("keeps its book in the layout of Prisma's own table, with Prisma's checksums", async () => {
  const to = target()
  const sql = `CREATE TABLE ${to.schema}.thing (id int); -- é\n`
  await write('20260101000000_first', sql)
  await migrate(to)
  const { rows: columns } = await client.query<Record<string, unknown>>(
    `SELECT column_name, data_type, character_maximum_length AS length, is_nullable, column_default
     FROM information_schema.columns WHERE table_schema = $1 AND table_name = '_prisma_migrations' ORDER BY ordinal_position`,
    [to.schema],
  )
  // As the schema engine of Prisma 6 and 7 creates it (prisma-engines, sql-migration-persistence).
  expect(columns.map((column) => Object.values(column))).toEqual([
    ['id', 'character varying', 36, 'NO', null],
    ['checksum', 'character varying', 64, 'NO', null],
    ['finished_at', 'timestamp with time zone', null, 'YES', null],
    ['migration_name', 'character varying', 255, 'NO', null],
    ['logs', 'text', null, 'YES', null],
    ['rolled_back_at', 'timestamp with time zone', null, 'YES', null],
    ['started_at', 'timestamp with time zone', null, 'NO', 'now()'],
    ['applied_steps_count', 'integer', null, 'NO', '0'],
  ])
  const { rows } = await client.query<Record<string, unknown>>(`SELECT * FROM ${to.schema}._prisma_migrations`)
  expect(rows).toEqual([
    {
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      checksum: createHash('sha256').update(sql).digest('hex'),
      finished_at: expect.any(Date),
      migration_name: '20260101000000_first',
      logs: null,
      rolled_back_at: null,
      started_at: expect.any(Date),
      applied_steps_count: 1,
    },
  ])
})

it('takes what Prisma itself has applied for applied, and what was rolled back for missing', async () => {
  const to = target()
  await write('0001_first', 'SELECT 1;')
  await write('0002_second', 'SELECT 2;')
  await migrate(to)
  await client.query(
    `UPDATE ${to.schema}._prisma_migrations SET rolled_back_at = now() WHERE migration_name = '0002_second'`,
  )
  expect(await pendingMigrations(to)).toEqual(['0002_second'])
  expect(await migrate(to)).toEqual(['0002_second'])
})

it.each(servicesWithDatabase.filter((service) => service !== 'memory'))(
  'brings up the schema of %s, twice over, by two processes',
  async (service) => {
    const to = { url: database.url, schema: service, folder: migrationFolder(service) }
    const [one, two] = await Promise.all([migrate(to), migrate(to)])
    expect(one.length + two.length).toBeGreaterThan(0)
    expect(one.length === 0 || two.length === 0 || !one.some((name) => two.includes(name))).toBe(true)
    expect(await pendingMigrations(to)).toEqual([])
  },
)
