/** What clawgo's consoles ask of an edge: over HTTP, over WebSockets that only send, with their own ways to authenticate. */
import { createLogger, newId, serveLogs, tailOf, type Logger } from '@clawmesh/chassis'
import { eventSubject, masterTenantId, type ApiKeyScope, type EventName } from '@clawmesh/contracts'
import { ChannelsServiceService } from '@clawmesh/contracts/gen/clawmesh/channels/v1/channels.ts'
import { WebSocket, type ClientOptions } from 'ws'
import { fakeRpc } from '../../test/support/fake-rpc.ts'
import { testIdentity } from '../../test/support/identity.ts'
import { rule } from '../../test/support/rule.ts'
import { startServices, testCaller, type ServiceHarness } from '../../test/support/service-harness.ts'
import { openWs } from '../../test/support/ws-client.ts'
import { bearer, call } from './support/call.ts'
import { gatewayToken, startGateway, type StartedGateway } from './support/gateway.ts'

type Body = Record<string, any>

const pages = 'https://console.example'
let harness: ServiceHarness
let edge: StartedGateway
let log: Logger
let stopServing: () => void
let channelsAreAway = false
const open: Live[] = []

beforeAll(async () => {
  harness = await startServices({
    services: { identity: testIdentity() },
    standIns: [
      fakeRpc(ChannelsServiceService, {
        listPlatforms: async () => {
          if (channelsAreAway) throw new Error('away')
          return { channelTypes: ['feishu', 'telegram'] }
        },
      }),
    ],
  })
  const env = { GOCLAW_ALLOWED_ORIGINS: pages, CLAWMESH_WS_MAX_PER_IP: '10', CLAWMESH_TRUSTED_PROXIES: '127.0.0.1' }
  edge = await startGateway(harness.mesh, env, { recheckMs: 50 })
  log = createLogger({ level: 'debug', name: 'test', stream: { write: () => undefined } })
  stopServing = serveLogs(harness.bus, tailOf(log)!)
})
afterAll(async () => {
  stopServing()
  await edge.stop()
  await harness.stop()
})
afterEach(() => {
  channelsAreAway = false
  for (const { socket } of open.splice(0)) socket.terminate()
})

const systemOwner = testCaller({ role: 'owner', tenantId: masterTenantId, tenantSlug: 'master', userId: 'system' })
const asOwner = { ...bearer(gatewayToken), 'x-goclaw-user-id': 'system' }
const newTenant = async () =>
  (await harness.request<{ id: string }>(systemOwner, 'POST', '/v1/tenants', { name: `t ${newId()}` })).body.id
const newKey = async (tenantId: string, scope: ApiKeyScope) => {
  const made = await harness.request<Body>(systemOwner, 'POST', '/v1/api-keys', {
    name: 'k',
    scopes: [scope],
    tenant_id: tenantId,
  })
  return { id: made.body['id'] as string, key: made.body['key'] as string }
}
const get = (path: string, headers: Record<string, string> = asOwner) => call(edge.port, path, { headers })

/** A connection that only receives. */
interface Live {
  socket: WebSocket
  frames: Body[]
  /** The first frame that came or comes, and fits. */
  frame: (fits: (frame: Body) => boolean) => Promise<Body>
  closed: Promise<number>
}
/** @throws Error with status and body of a refused upgrade */
const openLive = (path: string, options: ClientOptions = { headers: asOwner }): Promise<Live> =>
  new Promise((resolve, reject) => {
    const socket = new WebSocket(`ws://127.0.0.1:${edge.port}${path}`, options)
    const frames: Body[] = []
    const waiting = new Set<() => void>()
    const frame: Live['frame'] = (fits) =>
      new Promise((found) => {
        const look = () => {
          const known = frames.find(fits)
          if (known !== undefined) found(known)
        }
        waiting.add(look)
        look()
      })
    const live = { socket, frames, frame, closed: new Promise<number>((gone) => socket.once('close', gone)) }
    socket.on('message', (data) => {
      frames.push(JSON.parse((data as Buffer).toString()) as Body)
      for (const look of waiting) look()
    })
    socket.on('error', reject)
    socket.on('unexpected-response', (_request, response) => {
      let body = ''
      response.on('data', (chunk: Buffer) => (body += chunk.toString()))
      response.on('end', () => reject(new Error(`${response.statusCode} ${response.headers['content-type']} ${body}`)))
    })
    socket.once('open', () => {
      open.push(live)
      resolve(live)
    })
  })
const loggedAs = (text: string) => (frame: Body) => frame['entry']?.msg === text

describe('GET /api/version', () => {
  rule('getVersion.listsPlatforms', async () => {
    const answer = await get('/api/version')
    expect(answer.json()).toEqual({
      ok: true,
      gateway_version: expect.any(String),
      compiled_channels: ['feishu', 'telegram'],
    })
  })
  rule('getVersion.answersWithoutChannels', async () => {
    channelsAreAway = true
    const answer = await get('/api/version')
    expect([answer.status, answer.json()['compiled_channels']]).toEqual([200, []])
  })
  rule('getVersion.takesTheCredentialAnywhere', async () => {
    const right: [string, Record<string, string>][] = [
      ['', bearer(gatewayToken)],
      [`?token=${encodeURIComponent(gatewayToken)}`, {}],
      ['', { cookie: `theme=dark; clawgo_webui_token=${encodeURIComponent(gatewayToken)}` }],
      ['', { referer: `http://127.0.0.1:${edge.port}/?token=${encodeURIComponent(gatewayToken)}` }],
    ]
    for (const [query, headers] of right) expect((await get(`/api/version${query}`, headers)).status).toBe(200)
    // What is first of them counts, and what is wrong there is not mended by the next.
    const cookie = { cookie: `clawgo_webui_token=${encodeURIComponent(gatewayToken)}` }
    expect((await get('/api/version', { ...bearer('wrong'), ...cookie })).status).toBe(401)
    expect((await get('/api/version?token=wrong', cookie)).status).toBe(401)
    // Elsewhere neither counts.
    expect((await get('/v1/agents', cookie)).status).toBe(401)
  })
  rule('getVersion.guardsCookies', async () => {
    const cookie = { cookie: `clawgo_webui_token=${encodeURIComponent(gatewayToken)}` }
    const own = `http://127.0.0.1:${edge.port}`
    const host = { host: `127.0.0.1:${edge.port}` }
    for (const origin of [own, pages])
      expect((await get('/api/version', { ...host, ...cookie, origin })).status).toBe(200)
    for (const origin of ['https://evil.example', 'null', `${own}0`]) {
      expect((await get('/api/version', { ...host, ...cookie, origin })).status).toBe(401)
      const upgrade = openLive('/api/events/live', { headers: cookie, origin })
      await expect(upgrade).rejects.toThrow(/^401 text\/plain; charset=utf-8 unauthorized\n$/)
    }
    await expect(openLive('/api/events/live', { headers: cookie })).rejects.toThrow('401')
    await (await openLive('/api/events/live', { headers: cookie, origin: own })).frame(({ type }) => type === 'ready')
  })
  rule('getVersion.speaksPlainText', async () => {
    const { key } = await newKey(await newTenant(), 'operator.read')
    for (const [path, headers, method, expected] of [
      ['/api/version', {}, 'GET', [401, 'unauthorized\n']],
      ['/api/version', asOwner, 'POST', [405, 'method not allowed\n']],
      ['/api/nothing', asOwner, 'GET', [404, '404 page not found\n']],
      ['/api/logs/recent', bearer(key), 'GET', [403, 'forbidden\n']],
    ] as const) {
      const answer = await call(edge.port, path, { headers, method })
      expect([answer.status, answer.text]).toEqual(expected)
      expect(answer.headers['content-type']).toBe('text/plain; charset=utf-8')
    }
  })
})

describe('GET /api/logs/recent', () => {
  const recent = async (query = '', headers: Record<string, string> = asOwner) =>
    (await get(`/api/logs/recent${query}`, headers)).json()['logs'] as Body[]

  rule('getRecentLogs.limitsTheRecords', async () => {
    for (let at = 0; at < 230; at++) log.info(`line ${at}`)
    const lines = (from: number) => Array.from({ length: 230 - from }, (_, at) => `line ${from + at}`)
    for (const [query, from] of [
      ['', 220],
      ['?limit=3', 227],
      ['?limit=500', 30],
      ['?limit=0', 220],
      ['?limit=-4', 220],
      ['?limit=many', 220],
    ] as const)
      expect((await recent(query)).map(({ msg }) => msg as string)).toEqual(lines(from))
  })
  rule('getRecentLogs.listsTheOldestFirst', async () => {
    for (const level of ['debug', 'error', 'info', 'warn'] as const) log[level](`of ${level}`)
    expect((await recent('?limit=4')).map(({ msg }) => msg as string)).toEqual([
      ...['of debug', 'of error', 'of info', 'of warn'],
    ])
  })
  rule('getRecentLogs.showsAdminsTheirTenants', async () => {
    const tenantId = await newTenant()
    const { key } = await newKey(tenantId, 'operator.admin')
    log.warn({ tenantId }, 'their own')
    log.warn({ tenantId: newId() }, 'of another')
    expect((await recent('', bearer(key))).map(({ msg }) => msg as string)).toEqual(['their own'])
    expect((await recent('?limit=2')).map(({ msg }) => msg as string)).toEqual(['their own', 'of another'])
  })
  rule('getRecentLogs.namesTimeAndTextTwice', async () => {
    log.error({ part: 'bus' }, 'broken')
    const [record] = await recent('?limit=1')
    expect(record).toMatchObject({ level: 'ERROR', msg: 'broken', message: 'broken', component: 'bus' })
    expect(record!['time']).toBe(record!['timestamp'])
  })
  rule('getRecentLogs.hidesSecrets', async () => {
    log.error({ apiKey: 'a secret' }, 'broken')
    expect((await recent('?limit=1'))[0]!['fields']).toEqual({ apiKey: '***' })
  })
})

describe('the sockets', () => {
  rule('openLogsLive.startsAtTheEnd', async () => {
    log.info('before')
    const live = await openLive('/api/logs/live')
    log.info('after')
    expect(await live.frame(loggedAs('after'))).toMatchObject({ ok: true, type: 'log_entry', entry: { level: 'INFO' } })
    expect(live.frames.find(loggedAs('before'))).toBeUndefined()
  })
  rule('openLogsLive.showsAdminsTheirTenants', async () => {
    const tenantId = await newTenant()
    const { key } = await newKey(tenantId, 'operator.admin')
    const live = await openLive(`/api/logs/live?token=${key}`, {})
    log.info("nobody's")
    log.info({ tenantId }, 'their own')
    await live.frame(loggedAs('their own'))
    expect(live.frames).toHaveLength(1)
  })
  rule('openLogsLive.endsWithTheCredential', async () => {
    const tenantId = await newTenant()
    const { id, key } = await newKey(tenantId, 'operator.admin')
    const live = await openLive('/api/logs/live', { headers: bearer(key) })
    const admin = testCaller({ role: 'admin', tenantId, credential: 'gateway-token' })
    expect((await harness.request(admin, 'POST', `/v1/api-keys/${id}/revoke`)).status).toBe(200)
    expect(await live.closed).toBe(4401)
  })
  rule('openLogsLive.refusesPlainRequests', async () => {
    const { status, text, headers } = await get('/api/logs/live')
    expect([status, text, headers['content-type']]).toEqual([
      400,
      'this path is for WebSocket connections\n',
      'text/plain; charset=utf-8',
    ])
  })
  rule('openEventsLive.saysThatItIsReady', async () => {
    const live = await openLive('/api/events/live')
    live.socket.send('{"anything": true}')
    await live.frame(({ type }) => type === 'ready')
    expect(live.frames).toEqual([{ type: 'ready' }])
  })
  rule('openEventsLive.tellsChanges', async () => {
    const tenantId = await newTenant()
    const { key } = await newKey(tenantId, 'operator.read')
    const live = await openLive('/api/events/live', { headers: bearer(key) })
    await live.frame(({ type }) => type === 'ready')
    const tell = (name: EventName, of: string) => harness.bus.signal(eventSubject(name, of), {})
    tell('providerUpdated', newId())
    const admin = testCaller({ role: 'admin', tenantId, credential: 'gateway-token' })
    await harness.request(admin, 'PUT', '/v1/system-configs/a.key', { value: 'b' })
    await live.frame(({ source }) => source === 'webui')
    tell('providerUpdated', tenantId)
    await live.frame(({ source }) => source === 'provider')
    expect(live.frames.map(({ type, source }) => [type, source])).toEqual([
      ['ready', undefined],
      ['config_changed', 'webui'],
      ['config_changed', 'provider'],
    ])
  })
  rule('openEventsLive.endsWithTheCredential', async () => {
    const leaving = await startGateway(harness.mesh)
    const socket = new WebSocket(`ws://127.0.0.1:${leaving.port}/api/events/live`, { headers: asOwner })
    await new Promise((opened) => socket.once('message', opened))
    const closed = new Promise((gone) => socket.once('close', gone))
    await leaving.stop()
    expect(await closed).toBe(1001)
  })
  rule('openEventsLive.refusesStrangers', async () => {
    const { key } = await newKey(await newTenant(), 'operator.read')
    await expect(openLive('/api/events/live', {})).rejects.toThrow('401 text/plain; charset=utf-8 unauthorized\n')
    const tooLow = openLive('/api/logs/live', { headers: bearer(key) })
    await expect(tooLow).rejects.toThrow('403 text/plain; charset=utf-8 forbidden\n')
  })
  it('has a limit for each address', async () => {
    for (let at = 0; at < 10; at++) await openLive('/api/events/live')
    await expect(openLive('/api/events/live')).rejects.toThrow('429')
  })
})

describe('GET /ws', () => {
  rule('openWebSocket.isOpenToAnybody', async () => {
    const client = await openWs(edge.port)
    expect(await client.ask('health')).toMatchObject({ ok: false, error: { code: 'UNAUTHORIZED' } })
    await client.close()
  })
  rule('openWebSocket.checksTheOrigin', async () => {
    for (const options of [{}, { origin: pages }]) await (await openWs(edge.port, options)).close()
    await expect(openWs(edge.port, { origin: 'https://evil.example' })).rejects.toThrow(/^403 /)
  })
  rule('openWebSocket.limitsFrames', async () => {
    const client = await openWs(edge.port)
    client.send('x'.repeat(524_289))
    expect((await client.closed).code).toBe(1009)
  })
  rule('openWebSocket.limitsAnAddress', async () => {
    const from = (address: string) => openWs(edge.port, { headers: { 'x-forwarded-for': address } })
    const clients = await Promise.all(Array.from({ length: 10 }, () => from('192.0.2.1')))
    await expect(from('192.0.2.1')).rejects.toThrow(/^429 /)
    clients.push(await from('192.0.2.2'), await openWs(edge.port))
    for (const client of clients) await client.close()
  })
  rule('openWebSocket.refusesPlainRequests', async () => {
    const { status, json } = await get('/ws', {})
    expect([status, json()['code']]).toEqual([400, 'INVALID_REQUEST'])
  })
})
