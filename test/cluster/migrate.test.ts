/** The Job that brings schemas up to date: again, twice at once, killed in the middle, and over a later schema. */
import { cp, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { migrate, type RemoteService } from '@clawmesh/chassis'
import { migrationFolder } from '../../cli/src/migration-folders.ts'
import { eventually } from '../support/eventually.ts'
import { objectsOf } from '../charts/rendered.ts'
import { databaseUrl, psql } from './databases.ts'
import { apply, helm, kubectl } from './kube.ts'
import { chart, ensureRelease } from './release.ts'

const rounds = Number(process.env['CLAWMESH_CLUSTER_ROUNDS'] ?? 20)
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
/** As this machine reaches it. */
const reachableUrl = async (database: string): Promise<string> => {
  const address = await kubectl('get', 'service', 'postgres', '--output', 'jsonpath={.spec.clusterIP}')
  return databaseUrl.replace('@postgres:', `@${address}:`).replace(/clawmesh$/, database)
}
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
  const url = await reachableUrl(database)
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

/**
 * Stops migrations of a database after so many statements that change a schema, until the lock of the gate is free: the
 * number of such statements outlives the transaction, so that whoever comes next is not stopped. The server looks whether
 * its client is still there, as it would otherwise finish a statement for nobody.
 */
const gateKey = 20_26
const closeGate = async (database: string, after: number): Promise<void> => {
  await inDatabase(
    database,
    `CREATE SEQUENCE public.statements;
     CREATE FUNCTION public.gate() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
       BEGIN IF nextval('public.statements') = ${after} THEN PERFORM pg_advisory_xact_lock(${gateKey}); END IF; END $$;
     ALTER DATABASE ${database} SET client_connection_check_interval = '200ms';
     CREATE EVENT TRIGGER gate ON ddl_command_end EXECUTE FUNCTION public.gate()`,
  )
}
/** Migrations that have begun and wait at the gate, with the transaction that they are in the middle of. */
const waiting = (database: string): Promise<string[]> =>
  inDatabase(
    database,
    `SELECT a.pid FROM pg_stat_activity a JOIN pg_locks w ON w.pid = a.pid AND NOT w.granted AND w.objid = ${gateKey}
     WHERE a.datname = '${database}' AND a.application_name = 'clawmesh-migrate' AND a.backend_xid IS NOT NULL
       AND EXISTS (SELECT FROM pg_locks h WHERE h.pid = a.pid AND h.locktype = 'advisory' AND h.granted)`,
  )

/** How many statements all migrations have that change a schema. */
const countStatements = async (): Promise<number> => {
  const database = await freshDatabase()
  await closeGate(database, 0)
  await untilComplete(await startJob(database))
  return Number((await inDatabase(database, 'SELECT last_value FROM public.statements'))[0])
}
let statements: Promise<number> | undefined

test.each(Array.from({ length: rounds }, (_, at) => at))(
  'killed between two statements of a migration, it is finished by the pod that follows (round %i)',
  async (round) => {
    const total = await (statements ??= countStatements())
    const database = await freshDatabase()
    const after = Math.ceil((total * (round + 0.5)) / rounds)
    await closeGate(database, after)
    const keeper = new pg.Client({ connectionString: await reachableUrl(database) })
    await keeper.connect()
    try {
      await keeper.query('SELECT pg_advisory_lock($1)', [gateKey])
      const job = await startJob(database)
      const [pid] = await eventually(
        'a migration in the middle',
        async () => {
          const pids = await waiting(database)
          return pids.length > 0 && pids
        },
        180_000,
      )
      const pods = await kubectl('get', 'pods', '--selector', `job-name=${job}`, '--output', 'name')
      await kubectl('delete', ...pods.trim().split('\n'), '--grace-period=0', '--force')
      // Its process is gone once the server ends what it was in: the gate is still closed.
      await eventually('the end of its session', async () => !(await waiting(database)).includes(pid!), 180_000)
      await untilComplete(job)
    } finally {
      await keeper.end()
    }
    process.stdout.write(`killed after statement ${after} of ${total}\n`)
    expect(await shape(database)).toEqual(whole)
  },
)
