/** Requests with an Idempotency-Key over two edges, which share nothing but identity and its PostgreSQL. */
import { request as send, type IncomingMessage, type ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { loadConfigs, newId, createSecretBox, type Database, type Service } from '@clawmesh/chassis'
import type { MeshError } from '@clawmesh/contracts'
import { allRoutes, takesIdempotencyKey } from '@clawmesh/contracts'
import { identityConfig, identityService } from '@clawmesh/identity'
import { startServices, type ServiceHarness } from '../support/service-harness.ts'
import { readKey } from '../../gateway/src/idempotency/key.ts'
import { bareMesh } from '../../gateway/test/support/bare-mesh.ts'
import { bearer, call, type CallAnswer } from '../../gateway/test/support/call.ts'
import { gatewayToken, startGateway, type StartedGateway } from '../../gateway/test/support/gateway.ts'
import { eventually } from '../support/eventually.ts'

type Handle = (request: IncomingMessage, response: ServerResponse, body: string) => unknown

const leaseMs = 2_000
const json = (response: ServerResponse, status: number, body: object) =>
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))

let services: ServiceHarness
let edges: StartedGateway[]
let database: Database
/** What the agents service in this test does with a request. */
let handle: Handle
let runs: string[] = []

const agents: Service = {
  name: 'agents',
  parts: [],
  http: (request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString()
      runs.push(body)
      void handle(request, response, body)
    })
  },
}

beforeAll(async () => {
  const { identity: config } = loadConfigs({ identity: identityConfig }, {})
  services = await startServices({
    services: { identity: (mesh) => identityService(mesh, config) },
    standIns: [agents],
  })
  database = services.mesh.database('identity')
  const env = { CLAWMESH_RATE_LIMIT_RPM: '0', CLAWMESH_IDEMPOTENCY_LEASE_MS: String(leaseMs) }
  edges = [await startGateway(services.mesh, env), await startGateway(services.mesh, env)]
})
afterAll(async () => {
  for (const edge of edges) await edge.stop()
  await services.stop()
})
beforeEach(() => {
  runs = []
  handle = (_request, response) => json(response, 200, { run: runs.length })
})

const chat = '/v1/chat/completions'
interface Options {
  edge?: number
  user?: string
  body?: string
  path?: string
  token?: string
  headers?: Record<string, string>
}
const post = (key: string | undefined, options: Options = {}): Promise<CallAnswer> => {
  const { edge = 0, user = 'alice', body = '{"a":1}', path = chat, token = gatewayToken, headers = {} } = options
  return call(edges[edge]!.port, path, {
    method: 'POST',
    headers: {
      ...bearer(token),
      'x-goclaw-user-id': user,
      'content-type': 'application/json',
      ...(key === undefined ? {} : { 'idempotency-key': key }),
      ...headers,
    },
    body,
  })
}
const replayed = (answer: CallAnswer) => answer.headers['idempotency-replayed']
const rowCount = async () =>
  (await database.pool.query<{ count: number }>('SELECT count(*) AS count FROM identity.idempotency_keys')).rows[0]!
    .count

describe('a repeated request', () => {
  it('is answered what the first was, by any edge, and does not run again', async () => {
    const key = newId()
    const first = await post(key)
    expect([first.status, first.json(), replayed(first)]).toEqual([200, { run: 1 }, undefined])
    for (const edge of [0, 1]) {
      const again = await post(key, { edge })
      expect([again.status, again.json(), replayed(again)]).toEqual([200, { run: 1 }, 'true'])
      expect(again.headers['content-type']).toBe('application/json')
    }
    expect(runs).toEqual(['{"a":1}'])
  })

  it('gets an error of the first too, as the same request would fail again', async () => {
    handle = (_request, response) => json(response, 404, { error: 'no such agent' })
    const key = newId()
    await post(key)
    const again = await post(key)
    expect([again.status, again.json(), replayed(again), runs.length]).toEqual([
      404,
      { error: 'no such agent' },
      'true',
      1,
    ])
  })

  it('gets a stream of events as it was', async () => {
    handle = async (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' })
      for (const part of ['data: one\n\n', ': ping\n\n', 'data: [DONE]\n\n']) {
        response.write(part)
        await sleep(5)
      }
      response.end()
    }
    const key = newId()
    const first = await post(key)
    const again = await post(key, { edge: 1 })
    expect(first.text).toBe('data: one\n\n: ping\n\ndata: [DONE]\n\n')
    expect([again.text, again.headers['content-type'], again.headers['cache-control']]).toEqual([
      first.text,
      'text/event-stream',
      'no-cache',
    ])
    expect(runs).toHaveLength(1)
  })

  it.each([
    ['another body', { body: '{"a":2}' }],
    ['no body', { body: '' }],
    ['another query', { path: `${chat}?x=1` }],
  ])('with %s is refused, and changes nothing', async (_what, other) => {
    const key = newId()
    await post(key)
    const { status, json: body } = await post(key, { edge: 1, ...other })
    expect([status, body(), runs.length]).toEqual([422, expect.objectContaining({ error: expect.anything() }), 1])
    expect(replayed(await post(key))).toBe('true')
  })

  it.each([
    ['another user', { user: 'bob' }],
    ['another path', { path: '/v1/agents/default/wake' }],
  ])('of %s is another request', async (_what, other) => {
    const key = newId()
    await post(key)
    expect(replayed(await post(key, other))).toBeUndefined()
    expect(runs).toHaveLength(2)
  })

  it('may write its key with quotes or without', async () => {
    const key = newId()
    await post(`"${key}"`)
    expect(replayed(await post(key))).toBe('true')
  })
})

describe('at once', () => {
  it('exactly one of many over two edges runs, and the others are told to wait', async () => {
    for (let round = 0; round < 5; round++) {
      runs = []
      let go: () => void = () => undefined
      const gate = new Promise<void>((resolve) => (go = resolve))
      handle = async (_request, response) => {
        await gate
        json(response, 200, { done: true })
      }
      const key = newId()
      let waiting = 0
      const all = Array.from({ length: 12 }, (_, at) => post(key, { edge: at % 2 }).finally(() => waiting++))
      await eventually('eleven are refused', () => waiting === 11)
      go()
      const answers = await Promise.all(all)
      expect(answers.map(({ status }) => status).toSorted()).toEqual([200, ...Array.from({ length: 11 }, () => 409)])
      const [refused] = answers.filter(({ status }) => status === 409)
      expect(refused!.headers['retry-after']).toBe('1')
      expect(runs).toHaveLength(1)
    }
  })

  it('what runs longer than a lease keeps its key', async () => {
    const { promise: over, resolve: end } = Promise.withResolvers<void>()
    handle = async (_request, response) => {
      await over
      json(response, 200, { run: runs.length })
    }
    const key = newId()
    const first = post(key)
    await sleep(leaseMs * 2)
    expect((await post(key, { edge: 1 })).status).toBe(409)
    end()
    expect((await first).json()).toEqual({ run: 1 })
    expect(replayed(await post(key))).toBe('true')
  })
})

describe('an answer is not kept', () => {
  it.each([429, 500, 502, 503])('when it is %i, and the request may be tried again', async (status) => {
    handle = (_request, response) => json(response, status, { error: 'later' })
    const key = newId()
    expect((await post(key)).status).toBe(status)
    handle = (_request, response) => json(response, 200, { run: runs.length })
    const again = await post(key, { edge: 1 })
    expect([again.json(), replayed(again)]).toEqual([{ run: 2 }, undefined])
  })

  it('when the service broke off in the middle of it', async () => {
    handle = (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write('data: half')
      setTimeout(() => response.destroy(), 30)
    }
    const key = newId()
    expect((await post(key)).text).toMatch(/^data: half\n\ndata: \{"error":.*"code":"UNAVAILABLE".*\}\n\n$/)
    handle = (_request, response) => json(response, 200, { run: runs.length })
    expect((await post(key)).json()).toEqual({ run: 2 })
  })

  it('when it is over a mebibyte; a repeat says so and does not run', async () => {
    const large = 'x'.repeat(1_048_577)
    handle = (_request, response) => void response.writeHead(200, { 'content-type': 'text/plain' }).end(large)
    const key = newId()
    expect((await post(key)).text).toBe(large)
    expect((await post(key, { edge: 1 })).status).toBe(422)
    expect(runs).toHaveLength(1)
  })

  it('of a full mebibyte is', async () => {
    const full = 'y'.repeat(1_048_576)
    handle = (_request, response) => void response.end(full)
    const key = newId()
    await post(key)
    const again = await post(key)
    expect([again.text === full, replayed(again), runs.length]).toEqual([true, 'true', 1])
  })
})

describe('a client that leaves', () => {
  const leave = (key: string, { body, length = body.length }: { body: string; length?: number }) => {
    const sent = send({
      port: edges[0]!.port,
      host: '127.0.0.1',
      path: chat,
      method: 'POST',
      headers: {
        ...bearer(gatewayToken),
        'x-goclaw-user-id': 'alice',
        'content-type': 'application/json',
        'content-length': length,
        'idempotency-key': key,
      },
    })
    sent.on('error', () => undefined)
    sent.write(body)
    return sent
  }

  it('in the middle of a run does not end it, and gets its answer when it asks again', async () => {
    let cancelled = false
    const { promise: over, resolve: end } = Promise.withResolvers<void>()
    handle = async (_request, response) => {
      response.on('close', () => (cancelled ||= !response.writableFinished))
      await over
      json(response, 201, { key: 'shown once' })
    }
    const key = newId()
    const sent = leave(key, { body: '{"a":1}' })
    await eventually('the run has begun', () => runs.length === 1)
    sent.destroy()
    expect((await post(key, { edge: 1 })).status).toBe(409)
    end()
    let again: CallAnswer | undefined
    await eventually('the answer is there', async () => (again = await post(key, { edge: 1 })).status !== 409)
    expect([again!.status, again!.json(), replayed(again!)]).toEqual([201, { key: 'shown once' }, 'true'])
    expect([runs.length, cancelled]).toEqual([1, false])
  })

  it('in the middle of its body starts nothing, and may begin anew', async () => {
    const key = newId()
    const before = await rowCount()
    const sent = leave(key, { body: '{"a"', length: 7 })
    await eventually('the key is taken', async () => (await rowCount()) > before)
    sent.destroy()
    await eventually('the key is free', async () => (await rowCount()) === before)
    const answer = await post(key)
    expect([answer.status, replayed(answer), runs]).toEqual([200, undefined, ['{"a":1}']])
  })
})

it('while identity is away nothing runs that names a key, and the client is told when to try again', async () => {
  const mesh = bareMesh({ CLAWMESH_IDENTITY_GRPC_URL: 'ipv4:127.0.0.1:1', CLAWMESH_RPC_TIMEOUT_MS: '500' })
  mesh.join(agents)
  const edge = await startGateway(mesh, { CLAWMESH_RATE_LIMIT_RPM: '0' })
  const at = edges.push(edge) - 1
  try {
    const refused = await post(newId(), { edge: at, user: 'system' })
    expect([refused.status, refused.headers['retry-after'], runs.length]).toEqual([503, '1', 0])
    expect((await post(undefined, { edge: at, user: 'system' })).status).toBe(200)
  } finally {
    edges.pop()
    await edge.stop()
    await mesh.close()
  }
})

describe('keys', () => {
  it('of a gateway that was killed are free after their lease', async () => {
    const key = newId()
    await post(key)
    await database.pool.query(
      `UPDATE identity.idempotency_keys SET answer = NULL, lease_until = now() + interval '3 seconds'`,
    )
    expect((await post(key)).status).toBe(409)
    let again: CallAnswer | undefined
    await eventually('the lease is over', async () => (again = await post(key, { edge: 1 })).status !== 409)
    expect(again!.json()).toEqual({ run: 2 })
  })

  it('are free again after a day', async () => {
    const key = newId()
    await post(key)
    const { rows } = await database.pool.query<{ hours: number }>(
      'SELECT round(extract(epoch FROM max(expires_at) - now()) / 3600) AS hours FROM identity.idempotency_keys',
    )
    expect(rows[0]!.hours).toBe(24)
    await database.pool.query('UPDATE identity.idempotency_keys SET expires_at = now()')
    expect((await post(key)).json()).toEqual({ run: 2 })
  })

  it.each(['', '""', 'two words', '"open', 'a"b', '"a", "b"', 'é', 'x'.repeat(256), `"${'x'.repeat(256)}"`, '"a";p=1'])(
    'like %p are refused before anything runs',
    async (key) => {
      const { status } = await post(key, { headers: { 'idempotency-key': Buffer.from(key).toString('latin1') } })
      expect([status, runs.length]).toEqual([400, 0])
    },
  )

  it('are read the same however a client may write them', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[\x20-\x7e]{1,255}$/), (key) => {
        expect(readKey(`"${key.replace(/["\\]/g, '\\$&')}"`)).toBe(key)
      }),
    )
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (header) => {
        try {
          expect(readKey(header)).toMatch(/^[\x20-\x7e]{1,255}$/)
        } catch (thrown) {
          expect((thrown as MeshError).code).toBe('INVALID_REQUEST')
        }
      }),
    )
  })

  it('are honoured by what creates or starts, and nothing else', () => {
    const honouring = allRoutes
      .filter(({ definition }) => takesIdempotencyKey(definition))
      .map(({ operation }) => operation)
    expect(honouring).toEqual(
      expect.arrayContaining(['createApiKey', 'createTenant', 'createChatCompletion', 'createAgent']),
    )
    for (const { method, definition } of allRoutes.filter(({ definition: each }) => takesIdempotencyKey(each)))
      expect([method, definition.role === 'public']).toEqual(['POST', false])
    for (const other of ['revokeApiKey', 'listApiKeys', 'verifyProvider', 'searchMemory'])
      expect(honouring).not.toContain(other)
  })

  it('are not looked at elsewhere, nor anything kept where none is sent', async () => {
    const before = await rowCount()
    expect(replayed(await post(undefined))).toBeUndefined()
    const path = '/v1/sessions/agent:default:x/reset'
    for (let time = 0; time < 2; time++) expect(replayed(await post('two words', { path }))).toBeUndefined()
    expect([runs.length, await rowCount()]).toEqual([3, before])
  })
})

describe('an API key that is created', () => {
  const input = JSON.stringify({ name: 'once', scopes: ['operator.read'] })
  const options = { path: '/v1/api-keys', body: input, user: 'system' }

  it('is created once and shown again, and stands sealed in the table meanwhile', async () => {
    const key = newId()
    const first = await post(key, options)
    const again = await post(key, { ...options, edge: 1 })
    expect([first.status, again.status, again.text, replayed(again)]).toEqual([201, 201, first.text, 'true'])
    const secret = String(first.json()['key'])
    expect(secret).toMatch(/^goclaw_/)
    const { rows } = await database.pool.query<{ id: string; tenant_id: string; answer: string }>(
      'SELECT * FROM identity.idempotency_keys WHERE answer IS NOT NULL',
    )
    expect(JSON.stringify(rows)).not.toContain(secret)
    expect(JSON.stringify(rows)).not.toContain(key)
    const place = ({ id, tenant_id: tenantId }: { id: string; tenant_id: string }) => ({
      column: { table: 'idempotency_keys', column: 'answer' },
      tenantId,
      rowId: id,
    })
    const opened = rows.map((row) => createSecretBox(Buffer.alloc(32, 7)).open(row.answer, place(row)))
    const bodies = opened.map((text) => Buffer.from((JSON.parse(text) as { body: string }).body, 'base64').toString())
    expect(bodies.filter((body) => body.includes(secret))).toHaveLength(1)
  })

  it('is not shown to another credential of the same user', async () => {
    const maker = await post(undefined, { ...options, body: JSON.stringify({ name: 'a', scopes: ['operator.admin'] }) })
    const other = await post(undefined, { ...options, body: JSON.stringify({ name: 'b', scopes: ['operator.admin'] }) })
    const [one, two] = [String(maker.json()['key']), String(other.json()['key'])]
    const key = newId()
    const first = await post(key, { ...options, token: one })
    const second = await post(key, { ...options, token: two })
    expect([first.status, second.status, replayed(second)]).toEqual([201, 201, undefined])
    expect(second.json()['key']).not.toBe(first.json()['key'])
    expect(replayed(await post(key, { ...options, token: one }))).toBe('true')
  })
})
