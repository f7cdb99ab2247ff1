/** Who is counted, at which rate, and what the answers say: edges over a real identity service and a real Redis. */
import { createLogger, newId, type HttpHandler } from '@clawmesh/chassis'
import { masterTenantId } from '@clawmesh/contracts'
import { IdentityServiceService } from '@clawmesh/contracts/gen/clawmesh/identity/v1/identity.ts'
import { testIdentity } from '../../test/support/identity.ts'
import { eventually } from '../../test/support/eventually.ts'
import { startRedis, type RedisHandle } from '../../test/support/redis.ts'
import { rule } from '../../test/support/rule.ts'
import { startServices, testCaller, type ServiceHarness } from '../../test/support/service-harness.ts'
import { createStartCounter } from '../src/limit/limit.ts'
import { createRateLimiter } from '../src/limit/limiter.ts'
import { createRateLookup } from '../src/limit/rate.ts'
import { bearer, call } from './support/call.ts'
import { gatewayToken, startGateway, type StartedGateway } from './support/gateway.ts'

const systemOwner = testCaller({ role: 'owner', tenantId: masterTenantId, tenantSlug: 'master', userId: 'system' })
/** Runs that wait to be let go, and how they are. */
const held = new Set<() => void>()
const letGo = () => {
  for (const end of held) end()
  held.clear()
}
/** Answers with the body of the request; runs that are told to hold wait for it. */
const answerAll: HttpHandler = (request, response) => {
  if (request.url!.endsWith('?hold')) held.add(() => response.end('{}'))
  else request.pipe(response)
}
const proxied = {
  CLAWMESH_RATE_LIMIT_RPM: '6',
  CLAWMESH_RATE_LIMIT_BURST: '2',
  CLAWMESH_TRUSTED_PROXIES: '127.0.0.0/8',
}

let redis: RedisHandle
let harness: ServiceHarness
let gateways: StartedGateway[]

beforeAll(async () => {
  redis = await startRedis()
  harness = await startServices({
    env: { REDIS_URL: redis.url },
    services: { identity: testIdentity() },
    standIns: [
      { name: 'agents', http: answerAll, parts: [] },
      { name: 'tools', http: answerAll, parts: [] },
    ],
  })
  gateways = await Promise.all([proxied, proxied, proxied].map((env) => startGateway(harness.mesh, env)))
})
afterAll(async () => {
  for (const gateway of gateways) await gateway.stop()
  await harness.stop()
  await redis.stop()
})

let users = 0
const freshUser = () => ({ ...bearer(gatewayToken), 'x-goclaw-user-id': `user-${Date.now()}-${users++}` })
const run = (headers: Record<string, string>, { port }: StartedGateway = gateways[0]!) =>
  call(port, '/v1/chat/completions', { method: 'POST', headers, body: '{}' })
const holdRun = (headers: Record<string, string>, { port }: StartedGateway = gateways[0]!) =>
  call(port, '/v1/chat/completions?hold', { method: 'POST', headers, body: '{}' })
const statuses = async (requests: readonly Record<string, string>[]) => {
  const answers = []
  for (const headers of requests) answers.push((await run(headers)).status)
  return answers
}
const createKey = async (): Promise<string> => {
  const body = { name: 'test', scopes: ['operator.write'] }
  return (await harness.request<{ key: string }>(systemOwner, 'POST', '/v1/api-keys', body)).body.key
}

it('three edges admit one burst between them', async () => {
  // On a machine too busy to hear Redis in time each grants a share by itself for a while: one at the least, so three.
  await eventually('one burst', async () => {
    const headers = freshUser()
    const answers = await Promise.all(Array.from({ length: 30 }, (_, i) => run(headers, gateways[i % 3])))
    const count = (wanted: number) => answers.filter(({ status }) => status === wanted).length
    expect(count(200) + count(429)).toBe(30)
    return count(200) === 2
  })
})

it('a user is counted over all credentials, else the credential is, whatever address they come from', async () => {
  const [one, other] = [await createKey(), await createKey()]
  const from = (address: string) => ({ 'x-forwarded-for': address })
  const user = freshUser()
  const byKey = { ...bearer(one), 'x-goclaw-user-id': user['x-goclaw-user-id'] }
  expect(await statuses([user, { ...byKey, ...from('192.0.2.1') }, user])).toEqual([200, 200, 429])

  const anonymous = [
    { ...bearer(one), ...from('192.0.2.1') },
    { ...bearer(one), ...from('192.0.2.2') },
    { ...bearer(one), ...from('192.0.2.3') },
  ]
  expect(await statuses([...anonymous, bearer(other)])).toEqual([200, 200, 429, 200])
})

describe('where only the address tells callers apart', () => {
  const forwarded = (...hops: string[]) => ({ 'x-forwarded-for': hops.join(', ') })
  const edge = async (env: Record<string, string>, requests: readonly Record<string, string>[]) => {
    const development = await startGateway(harness.mesh, { ...proxied, GOCLAW_GATEWAY_TOKEN: '', ...env })
    const answers = []
    for (const headers of requests) answers.push((await run(headers, development)).status)
    await development.stop()
    return answers
  }

  it('a trusted proxy is believed about it, and the client about nothing', async () => {
    const requests = [
      forwarded('203.0.113.1'),
      forwarded('8.8.8.8', '203.0.113.1'),
      forwarded('9.9.9.9', '203.0.113.1'),
      forwarded('203.0.113.1', '203.0.113.2'),
    ]
    expect(await edge({}, requests)).toEqual([200, 200, 429, 200])
  })

  it('an untrusted one is not', async () => {
    const requests = [forwarded('203.0.113.3'), forwarded('203.0.113.4'), forwarded('203.0.113.5')]
    expect(await edge({ CLAWMESH_TRUSTED_PROXIES: '' }, requests)).toEqual([200, 200, 429])
  })
})

it('the answers say how much is left, and the very pause after which a token is there', async () => {
  const headers = freshUser()
  const [first, second, refused] = [await run(headers), await run(headers), await run(headers)]
  expect(first.headers).toMatchObject({ 'ratelimit-limit': '2', 'ratelimit-remaining': '1', 'ratelimit-reset': '10' })
  expect(second.headers).toMatchObject({ 'ratelimit-limit': '2', 'ratelimit-remaining': '0' })
  expect(refused.headers).toMatchObject({ 'ratelimit-remaining': '0', 'x-should-retry': 'true' })
  const waitMs = Number(refused.headers['retry-after-ms'])
  expect(refused.headers['retry-after']).toBe(String(Math.ceil(waitMs / 1000)))
  expect(waitMs).toBeGreaterThan(0)
  expect(waitMs).toBeLessThanOrEqual(10_000)
  for (const { headers: shown } of [second, refused]) {
    expect(Number(shown['ratelimit-reset'])).toBeGreaterThan(10)
    expect(Number(shown['ratelimit-reset'])).toBeLessThanOrEqual(20)
  }
})

it('the pause is longer where a share of a low rate needs longer', async () => {
  const limiter = createRateLimiter(() => 3, '', createLogger({ level: 'silent', name: 'test' }))
  const oneAMinute = async () => ({ intervalMs: 60_000, burst: 1 })
  const count = createStartCounter(limiter.take, oneAMinute, { rateLimitBurst: () => 1 })
  const start = () => count('run', { caller: systemOwner, limitKey: 'user:slow' }, '192.0.2.1')
  await start()
  const { take } = (await start())!
  expect(take.allowed).toBe(false)
  expect(take.nextInMs).toBeGreaterThan(170_000)
  expect(take.nextInMs).toBeLessThanOrEqual(180_000)
})

rule('invokeTool.isCountedByItself', async () => {
  const headers = freshUser()
  const invoke = (body: string | undefined, chunked = false) =>
    call(gateways[0]!.port, '/v1/tools/invoke', {
      method: 'POST',
      headers: { ...headers, ...(chunked ? { 'transfer-encoding': 'chunked' } : {}) },
      ...(body === undefined ? {} : { body }),
    })
  for (let i = 0; i < 3; i++) {
    const dry = await invoke('{"tool":"x", "dryRun": true}', i === 2)
    expect([dry.status, dry.text]).toEqual([200, '{"tool":"x", "dryRun": true}'])
    expect(dry.headers).not.toHaveProperty('ratelimit-remaining')
  }
  const bodies = ['{"tool":"x","dryRun":false}', undefined, '{"tool":"dryRun"}', '{"dryRun":1}', '{dryRun']
  const answers = []
  for (const body of bodies) answers.push((await invoke(body)).status)
  expect(answers).toEqual([200, 200, 429, 429, 429])
  expect((await invoke('', true)).status).toBe(400)
  expect((await run(headers)).status).toBe(200)
  expect((await invoke('{"tool":"x","dryRun":true}')).status).toBe(200)
})

describe("an API key's own limits", () => {
  const keyWith = async (limits: object): Promise<{ id: string; key: string }> => {
    const body = { name: 'limited', scopes: ['operator.write'], ...limits }
    return (await harness.request<{ id: string; key: string }>(systemOwner, 'POST', '/v1/api-keys', body)).body
  }
  const asUser = (key: string) => ({ ...bearer(key), 'x-goclaw-user-id': `user-${users++}` })
  const change = (id: string, limits: object) => harness.request(systemOwner, 'PATCH', `/v1/api-keys/${id}`, limits)

  /** Nothing of the key is under way; giving back takes a moment. */
  const idle = (id: string) =>
    eventually('nothing under way', async () => {
      const { pool } = harness.mesh.database('identity')
      return (await pool.query('SELECT FROM identity.api_key_runs WHERE key_id = $1', [id])).rowCount === 0
    })

  rule('createApiKey.limitsRuns', async () => {
    const { id, key } = await keyWith({ rate_limit_rpm: 1 })
    expect(await statuses([asUser(key), asUser(key)])).toEqual([200, 429])
    expect((await run(asUser(key), gateways[1])).status).toBe(429)
    const [first] = [await run(asUser((await keyWith({ rate_limit_rpm: 60 })).key))]
    expect(first.headers['ratelimit-limit']).toBe('2')

    await change(id, { rate_limit_rpm: null, max_concurrent_runs: 2 })
    await eventually('no rate', async () => (await run(asUser(key))).status === 200)
    const waiting = [holdRun(asUser(key)), holdRun(asUser(key), gateways[1])]
    await eventually('both under way', async () => held.size === 2)
    const refused = await run(asUser(key), gateways[2])
    expect([refused.status, refused.json()]).toMatchObject([429, { error: { type: 'rate_limit_error' } }])
    expect(refused.headers).toMatchObject({ 'x-should-retry': 'true' })
    expect(refused.headers).not.toHaveProperty('retry-after')
    letGo()
    await Promise.all(waiting)
  })

  rule('createApiKey.givesRunsBack', async () => {
    const { id, key } = await keyWith({ max_concurrent_runs: 1 })
    const running = async () => (await run(asUser(key))).status
    const first = holdRun(asUser(key))
    await eventually('one under way', async () => held.size === 1)
    expect(await running()).toBe(429)
    letGo()
    await first
    await eventually('given back at its end', async () => (await running()) === 200)

    await idle(id)
    const leaving = new AbortController()
    const left = fetch(`http://127.0.0.1:${gateways[0]!.port}/v1/chat/completions?hold`, {
      method: 'POST',
      headers: asUser(key),
      body: '{}',
      signal: leaving.signal,
    }).catch(() => 'left')
    await eventually('another under way', async () => held.size === 1)
    expect(await running()).toBe(429)
    leaving.abort()
    expect(await left).toBe('left')
    await eventually('given back when its client hangs up', async () => (await running()) === 200)
    letGo()
    await idle(id)

    // What a gateway that was killed leaves behind.
    const dead = { keyId: id, runId: newId() }
    const identity = harness.rpc(IdentityServiceService)
    expect(await identity.holdKeyRun(harness.call(systemOwner), { ...dead, leaseMs: 1_000 })).toEqual({ held: true })
    expect(await running()).toBe(429)
    await eventually('given back when its lease is over', async () => (await running()) === 200)
  })
})

describe("a tenant's own rate", () => {
  const rpmPath = '/v1/system-configs/gateway.rate_limit_rpm'
  const tenantOf = async (slug: string) =>
    (await harness.request<{ id: string }>(systemOwner, 'POST', '/v1/tenants', { name: slug, slug })).body.id
  const set = (tenantId: string, value: string) =>
    harness.request(testCaller({ role: 'owner', tenantId, userId: 'system' }), 'PUT', rpmPath, { value })
  const resetIn = async (tenantId: string, gateway: StartedGateway) => {
    const headers = { ...bearer(gatewayToken), 'x-goclaw-user-id': 'system', 'x-goclaw-tenant-id': tenantId }
    return (await run(headers, gateway)).headers['ratelimit-reset']
  }

  it('goes before the configuration at every edge as soon as it is set, and for that tenant alone', async () => {
    const [mine, yours] = [await tenantOf('mine'), await tenantOf('yours')]
    for (const gateway of gateways) await resetIn(mine, gateway)
    expect(Number(await resetIn(mine, gateways[0]!))).toBeLessThanOrEqual(20)
    await set(mine, '1')
    for (const gateway of gateways) await eventually('minutes', async () => Number(await resetIn(mine, gateway)) > 60)
    expect(await resetIn(yours, gateways[0]!)).toBe('10')
  })

  it('switches the limit off with 0, and counts as not set when it is no number', async () => {
    const tenantId = await tenantOf('free')
    await set(tenantId, '0')
    await eventually('no limit', async () => (await resetIn(tenantId, gateways[1]!)) === undefined)
    for (const value of ['many', '1e9', '', ' 5', '99999999999']) {
      await set(tenantId, value)
      await eventually(
        `the configured limit for ${value}`,
        async () => (await resetIn(tenantId, gateways[1]!)) !== undefined,
      )
      await set(tenantId, '0')
      await eventually('no limit', async () => (await resetIn(tenantId, gateways[1]!)) === undefined)
    }
  })

  it('that cannot be learnt leaves the one of the configuration', async () => {
    const lines: string[] = []
    const log = createLogger({ level: 'warn', name: 'test', stream: { write: (line) => void lines.push(line) } })
    const away = { rateLimitRpm: () => Promise.reject(new Error('away')) }
    const rateOf = createRateLookup({ rateLimitRpm: () => 30, rateLimitBurst: () => 4 }, away, log)
    expect(await rateOf('t')).toEqual({ intervalMs: 2_000, burst: 4 })
    expect(lines).toHaveLength(1)
  })

  it('follows a configuration that changes', async () => {
    let rpm = 30
    const none = { rateLimitRpm: async () => undefined }
    const log = createLogger({ level: 'silent', name: 'test' })
    const rateOf = createRateLookup({ rateLimitRpm: () => rpm, rateLimitBurst: () => 4 }, none, log)
    expect(await rateOf('t')).toEqual({ intervalMs: 2_000, burst: 4 })
    for (const off of [0, -1]) {
      rpm = off
      expect(await rateOf('t')).toBeUndefined()
    }
  })
})
