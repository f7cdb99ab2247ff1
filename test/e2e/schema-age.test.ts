/** A process over a schema of another age than its own. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { migrate } from '@clawmesh/chassis'
import pg from 'pg'
import { migrationFolder } from '../../cli/src/migration-folders.ts'
import { createDatabase, type TestDatabase } from '../support/database.ts'
import { dependencyUrl } from '../support/dependencies.ts'
import { findFreePort } from '../support/free-port.ts'
import { eventually } from '../support/eventually.ts'
import { startClawmesh, type MeshProcess } from '../support/mesh-process.ts'

let database: TestDatabase
let folder: string
let env: Record<string, string>
let running: MeshProcess | undefined

/** Undefined while nothing listens. */
const ask = async (path: string): Promise<{ status: number; waitingFor?: string[] } | undefined> => {
  const answer = await fetch(`http://127.0.0.1:${env['CLAWMESH_HTTP_PORT']}${path}`).catch(() => undefined)
  return answer && { ...((await answer.json()) as { waitingFor?: string[] }), status: answer.status }
}
const ready = () => eventually('ready', async () => (await ask('/readyz'))?.status === 200)

beforeAll(async () => {
  const [made, dir, http, grpc] = await Promise.all([
    createDatabase('schema_age'),
    mkdtemp(join(tmpdir(), 'clawmesh-schema-age-')),
    findFreePort(),
    findFreePort(),
  ])
  database = made
  folder = dir
  env = {
    DATABASE_URL: database.url,
    NATS_URL: dependencyUrl('nats'),
    CLAWMESH_HTTP_HOST: '127.0.0.1',
    CLAWMESH_HTTP_PORT: String(http),
    CLAWMESH_GRPC_PORT: String(grpc),
    CLAWMESH_MESH_SECRET: 'm'.repeat(32),
    CLAWMESH_ENCRYPTION_KEY: 'a'.repeat(64),
    CLAWMESH_DATA_DIR: dir,
    CLAWMESH_LAME_DUCK_MS: '0',
  }
})
afterAll(async () => {
  await running?.end('SIGKILL')
  await database.drop()
  await rm(folder, { recursive: true })
})

test('it is alive and unready, saying why, until the schema is migrated, and lives with a newer one', async () => {
  running = startClawmesh(['start', '--target', 'channels'], env, join(folder, 'channels.log'))
  const { status } = await eventually('waiting for its schema', async () => {
    const answer = await ask('/readyz')
    return answer?.waitingFor?.includes('channels schema') === true && answer
  })
  expect([status, (await ask('/livez'))?.status]).toEqual([503, 200])
  expect(running.output()).toMatch(/"lacks":\["\d+_\w+".*the schema is older than the program: run clawmesh migrate/)

  await migrate({ url: database.url, schema: 'channels', folder: migrationFolder('channels') })
  await ready()
  expect(running.isRunning()).toBe(true)
  expect((await running.end('SIGTERM')).code).toBe(0)

  const client = new pg.Client({ connectionString: database.url })
  await client.connect()
  await client.query(
    `INSERT INTO channels._prisma_migrations (id, checksum, migration_name, finished_at)
     VALUES (gen_random_uuid(), 'of a later release', '99990101000000_later', now())`,
  )
  await client.end()
  running = startClawmesh(['start', '--target', 'channels'], env, join(folder, 'newer.log'))
  await ready()
})
