/** Two gateways, two agents replicas, one of each of the rest, as processes over NATS. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { runEvent, runSubject, type RunEvent } from '@clawmesh/contracts'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { hangLimitMs } from '../support/limits.ts'
import { eventually } from '../support/eventually.ts'
import { sessionOf, tracesOf, type Api } from '../support/mesh-api.ts'
import { meshStartLimitMs, ownerId, startMesh, type Mesh } from '../support/mesh-processes.ts'
import { startNats, type NatsHandle } from '../support/nats.ts'

const cacheTtlMs = 3_000
/** How often what is to be quick is tried: a busy machine may be slow, but not every time. */
const tries = 3

let storeDir: string
let nats: NatsHandle
let mesh: Mesh

beforeAll(async () => {
  storeDir = await mkdtemp(join(tmpdir(), 'clawmesh-nats-'))
  nats = await startNats({ storeDir })
  // The first edge serves from the first agents replica and the second from the second.
  mesh = await startMesh({
    gateways: 2,
    agents: 2,
    pinned: true,
    natsUrl: nats.url,
    env: { CLAWMESH_CACHE_TTL_MS: String(cacheTtlMs) },
    // This one forgets only what it is told to forget.
    envOf: (name) => (name === 'gateway-2' ? { CLAWMESH_CACHE_TTL_MS: '600000' } : undefined),
  })
}, meshStartLimitMs)

afterAll(async () => {
  await mesh?.stop()
  await nats?.stop('SIGKILL')
  await rm(storeDir, { recursive: true, force: true })
})

afterEach(() => {
  mesh.upstream.rule = () => undefined
})

interface Key {
  id: string
  /** The edges, asked with the key. */
  edges: Api[]
  revoke: (edge: number) => Promise<unknown>
}

/** A new API key that both edges have seen and remember. */
const knownKey = async (name: string): Promise<Key> => {
  const admin = mesh.api(0, ownerId)
  const { id, key } = await admin.need<{ id: string; key: string }>('POST', '/v1/api-keys', {
    name,
    scopes: ['operator.write'],
    owner_id: 'alice',
  })
  const edges = mesh.edges.map((_, edge) => mesh.api(edge).as({ token: key }))
  for (const edge of edges) expect((await edge.request('GET', '/v1/agents')).status).toBe(200)
  return { id, edges, revoke: (edge) => mesh.api(edge, ownerId).need('POST', `/v1/api-keys/${id}/revoke`) }
}

/** Asks an edge until it refuses; milliseconds until the last request was sent that it still answered. */
const goodForMs = async (edge: Api, since: number): Promise<number> => {
  for (let goodMs = 0; ;) {
    const sentMs = performance.now() - since
    const { status } = await edge.request('GET', '/v1/agents')
    if (status === 401) return goodMs
    expect(status).toBe(200)
    goodMs = sentMs
    if (goodMs > hangLimitMs) throw new Error('a revoked key is still good')
    await sleep(20)
  }
}

const wake = (edge: number, sessionKey: string, message: string) =>
  mesh.api(edge).request<{ content: string; run_id: string }>('POST', '/v1/agents/default/wake', {
    message,
    session_key: sessionKey,
  })

test('a key revoked through one gateway is refused by the other within a second', async () => {
  for (const [through, other] of [
    [0, 1],
    [1, 0],
  ] as const) {
    const times: number[] = []
    for (let round = 0; round < tries; round++) {
      const key = await knownKey(`revoked through ${through}`)
      await key.revoke(through)
      times.push(await goodForMs(key.edges[other]!, performance.now()))
      expect((await key.edges[through]!.request('GET', '/v1/agents')).status).toBe(401)
    }
    expect(Math.min(...times)).toBeLessThan(1_000)
  }
})

describe('run events', () => {
  let subscriber: NatsConnection
  const seen: { subject: string; event: RunEvent }[] = []

  beforeAll(async () => {
    subscriber = await connect({ servers: mesh.natsUrl })
    subscriber.subscribe('mesh.runs.*.*', {
      callback: (_error, message) => {
        seen.push({ subject: message.subject, event: runEvent.parse(message.json()) })
      },
    })
    await subscriber.flush()
  })
  afterAll(() => subscriber?.close())

  test('events of a run on either replica reach a subscriber, in order, on the subject of the run', async () => {
    const { tenant_id: tenantId } = await mesh.api().need<{ tenant_id: string }>('GET', '/v1/agents/default')
    for (const edge of [0, 1]) {
      const session = `agent:default:events-${edge}`
      mesh.upstream.next(
        { toolCalls: [{ name: 'list_files', arguments: '{}' }] },
        { text: `answer number ${edge}`, chunks: 3 },
      )
      const { body } = await wake(edge, session, 'look around')
      const own = () => seen.filter(({ event }) => event.runId === body.run_id)
      await eventually('the last event', async () => own().some(({ event }) => event.type === 'run.completed'))

      expect(new Set(own().map(({ subject }) => subject))).toEqual(new Set([runSubject(tenantId, body.run_id)]))
      const types = own().map(({ event }) => event.type)
      expect(types[0]).toBe('run.started')
      expect(types.at(-1)).toBe('run.completed')
      expect(types.indexOf('tool.call')).toBeLessThan(types.indexOf('tool.result'))
      const text = own().map(({ event }) => (event.type === 'chunk' ? event.content : ''))
      expect(text.join('')).toBe(`answer number ${edge}`)
      expect(own().every(({ event }) => event.sessionKey === session)).toBe(true)
    }
  })
})

test('messages to one session at once are answered one after the other, whichever replicas they reach', async () => {
  const session = 'agent:default:crowded'
  const count = 6
  let open = 0
  let most = 0
  mesh.upstream.rule = () => {
    open++
    most = Math.max(most, open)
    setTimeout(() => open--, 90)
    return { headerDelayMs: 100 }
  }
  const before = mesh.upstream.requests.length
  const answers = await Promise.all(Array.from({ length: count }, (_, at) => wake(at % 2, session, `message ${at}`)))

  expect(answers.map(({ status }) => status)).toEqual(Array(count).fill(200))
  for (const [at, { body }] of answers.entries()) expect(body.content).toBe(`You said: message ${at}`)
  expect(most).toBe(1)
  // Each run was shown all turns before it, and the session holds them in the order in which they were answered.
  const asked = mesh.upstream.requests
    .slice(before)
    .map(({ body }) => (body as { messages: { role: string; content: string }[] }).messages)
  expect(asked.map((messages) => messages.length)).toEqual(Array.from({ length: count }, (_, at) => 2 + 2 * at))
  const { messages } = await sessionOf(mesh.api(), session)
  expect(messages.map(({ role }) => role)).toEqual(Array.from({ length: count }, () => ['user', 'assistant']).flat())
  expect(asked.at(-1)!.slice(1)).toEqual(
    messages.slice(0, -1).map(({ role, content }) => expect.objectContaining({ role, content })),
  )
})

test('a request that waits for its turn gives up when its client leaves, and the next one is served', async () => {
  const session = 'agent:default:impatient'
  mesh.upstream.next({ text: 'first', headerDelayMs: 3_000 })
  const before = mesh.upstream.requests.length
  const first = wake(0, session, 'one')
  await eventually('the first run', async () => mesh.upstream.requests.length > before)
  const leaver = fetch(`${mesh.edges[1]}/v1/agents/default/wake`, {
    method: 'POST',
    headers: { ...mesh.api().headers, 'content-type': 'application/json' },
    body: JSON.stringify({ message: 'two', session_key: session }),
    signal: AbortSignal.timeout(150),
  })
  await expect(leaver).rejects.toThrow()
  const third = wake(1, session, 'three')
  expect((await first).status).toBe(200)
  expect((await third).body.content).toBe('You said: three')
  const { messages } = await sessionOf(mesh.api(), session)
  expect(messages.map(({ content }) => content)).toEqual(['one', 'first', 'three', 'You said: three'])
})

describe('while NATS is away', () => {
  const session = 'agent:default:without-nats'
  let cached: Key
  let revoked: Key

  beforeAll(async () => {
    cached = await knownKey('kept')
    revoked = await knownKey('revoked without NATS')
    await nats.stop('SIGKILL')
  })

  test('every process stays ready, as it can serve, and says what it goes without', async () => {
    for (const name of mesh.names)
      await eventually(`${name} without the bus`, async () => {
        const response = await fetch(mesh.probe(name, '/readyz'))
        return response.status === 200 && (await response.text()).includes('"goesWithout":["bus"]')
      })
  })

  test('a revoked key is refused within the time that a cached one may live', async () => {
    const since = performance.now()
    await revoked.revoke(1)
    expect(await goodForMs(revoked.edges[0]!, since)).toBeLessThan(cacheTtlMs)
  })

  test('callers go on: known ones, new ones, and runs on both replicas', async () => {
    for (const edge of cached.edges) expect((await edge.request('GET', '/v1/agents')).status).toBe(200)
    const fresh = await knownKey('made without NATS')
    expect(fresh.edges).toHaveLength(2)
    for (const edge of [0, 1]) {
      const { status, body } = await wake(edge, session, `hello ${edge}`)
      expect({ status, content: body.content }).toEqual({ status: 200, content: `You said: hello ${edge}` })
    }
    expect(await tracesOf(mesh.api(), session)).toEqual([])
  })

  test('its return brings the events that waited, and empties the caches that were told nothing meanwhile', async () => {
    // Nothing told the second edge of the revocation yet, and it would remember the key for ten minutes.
    expect((await revoked.edges[1]!.request('GET', '/v1/agents')).status).toBe(200)
    nats = await startNats({ storeDir, port: nats.port })
    await eventually('the refusal', async () => (await revoked.edges[1]!.request('GET', '/v1/agents')).status === 401)
    for (const edge of cached.edges) expect((await edge.request('GET', '/v1/agents')).status).toBe(200)
    const traces = await eventually('both traces', async () => {
      const found = await tracesOf(mesh.api(), session)
      return found.length >= 2 && found
    })
    expect(traces.map(({ status }) => status)).toEqual(['completed', 'completed'])
    for (const name of mesh.names)
      await eventually(`${name} with the bus`, async () =>
        (await (await fetch(mesh.probe(name, '/readyz'))).text()).includes('"goesWithout":[]'),
      )
  })

  test('afterwards a revoked key is refused again by the edge that would remember it', async () => {
    await cached.revoke(0)
    await goodForMs(cached.edges[1]!, performance.now())
  })
})
