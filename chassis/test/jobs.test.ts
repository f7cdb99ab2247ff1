/** Background jobs over a real PostgreSQL: each is done once, tried again when it fails, and dead when it fails too often. */
import { z } from 'zod'
import { MeshError } from '@clawmesh/contracts'
import {
  chassisConfig,
  createJobQueue,
  createJobRows,
  createJobWorker,
  createLogger,
  defineJobs,
  loadConfigs,
  metricsRegistry,
  migrate,
  newId,
  openDatabase,
  type Database,
  type JobAttempt,
} from '../src/index.ts'
import { migrationFolder } from '../../cli/src/migration-folders.ts'
import { createDatabase, type TestDatabase } from '../../test/support/database.ts'
import { aborted } from '../../test/support/aborted.ts'
import { eventually } from '../../test/support/eventually.ts'

const log = createLogger({ level: process.env['CLAWMESH_TEST_LOG'] ?? 'silent', name: 'test' })
const configOf = (env: Record<string, string> = {}) =>
  loadConfigs({ chassis: chassisConfig }, { CLAWMESH_JOB_RETRY_MS: '10', ...env }).chassis

const table = defineJobs({
  greet: { about: 'Says hello', data: z.object({ name: z.string() }), attempts: 3, timeoutMs: 10_000 },
  hurry: { about: 'Must be quick', data: z.object({ name: z.string() }), attempts: 1, timeoutMs: 50 },
})
type Greeting = JobAttempt<{ name: string }>

let testDatabase: TestDatabase
let database: Database
const undo: (() => Promise<unknown>)[] = []

beforeAll(async () => {
  testDatabase = await createDatabase('jobs')
  await migrate({ url: testDatabase.url, schema: 'agents', folder: migrationFolder('agents') })
  database = openDatabase({ url: testDatabase.url, schema: 'agents', poolSize: 10, log })
})
afterAll(async () => {
  await database.close()
  await testDatabase.drop()
})
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step()
  await database.pool.query('TRUNCATE agents.jobs')
})

const rows = () => createJobRows(database)
const size = async (): Promise<number> =>
  (await database.system.query<{ count: number }>('SELECT count(*) FROM agents.jobs')).rows[0]!.count

/** A replica that works on jobs with the given handlers. */
const replica = async (
  greet: (job: Greeting) => Promise<void>,
  { env = {}, hurry = async () => {} }: { env?: Record<string, string>; hurry?: (job: Greeting) => Promise<void> } = {},
) => {
  const queue = createJobQueue(database, table)
  const worker = createJobWorker({ config: configOf(env), log }, 'agents', queue.implementedBy({ greet, hurry }))
  await worker.start!()
  let stopped: Promise<void> | undefined
  const stop = () => (stopped ??= worker.stop!())
  undo.push(stop)
  return { add: queue.add, stop }
}

it('does a job once, with its tenant and checked data, and forgets it', async () => {
  const seen: unknown[] = []
  const { add } = await replica(async ({ tenantId, data, call, attempt, isLast }) => {
    seen.push({ tenantId, data, of: call.caller.tenantId, attempt, isLast })
  })
  const tenantId = newId()
  await add(tenantId, 'greet', { name: 'Ada' })
  await eventually('done', async () => (await size()) === 0)
  expect(seen).toEqual([{ tenantId, data: { name: 'Ada' }, of: tenantId, attempt: 1, isLast: false }])
})

it('tries again what fails, and keeps it as dead after the last attempt until it is replayed', async () => {
  let broken = true
  const lasts: boolean[] = []
  const { add } = await replica(async ({ isLast }) => {
    lasts.push(isLast)
    if (broken) throw new Error('no voice, token sk-1234567890abcdefghijklmnop')
  })
  const tenantId = newId()
  await add(tenantId, 'greet', { name: 'Ada' }, { key: 'ada' })
  await eventually('dead', async () => (await rows().listDead(10)).length === 1)
  expect(lasts).toEqual([false, false, true])
  const [dead] = await rows().listDead(10)
  expect(dead).toMatchObject({ name: 'greet', tenantId, key: 'ada', data: { name: 'Ada' }, attempts: 3 })
  expect(dead!.error).toBe('Error: no voice, token ***')

  broken = false
  expect(await rows().replay(newId())).toBe(0)
  expect(await rows().replay(dead!.id)).toBe(1)
  await eventually('done', async () => (await size()) === 0)
})

it('has the dead job of a key once, and does not replay it beside a new one', async () => {
  const { add, stop } = await replica(async () => {
    throw new Error('no')
  })
  const tenantId = newId()
  for (let round = 0; round < 2; round++) {
    const [before] = await rows().listDead(10)
    await add(tenantId, 'greet', { name: 'Ada' }, { key: 'ada' })
    await eventually('dead', async () => {
      const [dead] = await rows().listDead(10)
      return dead !== undefined && dead.id !== before?.id
    })
  }
  expect(await rows().listDead(10)).toHaveLength(1)
  await stop()
  await add(tenantId, 'greet', { name: 'Ada' }, { key: 'ada' })
  expect(await rows().replay()).toBe(0)
})

it('keeps no more dead jobs of a tenant than it may', async () => {
  const { add } = await replica(
    async () => {
      throw new Error('no')
    },
    { env: { CLAWMESH_DEAD_JOBS_MAX: '2' } },
  )
  const [tenantId, other] = [newId(), newId()]
  await add(other, 'greet', { name: 'Bob' })
  for (const name of ['a', 'b', 'c']) await add(tenantId, 'greet', { name })
  await eventually('three dead', async () => (await size()) === 3 && (await rows().listDead(10)).length === 3)
  expect((await rows().listDead(10)).filter((dead) => dead.tenantId === tenantId)).toHaveLength(2)
})

it('adds a job of a key once while it waits, and does it once more when it is asked for in the middle', async () => {
  const seen: string[] = []
  let release = () => {}
  const held = new Promise<void>((resolve) => (release = resolve))
  const { add } = await replica(async ({ data }) => {
    seen.push(data.name)
    if (seen.length === 1) await held
  })
  const tenantId = newId()
  const hour = 3_600_000
  await add(tenantId, 'greet', { name: 'later' }, { key: 'later', afterMs: hour })
  await add(tenantId, 'greet', { name: 'later' }, { key: 'later', afterMs: hour })
  expect(await size()).toBe(1)

  await add(tenantId, 'greet', { name: 'one' }, { key: 'now' })
  await eventually('begun', () => seen.length === 1)
  await add(tenantId, 'greet', { name: 'two' }, { key: 'now' })
  await add(tenantId, 'greet', { name: 'three' }, { key: 'now' })
  release()
  await eventually('done', async () => (await size()) === 1)
  expect(seen).toEqual(['one', 'three'])
})

it('shares jobs among replicas, each done once, and leaves places to other tenants', async () => {
  const seen: string[] = []
  let release = () => {}
  const held = new Promise<void>((resolve) => (release = resolve))
  const flood = newId()
  const greet = async ({ tenantId, data }: Greeting) => {
    seen.push(data.name)
    if (tenantId === flood) await held
  }
  const one = await replica(greet, { env: { CLAWMESH_JOB_CONCURRENCY: '2' } })
  await replica(greet, { env: { CLAWMESH_JOB_CONCURRENCY: '2' } })
  for (let index = 0; index < 20; index++) await one.add(flood, 'greet', { name: `flood ${index}` })
  await one.add(newId(), 'greet', { name: 'other' })
  await eventually('the other tenant is served', () => seen.includes('other'))
  expect(seen.length).toBeLessThanOrEqual(3)
  release()
  await eventually('done', async () => (await size()) === 0)
  expect(new Set(seen).size).toBe(21)
  expect(seen).toHaveLength(21)
})

it('ends an attempt whose time is up although it does not listen', async () => {
  const { add } = await replica(async () => {}, { hurry: () => new Promise(() => {}) })
  await add(newId(), 'hurry', { name: 'Ada' })
  await eventually('dead', async () => (await rows().listDead(10)).length === 1)
  expect((await rows().listDead(10))[0]!.error).toContain('did not answer in time')
})

it('is handed back by a replica that leaves, without an attempt lost', async () => {
  let begun = false
  const leaving = await replica(async ({ call }) => {
    begun = true
    await aborted(call.signal)
    call.signal.throwIfAborted()
  })
  await leaving.add(newId(), 'greet', { name: 'Ada' })
  await eventually('begun', () => begun)
  await leaving.stop()
  const attempts: number[] = []
  await replica(async ({ attempt }) => void attempts.push(attempt))
  await eventually('done', async () => (await size()) === 0)
  expect(attempts).toEqual([1])
})

it('is begun again when its replica died, and is dead when that happens too often', async () => {
  const tenantId = newId()
  const die = async (name: string, attempts: number) => {
    await rows().add(tenantId, 'greet', [{ key: undefined, data: { name }, afterMs: 0 }])
    await database.system.query(
      `UPDATE agents.jobs SET attempts = $2, claim = $3, run_at = now() - interval '1 second' WHERE data->>'name' = $1`,
      [name, attempts, newId()],
    )
  }
  await die('once', 1)
  await die('always', 3)
  const seen: string[] = []
  await replica(async ({ data, attempt }) => void seen.push(`${data.name} ${attempt}`))
  await eventually('both are settled', async () => (await size()) === 1)
  expect(seen).toEqual(['once 2'])
  expect((await rows().listDead(10))[0]!.error).toContain('its process ended')
})

it('is dead with its data unread when they are not what the job needs, and takes the pause that was asked for', async () => {
  const { add } = await replica(async () => {
    throw new MeshError(
      'RESOURCE_EXHAUSTED',
      'error.provider_rate_limit',
      { provider: 'fake' },
      { retryAfterMs: 60_000 },
    )
  })
  await rows().add(newId(), 'hurry', [{ key: undefined, data: { name: 7 }, afterMs: 0 }])
  const tenantId = newId()
  await add(tenantId, 'greet', { name: 'Ada' })
  await eventually('both failed', async () => {
    const { rows: failed } = await database.system.query('SELECT id FROM agents.jobs WHERE error IS NOT NULL')
    return failed.length === 2
  })
  const { rows: waiting } = await database.system.query<{ seconds: number }>(
    'SELECT extract(epoch FROM run_at - now()) AS seconds FROM agents.jobs WHERE tenant_id = $1',
    [tenantId],
  )
  expect(waiting[0]!.seconds).toBeGreaterThan(50)
  expect((await rows().listDead(10)).map(({ name }) => name)).toEqual(['hurry'])
})

it('tells Prometheus how attempts ended and how many jobs there are', async () => {
  const { add } = await replica(async () => {})
  await add(newId(), 'greet', { name: 'Ada' })
  await eventually('done', async () => (await size()) === 0)
  for (const metric of [
    'clawmesh_job_attempts_total{service="agents",job="greet",outcome="done"}',
    'clawmesh_jobs_waiting{service="agents",job="greet"}',
  ])
    await eventually(metric, async () => (await metricsRegistry.metrics()).includes(metric))
})

it('comes back later where a handler asks for it, and counts no attempt', async () => {
  const attempts: number[] = []
  const queue = createJobQueue(database, table)
  const greet = async ({ attempt }: Greeting) => {
    attempts.push(attempt)
    return attempts.length < 5 ? { afterMs: 1, reason: 'not yet' } : undefined
  }
  const worker = createJobWorker(
    { config: configOf(), log },
    'agents',
    queue.implementedBy({ greet, hurry: async () => {} }),
  )
  await worker.start!()
  undo.push(() => worker.stop!())
  await queue.add(newId(), 'greet', { name: 'Ada' })
  await eventually('done', async () => (await size()) === 0)
  expect(attempts).toEqual([1, 1, 1, 1, 1])
})

it('gives a tenant fewer places the more tenants are at work', async () => {
  const atWork: string[] = []
  const queue = createJobQueue(database, table)
  const greet = async ({ tenantId, call }: Greeting) => {
    atWork.push(tenantId)
    await aborted(call.signal)
  }
  const implementation = queue.implementedBy({ greet, hurry: async () => {} }, { all: 4, tenant: 2 })
  const worker = createJobWorker({ config: configOf(), log }, 'agents', implementation)
  await worker.start!()
  undo.push(() => worker.stop!())
  const tenants = [newId(), newId(), newId()]
  for (const tenantId of tenants) {
    await queue.addAll(
      tenantId,
      'greet',
      ['a', 'b', 'c'].map((name) => ({ data: { name }, key: name })),
    )
    await eventually('begun', () => atWork.includes(tenantId))
  }
  expect(tenants.map((tenantId) => atWork.filter((each) => each === tenantId).length)).toEqual([2, 1, 1])
})
