/** PostgreSQL and Redis go away under a running mesh, and come back. */
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { createDatabase, type TestDatabase } from '../support/database.ts'
import { dependencyUrl } from '../support/dependencies.ts'
import { eventually } from '../support/eventually.ts'
import { sessionOf, type Api } from '../support/mesh-api.ts'
import { openTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts'
import { meshStartLimitMs, ownerId, startMesh, type Mesh } from '../support/mesh-processes.ts'
import { startRedis, type RedisHandle } from '../support/redis.ts'

const awayMs = 10_000
const burst = 40

let database: TestDatabase
let postgresGate: TcpProxy
let redis: RedisHandle
let redisGate: TcpProxy
let mesh: Mesh

/** The same server behind a TCP proxy of ours. */
const behind = (url: string, { port }: TcpProxy): string => {
  const moved = new URL(url)
  moved.hostname = '127.0.0.1'
  moved.port = String(port)
  return moved.href
}

beforeAll(async () => {
  const { hostname, port } = new URL(dependencyUrl('postgres'))
  ;[database, redis, postgresGate] = await Promise.all([
    createDatabase('away'),
    startRedis(),
    openTcpProxy(hostname, Number(port)),
  ])
  redisGate = await openTcpProxy('127.0.0.1', redis.port)
  mesh = await startMesh({
    together: true,
    databaseUrl: behind(database.url, postgresGate),
    redisUrl: behind(redis.url, redisGate),
    env: {
      CLAWMESH_RATE_LIMIT_RPM: '60',
      CLAWMESH_RATE_LIMIT_BURST: String(burst),
      CLAWMESH_RUN_LEASE_MS: '2000',
      CLAWMESH_RUN_HEARTBEAT_MS: '500',
    },
  })
}, meshStartLimitMs)

afterAll(async () => {
  await mesh?.stop()
  await Promise.all([postgresGate?.shut(), redisGate?.shut(), redis?.stop('SIGKILL')])
  await database?.drop()
})

/** Sends the sessions of the mesh away, as a server does that is told to stop, and lets nobody in any more. */
const stopPostgres = async (): Promise<void> => {
  const client = new pg.Client({ connectionString: dependencyUrl('postgres') })
  await client.connect()
  await postgresGate.shut()
  await client.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [
    new URL(database.url).pathname.slice(1),
  ])
  await client.end()
}

const newKey = async (): Promise<Api> => {
  const { key } = await mesh.api(0, ownerId).need<{ key: string }>('POST', '/v1/api-keys', {
    name: 'k',
    scopes: ['operator.admin'],
    owner_id: 'alice',
  })
  return mesh.api().as({ token: key })
}

const chat = (api: Api, content = 'hello') =>
  api.request('POST', '/v1/chat/completions', { model: 'goclaw:default', messages: [{ role: 'user', content }] })

describe('while PostgreSQL is away', () => {
  let known: Api
  let unknown: Api

  beforeAll(async () => {
    ;[known, unknown] = [await newKey(), await newKey()]
    // Who starts on a busy machine may be told to come again.
    await eventually(
      'an agent',
      async () => (await known.request('POST', '/v1/agents', { agent_key: 'written' })).status === 201,
    )
    expect((await chat(known)).status).toBe(200)
  })

  test('whatever needs it is 503 with Retry-After, for known and unknown callers, and never a refusal of theirs', async () => {
    // A run that is under way when it happens.
    const begun = mesh.upstream.requests.length
    mesh.upstream.next({ text: 'too late', headerDelayMs: 1_000 })
    const session = 'agent:default:interrupted'
    const underWay = known.request('POST', '/v1/agents/default/wake', { message: 'one', session_key: session })
    await eventually('the model call', async () => mesh.upstream.requests.length > begun)

    await stopPostgres()
    const shutAt = performance.now()
    const asks: Record<string, () => ReturnType<Api['request']>> = {
      'write as a known key': () => known.request('PUT', '/v1/agents/written', { display_name: 'changed' }),
      'write as a key nobody has seen': () => unknown.request('PUT', '/v1/agents/written', { display_name: 'changed' }),
      'write with the gateway token': () => mesh.api(0, ownerId).request('POST', '/v1/tenants', { name: 'late' }),
      read: () => known.request('GET', '/v1/sessions'),
      chat: () => chat(known),
      'streamed chat': () =>
        known.request('POST', '/v1/chat/completions', {
          model: 'goclaw:default',
          stream: true,
          messages: [{ role: 'user', content: 'hello' }],
        }),
      traces: () => known.request('GET', '/v1/traces'),
      providers: () => known.request('POST', '/v1/providers', { name: 'late', provider_type: 'openai_compat' }),
    }
    const outcomes = new Map<string, Set<string>>()
    do {
      await Promise.all(
        Object.entries(asks).map(async ([name, ask]) => {
          const { status, headers } = await ask()
          const retryAfter = Number(headers.get('retry-after')) > 0 ? 'with Retry-After' : 'without Retry-After'
          outcomes.set(name, (outcomes.get(name) ?? new Set()).add(`${status} ${retryAfter}`))
        }),
      )
      await sleep(500)
    } while (performance.now() - shutAt < awayMs - 2_000)
    expect(Object.fromEntries([...outcomes].map(([name, seen]) => [name, [...seen]]))).toEqual(
      Object.fromEntries(Object.keys(asks).map((name) => [name, ['503 with Retry-After']])),
    )
    expect((await underWay).status).toBe(503)
    await sleep(Math.max(0, awayMs - (performance.now() - shutAt)))
  })

  test('processes with a database say that they are not ready but alive, and the edge still tells its health', async () => {
    for (const name of ['agents-1', 'services-1']) {
      const ready = await fetch(mesh.probe(name, '/readyz'))
      expect({ name, status: ready.status }).toEqual({ name, status: 503 })
      expect(await ready.text()).toContain('database')
      expect((await fetch(mesh.probe(name, '/livez'))).status).toBe(200)
    }
    expect(await mesh.api().request('GET', '/health')).toMatchObject({ status: 200, body: { database: 'error' } })
  })

  test('its return is noticed by everyone, without help', async () => {
    await postgresGate.open()
    const recovered: Record<string, () => Promise<boolean>> = {
      'write as a known key': async () =>
        (await known.request('PUT', '/v1/agents/written', { display_name: 'back' })).status === 200,
      'write as a new key': async () =>
        (await unknown.request('PUT', '/v1/agents/written', { display_name: 'back' })).status === 200,
      chat: async () => (await chat(known)).status === 200,
      traces: async () => (await known.request('GET', '/v1/traces')).status === 200,
      'readiness of agents': async () => (await fetch(mesh.probe('agents-1', '/readyz'))).ok,
      'readiness of the services': async () => (await fetch(mesh.probe('services-1', '/readyz'))).ok,
    }
    await Promise.all(Object.entries(recovered).map(([what, look]) => eventually(what, look)))
  })

  test('the session of the run that was interrupted goes on', async () => {
    const { content } = await known.need<{ content: string }>('POST', '/v1/agents/default/wake', {
      message: 'two',
      session_key: 'agent:default:interrupted',
    })
    expect(content).toBe('You said: two')
    const { messages } = await sessionOf(known, 'agent:default:interrupted')
    expect(messages.map(({ content }) => content)).toEqual(['one', 'two', 'You said: two'])
  })
})

describe('while Redis', () => {
  afterEach(() => redisGate.open())

  /** Starts runs as a new user, all at once so that no token comes back meanwhile, and says how they were answered. */
  const statuses = async (userId: string, count: number): Promise<number[]> => {
    const api = mesh.api(0, userId)
    return Promise.all(Array.from({ length: count }, async () => (await chat(api)).status))
  }

  test.each([
    ['is away', 'gone', () => redisGate.shut()],
    ['hangs', 'hung', async () => redisGate.stall()],
  ])('%s, requests go on and are still limited', async (_how, userId, leave) => {
    expect(await statuses(`before ${userId}`, 2)).toEqual([200, 200])
    await leave()
    const answers = await statuses(userId, burst + 10)
    const count = (wanted: number) => answers.filter((status) => status === wanted).length
    expect(count(200)).toBeGreaterThanOrEqual(burst)
    expect(count(429)).toBeGreaterThan(0)
    expect(count(200) + count(429)).toBe(burst + 10)
    expect((await fetch(mesh.probe('gateway-1', '/readyz'))).status).toBe(200)
  })

  test('comes back, its counts are shared again', async () => {
    const { Redis } = await import('ioredis')
    const client = new Redis(redis.url)
    const keys = async () => (await client.keys('clawmesh:limit:*')).filter((key) => key.includes('returned'))
    let n = 0
    await eventually('a count in Redis', async () => {
      await chat(mesh.api(0, `returned ${n++}`))
      return (await keys()).length > 0
    })
    client.disconnect()
  })
})
