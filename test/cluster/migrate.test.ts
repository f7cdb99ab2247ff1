/** The Job that brings schemas up to date: again, twice at once, killed in the middle, and over a later schema. */
import { cp, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { migrate, type RemoteService } from '@clawmesh/chassis'
import { migrationFolder } from '../../cli/src/migration-folders.ts'
import { eventually } from '../support/eventually.ts'
import { objectsOf } from '../charts/rendered.ts'
import { databaseUrl, psql } from './databases.ts'
import { apply, helm, kubectl } from './kube.ts'
import { chart, ensureRelease } from './release.ts'

const rounds = Number(process.env['CLAWMESH_CLUSTER_ROUNDS'] ?? 4)
const schemas = ['agents', 'channels', 'identity', 'memory', 'packages', 'providers', 'tools', 'traces']

let made = 0
const freshDatabase = async (): Promise<string> => {
  const name = `migrate_${Date.now()}_${++made}`
  await psql(`CREATE DATABASE ${name}`)
  return name
}

/** The chart's own Job, as an object of a name of its own over a database. */
const startJob = async (database: string): Promise<string> => {
  const name = `once-${++made}`
  const url = databaseUrl.replace(/clawmesh$/, database)
  const args = ['template', 'once', chart, '--show-only', 'templates/migration.yaml', '--values', '-']
  const text = await helm([...args, '--values', `${chart}/profiles/standard.yaml`, '--kube-version', '1.37.0'], {
    fullnameOverride: name,
    database: { url },
    nats: { url: 'nats://nats:4222' },
    migration: { hookAnnotations: null, backoffLimit: 6 },
  })
  await apply(...objectsOf(text))
  return `${name}-migrate`
}
const untilComplete = (job: string): Promise<string> =>
  kubectl('wait', '--for=condition=complete', `job/${job}`, '--timeout', '300s')

const inDatabase = (database: string, statement: string): Promise<string[]> => psql(statement, database)
const recorded = schemas
  .map(
    (schema) =>
      `SELECT '${schema}', migration_name, count(*) FROM ${schema}._prisma_migrations WHERE finished_at IS NOT NULL GROUP BY 2`,
  )
  .join(' UNION ALL ')
/** Everything that tells a schema from another: columns, indexes, policies, and what was recorded. */
const shape = async (database: string): Promise<string[]> => {
  const names = schemas.map((schema) => `'${schema}'`).join(', ')
  return [
    ...(await inDatabase(database, `${recorded} ORDER BY 1, 2`)),
    ...(await inDatabase(
      database,
      `SELECT table_schema, table_name, column_name, data_type, is_nullable, column_default FROM information_schema.columns
       WHERE table_schema IN (${names}) ORDER BY 1, 2, 3`,
    )),
    ...(await inDatabase(database, `SELECT indexdef FROM pg_indexes WHERE schemaname IN (${names}) ORDER BY 1`)),
    ...(await inDatabase(database, `SELECT schemaname, tablename, policyname, qual FROM pg_policies ORDER BY 1, 2, 3`)),
  ]
}

let whole: string[]
let first: string

beforeAll(async () => {
  await ensureRelease()
  first = await freshDatabase()
  await untilComplete(await startJob(first))
  whole = await shape(first)
  expect(whole.length).toBeGreaterThan(300)
})

test('a second time it changes nothing', async () => {
  await untilComplete(await startJob(first))
  expect(await shape(first)).toEqual(whole)
})

test('two at once make what one makes', async () => {
  const database = await freshDatabase()
  const jobs = await Promise.all([startJob(database), startJob(database)])
  await Promise.all(jobs.map(untilComplete))
  expect(await shape(database)).toEqual(whole)
})

test('over the schema of an earlier release it makes that of this one', async () => {
  const database = await freshDatabase()
  const address = await kubectl('get', 'service', 'postgres', '--output', 'jsonpath={.spec.clusterIP}')
  const url = databaseUrl.replace('@postgres:', `@${address}:`).replace(/clawmesh$/, database)
  const folder = await mkdtemp(join(tmpdir(), 'clawmesh-earlier-'))
  try {
    for (const schema of schemas as readonly RemoteService[]) {
      const earlier = join(folder, schema)
      await cp(migrationFolder(schema), earlier, { recursive: true })
      const names = (await readdir(earlier, { withFileTypes: true })).filter((entry) => entry.isDirectory())
      const last = names
        .map(({ name }) => name)
        .toSorted()
        .at(-1)!
      await rm(join(earlier, last), { recursive: true })
      await migrate({ url, schema, folder: earlier })
    }
  } finally {
    await rm(folder, { recursive: true })
  }
  expect(await shape(database)).not.toEqual(whole)
  await untilComplete(await startJob(database))
  expect(await shape(database)).toEqual(whole)
})

test('over the schema of a later release it changes nothing', async () => {
  const database = await freshDatabase()
  await untilComplete(await startJob(database))
  const later = `INSERT INTO agents._prisma_migrations (id, checksum, finished_at, migration_name) VALUES ('later', 'x', now(), '9999_later')`
  await inDatabase(database, later)
  const before = await shape(database)
  await untilComplete(await startJob(database))
  expect(await shape(database)).toEqual(before)
})

test.each(Array.from({ length: rounds }, (_, at) => at))(
  'killed in the middle, it is finished by the pod that follows (round %i)',
  async (round) => {
    const database = await freshDatabase()
    const job = await startJob(database)
    await eventually(
      'a first table',
      async () => {
        const [tables] = await inDatabase(
          database,
          `SELECT count(*) FROM pg_tables WHERE tablename = '_prisma_migrations'`,
        )
        return Number(tables) > 0
      },
      180_000,
    )
    await sleep(round * 40)
    const pods = await kubectl('get', 'pods', '--selector', `job-name=${job}`, '--output', 'name')
    await kubectl('delete', ...pods.trim().split('\n'), '--grace-period=0', '--force')
    await untilComplete(job)
    expect(await shape(database)).toEqual(whole)
  },
)
