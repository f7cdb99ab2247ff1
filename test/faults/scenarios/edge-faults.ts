/**
 * What the edge does while something behind it is away, with traffic on: who is known goes on, what cannot be done is 503
 * with Retry-After, nobody is refused by mistake, readiness tells the truth, and all is well again without help. Prints
 * the table of it.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { createDatabase, type TestDatabase } from '../../support/database.ts'
import { dependencyUrl } from '../../support/dependencies.ts'
import { eventually } from '../../support/eventually.ts'
import type { Api } from '../../support/mesh-api.ts'
import { openTcpProxy, type TcpProxy } from '../../support/tcp-proxy.ts'
import { meshStartLimitMs, ownerId, startMesh, type Mesh } from '../../support/mesh-processes.ts'
import { startNats, type NatsHandle } from '../../support/nats.ts'
import { startRedis, type RedisHandle } from '../../support/redis.ts'

export interface EdgeFaultTimes {
  redisMs: number
  natsMs: number
  postgresMs: number
  identityMs: number
  gatewayMs: number
  /** How soon all must be well again; undefined says nothing of it, on machines that do other work as well. */
  recoveryLimitMs?: number
}

const pauseMs = 25
const unseenKeys = 400

const asks = ['read', 'write', 'chat', 'a key not seen before', 'a wrong key'] as const
type Ask = (typeof asks)[number]
/** How a request ended: its status, `503` only with Retry-After, or that there was no answer. */
type Ending = string

interface Row {
  fault: string
  awayMs: number
  endings: Record<Ask, Record<Ending, number>>
  readiness: Record<string, string>
  recoveredMs: number
}

let database: TestDatabase
let redis: RedisHandle
let nats: NatsHandle
let gates: { postgres: TcpProxy; redis: TcpProxy; nats: TcpProxy }
let mesh: Mesh
let known: Api
let unseen: string[]
const rows: Row[] = []

const behind = (url: string, { port }: TcpProxy): string =>
  Object.assign(new URL(url), { hostname: '127.0.0.1', port: String(port) }).href

const setUp = async (): Promise<void> => {
  ;[database, redis, nats] = await Promise.all([createDatabase('edge_faults'), startRedis(), startNats()])
  const { hostname, port } = new URL(dependencyUrl('postgres'))
  const [postgresGate, redisGate, natsGate] = await Promise.all([
    openTcpProxy(hostname, Number(port)),
    openTcpProxy('127.0.0.1', redis.port),
    openTcpProxy('127.0.0.1', nats.port),
  ])
  gates = { postgres: postgresGate, redis: redisGate, nats: natsGate }
  mesh = await startMesh({
    gateways: 2,
    databaseUrl: behind(database.url, gates.postgres),
    redisUrl: behind(redis.url, gates.redis),
    natsUrl: `nats://127.0.0.1:${gates.nats.port}`,
    // A limit far away, and caches that grow old while their source is away.
    env: { CLAWMESH_RATE_LIMIT_RPM: '600000', CLAWMESH_RATE_LIMIT_BURST: '100000', CLAWMESH_CACHE_TTL_MS: '2000' },
  })
  const owner = mesh.api(0, ownerId)
  const newKey = async () =>
    (await owner.need<{ key: string }>('POST', '/v1/api-keys', { name: 'k', scopes: ['operator.admin'] })).key
  known = mesh.api().as({ token: await newKey() })
  await known.need('POST', '/v1/agents', { agent_key: 'written' })
  unseen = []
  while (unseen.length < unseenKeys) unseen.push(...(await Promise.all(Array.from({ length: 20 }, newKey))))
  await Promise.all(mesh.edges.map((url) => known.as({ url }).need('GET', '/v1/agents')))
}

const tearDown = async (): Promise<void> => {
  await mesh?.stop()
  await Promise.all(Object.values(gates ?? {}).map((gate) => gate.shut()))
  await Promise.all([redis?.stop('SIGKILL'), nats?.stop('SIGKILL')])
  await database?.drop()
}

const requests: Record<Ask, (url: string) => ReturnType<Api['request']>> = {
  read: (url) => known.as({ url }).request('GET', '/v1/agents'),
  write: (url) => known.as({ url }).request('PUT', '/v1/agents/written', { display_name: 'changed' }),
  chat: (url) =>
    known.as({ url }).request('POST', '/v1/chat/completions', {
      model: 'goclaw:default',
      messages: [{ role: 'user', content: 'hello' }],
    }),
  'a key not seen before': (url) => known.as({ url, token: unseen.pop() ?? '' }).request('GET', '/v1/agents'),
  'a wrong key': (url) => {
    const token = `goclaw_${crypto.randomUUID().replaceAll('-', '')}`
    return known.as({ url, token }).request('GET', '/v1/agents')
  },
}

const endingOf = async (ask: Ask, url: string): Promise<Ending> => {
  try {
    const { status, headers } = await requests[ask](url)
    return status === 503 && !(Number(headers.get('retry-after')) > 0) ? '503 without Retry-After' : String(status)
  } catch {
    return 'no answer'
  }
}

/** Asks everything through some edges, again and again, until told to stop. */
const traffic = (edges: readonly string[]) => {
  let stopped = false
  const endings = Object.fromEntries(asks.map((ask) => [ask, {}])) as Row['endings']
  const workers = asks.map(async (ask) => {
    for (let turn = 0; !stopped && (ask !== 'a key not seen before' || unseen.length > 40); turn++) {
      const ending = await endingOf(ask, edges[turn % edges.length]!)
      endings[ask][ending] = (endings[ask][ending] ?? 0) + 1
      await sleep(ask === 'a key not seen before' ? pauseMs * 20 : pauseMs)
    }
  })
  return {
    stop: async () => {
      stopped = true
      await Promise.all(workers)
      return endings
    },
  }
}

const readinessOf = async (names: readonly string[]): Promise<Record<string, string>> =>
  Object.fromEntries(
    await Promise.all(
      names.map(async (name) => [
        name,
        await fetch(mesh.probe(name, '/readyz')).then(
          ({ ok }) => (ok ? 'ready' : 'not ready'),
          () => 'gone',
        ),
      ]),
    ),
  )

interface Fault {
  name: string
  awayMs: number
  leave: () => Promise<unknown>
  comeBack: () => Promise<unknown>
  /** Edges that are asked meanwhile; default all. */
  edges?: () => readonly string[]
}

const endure = async ({ name, awayMs, leave, comeBack, edges = () => mesh.edges }: Fault): Promise<Row> => {
  await leave()
  const leftAt = performance.now()
  const load = traffic(edges())
  await sleep(Math.max(awayMs - 1_000, 500))
  const readiness = await readinessOf(['gateway-1', 'agents-1', 'identity'])
  await sleep(Math.max(0, awayMs - (performance.now() - leftAt)))
  const endings = await load.stop()
  await comeBack()
  const backAt = performance.now()
  await Promise.all(
    mesh.edges.flatMap((url) =>
      asks.map((ask) => {
        const wanted = ask === 'a wrong key' ? '401' : '200'
        const kind = ask === 'a key not seen before' && unseen.length < 10 ? 'read' : ask
        return eventually(`${ask} after ${name}`, async () => (await endingOf(kind, url)) === wanted)
      }),
    ),
  )
  await eventually(`readiness after ${name}`, async () =>
    Object.values(await readinessOf(mesh.names)).every((state) => state === 'ready'),
  )
  const row = { fault: name, awayMs, endings, readiness, recoveredMs: performance.now() - backAt }
  rows.push(row)
  return row
}

const shownEndings = (endings: Record<Ending, number>): string =>
  Object.entries(endings)
    .map(([ending, count]) => `${count} x ${ending}`)
    .join(', ')

const table = (): string =>
  rows
    .map(({ fault, awayMs, endings, readiness, recoveredMs }) =>
      [
        `${fault}, ${awayMs / 1000} s; well again after ${(recoveredMs / 1000).toFixed(1)} s`,
        ...asks.map((ask) => `  ${ask.padEnd(22)} ${shownEndings(endings[ask])}`),
        `  ${'readiness'.padEnd(22)} ${Object.entries(readiness)
          .map(([name, state]) => `${name} ${state}`)
          .join(', ')}`,
      ].join('\n'),
    )
    .join('\n')

const only = (endings: Record<Ending, number>): Ending[] => Object.keys(endings).sort()

/** The suite, with its faults lasting as long as told. */
export const edgeFaultTests = (times: EdgeFaultTimes): void => {
  const limitMs = 300_000
  const expectSoonWell = ({ recoveredMs }: Row): void =>
    expect(recoveredMs).toBeLessThan(times.recoveryLimitMs ?? Infinity)
  beforeAll(setUp, meshStartLimitMs + 60_000)
  afterAll(async () => {
    console.log(table())
    await tearDown()
  }, 60_000)

  const allWell = { read: ['200'], write: ['200'], chat: ['200'], unseen: ['200'], wrong: ['401'] }
  const seen = ({ endings }: Row) => ({
    read: only(endings.read),
    write: only(endings.write),
    chat: only(endings.chat),
    unseen: only(endings['a key not seen before']),
    wrong: only(endings['a wrong key']),
  })

  test(
    'without Redis everything goes on',
    async () => {
      const row = await endure({
        name: 'Redis gone',
        awayMs: times.redisMs,
        leave: gates.redis.shut,
        comeBack: gates.redis.open,
      })
      expect(seen(row)).toEqual(allWell)
      expectSoonWell(row)
    },
    limitMs,
  )

  test(
    'without NATS everything goes on, and what happened meanwhile is told afterwards',
    async () => {
      const traces = async () => (await known.need<{ total: number }>('GET', '/v1/traces?limit=1')).total
      const before = await traces()
      const row = await endure({
        name: 'NATS gone',
        awayMs: times.natsMs,
        leave: gates.nats.shut,
        comeBack: gates.nats.open,
      })
      expect(seen(row)).toEqual(allWell)
      expect(Object.values(row.readiness)).toEqual(['ready', 'ready', 'ready'])
      expectSoonWell(row)
      const turns = row.endings.chat['200']!
      await eventually('the traces of the runs meanwhile', async () => (await traces()) >= before + turns, 120_000)
      // Told to everyone at once again, not only when a cache expires.
      const key = await mesh
        .api(0, ownerId)
        .need<{ id: string; key: string }>('POST', '/v1/api-keys', { name: 'late', scopes: ['operator.read'] })
      const elsewhere = mesh.api(1).as({ token: key.key })
      await elsewhere.need('GET', '/v1/agents')
      await mesh.api(0, ownerId).need('DELETE', `/v1/api-keys/${key.id}`)
      await eventually('the revocation at the other edge', async () => {
        return (await elsewhere.request('GET', '/v1/agents')).status === 401
      })
    },
    limitMs + times.natsMs,
  )

  test(
    'without PostgreSQL what needs it is 503, and nobody is taken for a stranger',
    async () => {
      const row = await endure({
        name: 'PostgreSQL gone',
        awayMs: times.postgresMs,
        leave: gates.postgres.shut,
        comeBack: gates.postgres.open,
      })
      expect(seen(row)).toEqual({ read: ['503'], write: ['503'], chat: ['503'], unseen: ['503'], wrong: ['503'] })
      expect(row.readiness).toMatchObject({ 'agents-1': 'not ready', identity: 'not ready' })
      expectSoonWell(row)
    },
    limitMs,
  )

  test(
    'without identity whoever is known goes on, and others are asked to come back',
    async () => {
      const row = await endure({
        name: 'identity gone',
        awayMs: times.identityMs,
        leave: () => mesh.kill('identity'),
        comeBack: () => mesh.restart('identity'),
      })
      expect(seen(row)).toEqual({ ...allWell, unseen: ['503'], wrong: ['503'] })
      expect(row.readiness).toMatchObject({ identity: 'gone', 'agents-1': 'ready' })
      expectSoonWell(row)
    },
    limitMs,
  )

  test(
    'one edge killed is not noticed at the other',
    async () => {
      const row = await endure({
        name: 'one of two gateways killed',
        awayMs: times.gatewayMs,
        leave: () => mesh.kill('gateway-2'),
        comeBack: () => mesh.restart('gateway-2'),
        edges: () => mesh.edges.slice(0, 1),
      })
      expect(seen(row)).toEqual(allWell)
      expectSoonWell(row)
    },
    limitMs,
  )
}
