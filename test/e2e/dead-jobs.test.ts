/** Jobs that failed too often, as an operator sees and replays them with the command. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createJobRows, createLogger, migrate, newId, openDatabase, type Database } from '@clawmesh/chassis'
import { migrationFolder } from '../../cli/src/migration-folders.ts'
import { createDatabase, type TestDatabase } from '../support/database.ts'
import { runClawmesh } from '../support/mesh-process.ts'

let testDatabase: TestDatabase
let database: Database
let dataDir: string

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'clawmesh-dead-jobs-'))
  testDatabase = await createDatabase('dead_jobs')
  await migrate({ url: testDatabase.url, schema: 'agents', folder: migrationFolder('agents') })
  const log = createLogger({ level: 'silent', name: 'test' })
  database = openDatabase({ url: testDatabase.url, schema: 'agents', poolSize: 2, log })
})
afterAll(async () => {
  await database.close()
  await testDatabase.drop()
  await rm(dataDir, { recursive: true, force: true })
})

const command = (...args: string[]) =>
  runClawmesh(['jobs', 'dead', ...args], { DATABASE_URL: testDatabase.url, CLAWMESH_DATA_DIR: dataDir })

it('are listed with their reasons, and replayed by id or by service', async () => {
  expect(await command('list')).toMatchObject({ code: 0, stdout: 'no dead jobs\n' })
  const jobs = createJobRows(database)
  const tenantId = newId()
  await jobs.add(tenantId, 'compactSession', [{ key: 'k', data: { sessionId: 's' }, afterMs: 0 }])
  const [job] = await jobs.claim({ claimMs: { compactSession: 1_000 }, exceptTenants: [], limit: 1 })
  await jobs.bury(job!.id, job!.claim, 'Error: provider away \u001b[2J', 10)

  expect((await command('list', '--service', 'agents')).stdout).toMatch(
    new RegExp(
      `^agents ${job!.id} compactSession tenant ${tenantId} attempts 1 dead .*Z: Error: provider away \\[2J\n$`,
    ),
  )
  expect(JSON.parse((await command('list', '--json')).stdout)).toMatchObject([
    { service: 'agents', id: job!.id, key: 'k', data: { sessionId: 's' } },
  ])
  expect(await command('replay')).toMatchObject({ code: 1 })
  expect(await command('replay', newId())).toMatchObject({ code: 1, stdout: 'no dead job to replay\n' })
  expect(await command('replay', '--all', '--service', 'agents')).toMatchObject({
    code: 0,
    stdout: 'agents: 1 to be tried again, within seconds while agents runs\n',
  })
  expect(await jobs.listDead(10)).toEqual([])
  expect(await jobs.claim({ claimMs: { compactSession: 1_000 }, exceptTenants: [], limit: 1 })).toMatchObject([
    { id: job!.id, attempts: 1 },
  ])
  expect(await command('list', '--service', 'channels')).toMatchObject({ code: 1 })
})
