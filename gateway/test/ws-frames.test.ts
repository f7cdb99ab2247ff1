/** What clients may put on the wire, and what becomes of connections that misbehave. */
import { connect as connectTcp } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { createWsMethods, implementWs, type Service } from '@clawmesh/chassis'
import { masterTenantId, runSubject, ws, wsResponse, type RunEvent } from '@clawmesh/contracts'
import { IdentityServiceService } from '@clawmesh/contracts/gen/clawmesh/identity/v1/identity.ts'
import { implementRpc } from '@clawmesh/chassis'
import { connectWs, openWs, type WsClient } from '../../test/support/ws-client.ts'
import { readManyFrames } from '../../test/faults/scenarios/ws-frame-bytes.ts'
import { bareMesh } from './support/bare-mesh.ts'
import { call } from './support/call.ts'
import { gatewayToken, startGateway, type StartedGateway } from './support/gateway.ts'

const never = () => Promise.reject(new Error('not asked here'))
/** Listings that are asked for wait for this. */
let held: Promise<void> = Promise.resolve()
let listed: { code: string }[] = []
let asked = 0
let aborted = 0

const identity: Service = {
  name: 'identity',
  parts: [],
  rpc: [
    implementRpc(IdentityServiceService, {
      resolveTenant: async () => ({
        found: true,
        id: masterTenantId,
        slug: 'master',
        name: 'Master',
        status: 'active',
      }),
      resolveApiKey: never,
      resolveMembership: never,
      listSystemConfigs: never,
      setSystemConfig: never,
      resolvePairing: never,
      requestPairing: never,
      bindPairing: never,
      leavePairing: never,
      getPairingRequest: never,
      holdKeyRun: never,
      releaseKeyRun: never,
      resolveOidcIssuer: never,
    }),
  ],
  ws: createWsMethods(
    [
      implementWs(ws.devicePairing)({
        'device.pair.request': never,
        'device.pair.approve': never,
        'device.pair.deny': never,
        'device.pair.revoke': never,
        'device.pair.list': async ({ call: { signal } }) => {
          asked++
          signal.addEventListener('abort', () => aborted++)
          await held
          return { pending: listed as never, paired: [] }
        },
      }),
    ],
    { checkResponses: false },
  ),
}

const mesh = bareMesh()
mesh.join(identity)
let edge: StartedGateway
const open = (options = {}) => openWs(edge.port, options)
const connected = () => connectWs(edge.port, { token: gatewayToken })
const invalid = { ok: false, error: { code: 'INVALID_REQUEST', retryable: false } }

beforeAll(async () => {
  edge = await startGateway(mesh, {}, { requestBurst: 3_000 })
})
afterAll(async () => {
  await edge.stop()
  await mesh.close()
})
afterEach(() => {
  held = Promise.resolve()
  listed = []
})

/** Until something holds; the tests' own limit ends it. */
const until = async (holds: () => boolean) => {
  while (!holds()) await sleep(5)
}

describe('a frame', () => {
  it('of any bytes is a request or says why it is none', () => {
    const { requests, refused } = readManyFrames(2_000)
    expect(requests).toBeGreaterThan(0)
    expect(refused).toBeGreaterThan(0)
  })

  it.each([
    ['no JSON', '{', ''],
    ['no object', '[]', ''],
    ['null', 'null', ''],
    ['empty', '', ''],
    ['of another type', JSON.stringify({ type: 'res', id: 'a', ok: true }), ''],
    ['without an id', JSON.stringify({ type: 'req', method: 'connect' }), ''],
    ['with an id of another type', JSON.stringify({ type: 'req', id: {}, method: 'connect' }), ''],
    ['without a method', JSON.stringify({ type: 'req', id: 'a' }), 'a'],
    ['with params that are no object', JSON.stringify({ type: 'req', id: 7, method: 'connect', params: [] }), 7],
    ['with a prototype key', '{"type":"req","id":"a","method":"connect","params":{"__proto__":{}}}', 'a'],
    ['nested too deeply', '['.repeat(100_000), ''],
  ])('%s is answered under the id that could be read, and the connection goes on', async (_what, text, id) => {
    const client = await open()
    client.send(text)
    expect(await client.nextResponse()).toMatchObject({ ...invalid, id })
    expect(await client.ask('connect', { token: gatewayToken })).toMatchObject({ ok: true })
    await client.close()
  })

  it('of binary JSON is as good as text; of binary that is no UTF-8 it is answered', async () => {
    const client = await open()
    client.send(
      Buffer.from(JSON.stringify({ type: 'req', id: 1, method: 'connect', params: { token: gatewayToken } })),
      true,
    )
    expect(await client.nextResponse()).toMatchObject({ id: 1, ok: true })
    client.send(Buffer.from([0xff, 0xfe, 0x00]), true)
    expect(await client.nextResponse()).toMatchObject({ ...invalid, id: '' })
    await client.close()
  })

  it('of text that is no UTF-8 ends the connection with 1007', async () => {
    const client = await open()
    client.send(Buffer.from([0xc3, 0x28]), false)
    expect(await client.closed).toMatchObject({ code: 1007 })
  })

  it('of more than 512 KiB ends the connection with 1009, one of just that does not', async () => {
    const client = await open()
    client.send(JSON.stringify('x'.repeat(524_288 - 2)))
    expect(await client.nextResponse()).toMatchObject({ ...invalid, id: '' })
    client.send(JSON.stringify('x'.repeat(524_288 - 1)))
    expect(await client.closed).toMatchObject({ code: 1009 })
  })

  it('with an id that is still being worked on is refused', async () => {
    const client = await connected()
    let release = () => undefined as void
    held = new Promise((resolve) => (release = resolve))
    const first = JSON.stringify({ type: 'req', id: 'same', method: 'device.pair.list' })
    client.send(first)
    client.send(first)
    await until(() => client.responses.length === 2)
    expect(client.responses[1]).toMatchObject({ ...invalid, id: 'same' })
    release()
    await until(() => client.responses.length === 3)
    expect(client.responses[2]).toMatchObject({ id: 'same', ok: true })
    client.send(first)
    await until(() => client.responses.length === 4)
    expect(client.responses[3]).toMatchObject({ id: 'same', ok: true })
    await client.close()
  })
})

describe('any bytes on the wire after the handshake', () => {
  it('end in an answer or a close, and never in the end of the edge', async () => {
    const handshake = [
      'GET /ws HTTP/1.1',
      'Host: localhost',
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==',
      '\r\n',
    ].join('\r\n')
    const endOf = (bytes: Uint8Array) =>
      new Promise<string>((resolve) => {
        let answer = ''
        const socket = connectTcp(edge.port, '127.0.0.1', () => {
          socket.write(handshake)
          socket.end(bytes)
        })
        socket.on('data', (chunk) => (answer += chunk.toString('latin1')))
        socket.on('error', () => undefined)
        socket.once('close', () => resolve(answer))
      })
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (bytes) => {
        expect(await endOf(bytes)).toContain('101 Switching Protocols')
      }),
      { numRuns: 60 },
    )
    await until(() => edge.service.connections() === 0)
    expect((await call(edge.port, '/health')).status).toBe(200)
  })
})

describe('before connect', () => {
  it('every other method is refused, declared or not, and only to those who are in it is unknown', async () => {
    const client = await open()
    for (const method of ['device.pair.list', 'browser.pairing.status', 'nothing', '__proto__', 'constructor'])
      expect(await client.ask(method, { sender_id: 'x' })).toMatchObject({ ok: false, error: { code: 'UNAUTHORIZED' } })
    await client.need('connect', { token: gatewayToken })
    for (const method of ['nothing', '__proto__', 'constructor', 'toString'])
      expect(await client.ask(method)).toMatchObject(invalid)
    await client.close()
  })

  it('a connection that says nothing is closed in time', async () => {
    const hasty = await startGateway(mesh, {}, { connectDeadlineMs: 100, sweepMs: 20 })
    const [silent, wrong, good] = await Promise.all([openWs(hasty.port), openWs(hasty.port), openWs(hasty.port)])
    await wrong.ask('connect', { token: 'wrong' })
    await good.need('connect', { token: gatewayToken })
    expect(await silent.closed).toMatchObject({ code: 4401 })
    expect(await wrong.closed).toMatchObject({ code: 4401 })
    expect(await good.ask('device.pair.list')).toMatchObject({ ok: true })
    await good.close()
    await hasty.stop()
  })
})

describe('opening', () => {
  it('is refused to pages of origins that are not listed; programs send none', async () => {
    const choosy = await startGateway(mesh, { GOCLAW_ALLOWED_ORIGINS: 'https://good.example' })
    await expect(openWs(choosy.port, { origin: 'https://evil.example' })).rejects.toThrow(/^403 .*UNAUTHORIZED/)
    for (const options of [{ origin: 'https://good.example' }, {}]) await (await openWs(choosy.port, options)).close()
    await (await open({ origin: 'https://anything.example' })).close()
    await choosy.stop()
  })

  it('is refused to pages of elsewhere while no token is set', async () => {
    const development = await startGateway(mesh, { GOCLAW_GATEWAY_TOKEN: '' })
    await expect(openWs(development.port, { origin: 'https://evil.example' })).rejects.toThrow(/^403 /)
    await expect(openWs(development.port, { headers: { host: 'evil.example' } })).rejects.toThrow(/^403 /)
    await (await openWs(development.port, { origin: `http://127.0.0.1:${development.port}` })).close()
    await development.stop()
  })

  it('is for /ws alone, with or without a query; plain requests there are told so', async () => {
    await (await open({ path: '/ws?x=1' })).close()
    await expect(open({ path: '/wsx' })).rejects.toThrow(/^404 /)
    await expect(open({ path: '/v1/agents' })).rejects.toThrow(/^401 /)
    const plain = await call(edge.port, '/ws')
    expect(plain).toMatchObject({ status: 400 })
    expect(plain.json()).toMatchObject({ code: 'INVALID_REQUEST' })
  })

  it('other upgrades are served as plain requests', async () => {
    const answer = await call(edge.port, '/health', {
      headers: { connection: 'Upgrade, HTTP2-Settings', upgrade: 'h2c' },
    })
    expect(answer.status).toBe(200)
  })

  it('stops at the caps of an address and of a user, and goes on when one has left', async () => {
    const small = await startGateway(mesh, { CLAWMESH_WS_MAX_PER_IP: '3', CLAWMESH_WS_MAX_PER_USER: '2' })
    const as = (user: string) => ({ token: gatewayToken, user_id: user })
    const first = await connectWs(small.port, as('alice'))
    await connectWs(small.port, as('alice'))
    const third = await openWs(small.port)
    expect((await third.ask('connect', as('alice'))).error).toMatchObject({
      code: 'RESOURCE_EXHAUSTED',
      retryable: true,
    })
    await expect(openWs(small.port)).rejects.toThrow(/^429 /)
    await first.close()
    expect(await third.ask('connect', as('alice'))).toMatchObject({ ok: true })
    await (await openWs(small.port)).close()
    await small.stop()
  })
})

describe('a client that is busy', () => {
  it('may make many requests at once, and is told when they are too many', async () => {
    const slow = await startGateway(mesh, {}, { requestBurst: 10, requestIntervalMs: 1_000 })
    const client = await connectWs(slow.port, { token: gatewayToken })
    const answers = await Promise.all(Array.from({ length: 20 }, () => client.ask('device.pair.list')))
    const refused = answers.filter(({ ok }) => !ok)
    expect(refused).toHaveLength(11)
    for (const { error } of refused)
      expect(error).toMatchObject({ code: 'RESOURCE_EXHAUSTED', retryable: true, retryAfterMs: expect.any(Number) })
    await client.close()
    await slow.stop()
  })

  it('has no more requests worked on than allowed', async () => {
    const client = await connected()
    let release = () => undefined as void
    held = new Promise((resolve) => (release = resolve))
    const answers = Promise.all(Array.from({ length: 80 }, () => client.ask('device.pair.list')))
    await until(() => client.responses.length === 1 + 16)
    release()
    expect((await answers).filter(({ ok }) => ok)).toHaveLength(64)
    await client.close()
  })

  it('cancels what it asked for when it goes', async () => {
    const client = await connected()
    held = new Promise(() => undefined)
    const before = aborted
    const asking = asked
    void client.ask('device.pair.list').catch(() => undefined)
    await until(() => asked > asking)
    client.socket.terminate()
    await until(() => aborted > before)
    await until(() => edge.service.connections() === 0)
  })
})

describe('a client that reads slowly', () => {
  const chunk = (content: string): RunEvent => ({
    type: 'chunk',
    content,
    runId: 'r',
    agentId: 'a',
    agentKey: 'helper',
    sessionKey: 'agent:helper:main',
    userId: 'alice',
    channel: 'http',
  })
  const publish = (content: string) => mesh.bus.signal(runSubject(masterTenantId, 'r'), chunk(content))

  it('misses events, which the numbers of those it gets show, while others miss none', async () => {
    const patient = await startGateway(mesh, {}, { writeDeadlineMs: 600_000, readDeadlineMs: 600_000 })
    const [slow, quick] = [
      await connectWs(patient.port, { token: gatewayToken }),
      await connectWs(patient.port, { token: gatewayToken }),
    ]
    slow.socket.pause()
    const content = 'x'.repeat(10_000)
    const numbers: number[] = []
    for (let sent = 0; sent < 8_000; sent++) {
      publish(content)
      if (sent % 100 === 99) await quick.event('agent', () => quick.events.at(-1)!.seq > sent)
      if (sent % 1_000 === 999) numbers.push(...quick.events.splice(0, quick.events.length - 1).map(({ seq }) => seq))
    }
    publish('last')
    await quick.event('agent', ({ payload }: { payload: { content: string } }) => payload.content === 'last')
    expect(numbers).toEqual(Array.from({ length: numbers.length }, (_, at) => at + 1))
    expect(numbers.length).toBeGreaterThan(7_000)
    slow.socket.resume()
    for (;;) {
      publish('after')
      if (slow.events.some(({ payload }) => (payload as { payload: { content: string } }).payload.content === 'after'))
        break
      await sleep(20)
    }
    const seen = slow.events.map(({ seq }) => seq)
    expect(slow.events.at(-1)!.seq).toBeGreaterThan(8_000)
    expect(seen.length).toBeLessThan(8_000)
    expect(seen).toEqual([...seen].sort((a, b) => a - b))
    expect(await slow.ask('device.pair.list')).toMatchObject({ ok: true })
    await Promise.all([slow.close(), quick.close()])
    await patient.stop()
  })

  it('never misses an answer alone: with too many of them waiting it loses its connection, with a code', async () => {
    const tight = await startGateway(
      mesh,
      {},
      { queueBytes: 1_000_000, requestBurst: 100_000, openRequests: 100_000, closeMs: 20_000, writeDeadlineMs: 20_000 },
    )
    const client = await connectWs(tight.port, { token: gatewayToken })
    listed = Array.from({ length: 2_000 }, () => ({ code: 'x'.repeat(500) }))
    client.socket.pause()
    const before = asked
    for (let id = 0; id < 200; id++) client.send(JSON.stringify({ type: 'req', id, method: 'device.pair.list' }))
    // Each answer is a megabyte: by now it is many times what may wait.
    await until(() => asked >= before + 100)
    client.socket.resume()
    expect(await client.closed).toMatchObject({ code: 1013 })
    // Up to there it has every answer, each whole.
    expect(client.responses.length).toBeGreaterThan(1)
    expect(client.responses.every((response) => wsResponse.parse(response).ok)).toBe(true)
    await tight.stop()
  })

  it('that takes nothing at all is cut off', async () => {
    const strict = await startGateway(mesh, {}, { writeDeadlineMs: 300, queueBytes: 50_000_000, queueFrames: 100_000 })
    const client = await connectWs(strict.port, { token: gatewayToken })
    client.socket.pause()
    const content = 'x'.repeat(100_000)
    for (let sent = 0; sent < 200; sent++) publish(content)
    await until(() => strict.service.connections() === 0)
    client.socket.terminate()
    await strict.stop()
  })
})

describe('a silent client', () => {
  it('is pinged and stays while it answers, and is cut off when it does not', async () => {
    const strict = await startGateway(mesh, {}, { pingEveryMs: 50, readDeadlineMs: 3_000, sweepMs: 20 })
    const alive = await connectWs(strict.port, { token: gatewayToken })
    const dead = await connectWs(strict.port, { token: gatewayToken }, { autoPong: false })
    expect(await dead.closed).toMatchObject({ code: 1006 })
    expect(await alive.ask('device.pair.list')).toMatchObject({ ok: true })
    await alive.close()
    await strict.stop()
  })
})

describe('an edge that leaves', () => {
  it('says so, takes nobody new, answers what is open, and closes with 1001', async () => {
    const leaving = await startGateway(mesh)
    const clients: WsClient[] = [
      await connectWs(leaving.port, { token: gatewayToken }),
      await connectWs(leaving.port, { token: gatewayToken }),
      await openWs(leaving.port),
    ]
    leaving.service.lameDuck!()
    for (const client of clients)
      expect(await client.event('shutdown')).toEqual({ type: 'event', event: 'shutdown', seq: 1 })
    await expect(openWs(leaving.port)).rejects.toThrow(/^503 /)
    let release = () => undefined as void
    held = new Promise((resolve) => (release = resolve))
    const before = asked
    const answer = clients[0]!.ask('device.pair.list')
    await until(() => asked > before)
    const stopped = leaving.stop()
    await sleep(50)
    expect(await clients[1]!.ask('device.pair.list')).toMatchObject({ ok: false, error: { code: 'UNAVAILABLE' } })
    expect(clients[0]!.socket.readyState).toBe(clients[0]!.socket.OPEN)
    release()
    expect(await answer).toMatchObject({ ok: true })
    for (const client of clients) expect(await client.closed).toMatchObject({ code: 1001 })
    await stopped
  })

  it('does not wait longer than it may for requests that do not end', async () => {
    const own = bareMesh({ CLAWMESH_DRAIN_TIMEOUT_MS: '200' })
    own.join(identity)
    const leaving = await startGateway(own)
    const client = await connectWs(leaving.port, { token: gatewayToken })
    held = new Promise(() => undefined)
    const before = asked
    void client.ask('device.pair.list').catch(() => undefined)
    await until(() => asked > before)
    await leaving.stop()
    expect(await client.closed).toMatchObject({ code: 1001 })
    await own.close()
  })
})
