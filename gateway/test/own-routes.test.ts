/** What the gateway answers itself, and how it treats requests before anyone else sees them. */
import { once } from 'node:events'
import { request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { implementRpc, type HttpHandler, type Service } from '@clawmesh/chassis'
import { allRoutes, events } from '@clawmesh/contracts'
import { IdentityServiceService } from '@clawmesh/contracts/gen/clawmesh/identity/v1/identity.ts'
import { createHealthHttp } from '../src/own/health.ts'
import { prefers } from '../src/own/prefers.ts'
import { bareMesh } from './support/bare-mesh.ts'
import { bearer, call, type CallOptions } from './support/call.ts'
import { gatewayToken, startGateway, type StartedGateway } from './support/gateway.ts'
import { findFreePort } from '../../test/support/free-port.ts'
import { rule, ruleName } from '../../test/support/rule.ts'

const origin = 'https://console.example'
let gateway: StartedGateway
let closeMesh: () => Promise<void>
let asked = 0

/** Answers every route of a service in this process. */
const inProcess = (name: Service['name'], http: HttpHandler): Service => ({ name, http, parts: [] })
let answer: HttpHandler

/** Identity as far as /health looks at it. */
const identity: Service = {
  name: 'identity',
  parts: [],
  rpc: [
    implementRpc(IdentityServiceService, {
      resolveTenant: async () => {
        asked++
        return { found: false, id: '', slug: '', name: '', status: '' }
      },
      resolveApiKey: async () => Promise.reject(new Error('not asked here')),
      resolveMembership: async () => Promise.reject(new Error('not asked here')),
      resolveOidcIssuer: async () => Promise.reject(new Error('not asked here')),
      listSystemConfigs: async () => Promise.reject(new Error('not asked here')),
      setSystemConfig: async () => Promise.reject(new Error('not asked here')),
      resolvePairing: async () => Promise.reject(new Error('not asked here')),
      requestPairing: async () => Promise.reject(new Error('not asked here')),
      bindPairing: async () => Promise.reject(new Error('not asked here')),
      leavePairing: async () => Promise.reject(new Error('not asked here')),
      getPairingRequest: async () => Promise.reject(new Error('not asked here')),
      holdKeyRun: async () => Promise.reject(new Error('not asked here')),
      releaseKeyRun: async () => Promise.reject(new Error('not asked here')),
    }),
  ],
}

beforeAll(async () => {
  const mesh = bareMesh()
  closeMesh = mesh.close
  mesh.join(identity)
  mesh.join(inProcess('traces', (incoming, response) => answer(incoming, response)))
  mesh.join(inProcess('agents', (incoming, response) => answer(incoming, response)))
  gateway = await startGateway(mesh, { GOCLAW_ALLOWED_ORIGINS: origin, CLAWMESH_VERSION: '9.8.7' })
})
afterAll(async () => {
  await gateway.stop()
  await closeMesh()
})
beforeEach(() => {
  answer = (_, response) => void response.end('{}')
})

const get = (path: string, headers: Record<string, string> = {}) => call(gateway.port, path, { headers })
const authorized = bearer(gatewayToken)

describe('/', () => {
  const browser = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8'

  rule('getIndex.sendsBrowsersToTheDocs', async () => {
    const { status, headers, text } = await get('/', { accept: browser })
    expect([status, headers.location, text]).toEqual([302, '/docs', ''])
    expect(headers['cache-control']).toBe('no-store')
  })

  it.each(['', '*/*', 'application/json', 'application/json, text/html', 'text/html;q=0.1, */*'])(
    ruleName('getIndex.isNothingToPrograms', '%j'),
    async (accept) => {
      const { status, json } = await get('/', accept === '' ? {} : { accept })
      expect([status, json()]).toMatchObject([404, { code: 'NOT_FOUND', retryable: false }])
    },
  )
})

describe('/health', () => {
  rule('getHealth.answersTheUnion', async () => {
    const { status, json } = await get('/health')
    expect(status).toBe(200)
    expect(json()).toEqual({
      status: 'ok',
      protocol: 3,
      uptime_ms: expect.any(Number),
      mode: 'managed',
      database: 'ok',
      version: '9.8.7',
    })
  })

  rule('getHealth.asksRarely', async () => {
    await Promise.all(Array.from({ length: 50 }, () => get('/health')))
    expect(asked).toBe(1)
  })

  it.each([
    ['/health?format=text', {}],
    ['/health', { accept: 'text/plain' }],
    ['/health', { accept: 'text/plain, application/json;q=0.5' }],
  ])(ruleName('getHealth.answersText', '%s %j'), async (path, headers) => {
    const answered = await get(path, headers)
    expect(answered.text).toBe('ok')
    expect(answered.headers['content-type']).toMatch(/^text\/plain/)
  })

  it.each(['*/*', 'application/json', 'text/html, */*;q=0.8', 'text/plain;q=0.5, application/json', 'garbage;;q=,'])(
    ruleName('getHealth.prefersJson', '%s'),
    (accept) => expect(prefers('text/plain', accept)).toBe(false),
  )

  rule('getHealth.ignoresOddFormats', async () => {
    for (const format of ['xml', '', 'TEXT']) {
      const { status, json } = await get(`/health?format=${format}`)
      expect([status, json()['status']]).toEqual([200, 'ok'])
    }
  })

  rule('getHealth.needsNoCredential', async () => {
    for (const headers of [{}, bearer('wrong'), authorized]) expect((await get('/health', headers)).status).toBe(200)
  })

  rule('getHealth.isNotRateLimited', async () => {
    const answers = await Promise.all(Array.from({ length: 100 }, () => get('/health')))
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
    expect(Object.keys(answers[0]!.headers).filter((name) => name.includes('ratelimit'))).toEqual([])
  })

  rule('getHealth.limitsTheWait', async () => {
    const waited: number[] = []
    const slow = createHealthHttp(
      {
        answers: async (limitMs) => {
          waited.push(limitMs)
          return false
        },
      },
      '9.8.7',
    )
    const input = { query: {}, headers: {} }
    expect(await slow.handlers['getHealth']!(input)).toMatchObject({ database: 'error' })
    expect(waited).toEqual([2_000])
  })

  rule('getHealth.answersHead', async () => {
    const { status, text } = await call(gateway.port, '/health', { method: 'HEAD' })
    expect([status, text]).toEqual([200, ''])
  })

  rule('getHealth.staysOkWithoutDatabase', async () => {
    const mesh = bareMesh({ CLAWMESH_IDENTITY_GRPC_URL: `127.0.0.1:${await findFreePort()}` })
    const alone = await startGateway(mesh)
    const { status, json } = await call(alone.port, '/health')
    expect(status).toBe(200)
    expect(json()).toMatchObject({ status: 'ok', database: 'error' })
    await alone.stop()
    await mesh.close()
  })

  rule('getHealth.hidesFailures', async () => {
    const mesh = bareMesh({ CLAWMESH_IDENTITY_GRPC_URL: `127.0.0.1:${await findFreePort()}` })
    const alone = await startGateway(mesh)
    const { json } = await call(alone.port, '/health')
    expect(Object.keys(json()).sort()).toEqual(['database', 'mode', 'protocol', 'status', 'uptime_ms', 'version'])
    expect(json()['database']).toBe('error')
    await alone.stop()
    await mesh.close()
  })
})

describe('the OpenAPI document', () => {
  rule('getOpenApiSpec.isTheSameUnderBothPaths', async () => {
    const [first, second] = [await get('/v1/openapi.json'), await get('/docs/openapi.json')]
    expect(first.text).toBe(second.text)
    expect(first.json()).toHaveProperty('openapi')
    for (const { status, headers } of [first, second]) {
      expect(status).toBe(200)
      expect(headers).toMatchObject({
        'access-control-allow-origin': '*',
        'cache-control': 'public, max-age=300',
        etag: first.headers.etag,
      })
    }
  })

  rule('getOpenApiSpec.isReadableFromAnyPage', async () => {
    for (const headers of [{}, { origin: 'https://elsewhere.example' }, bearer('wrong')]) {
      const answered = await get('/v1/openapi.json', headers)
      expect(answered.status).toBe(200)
      expect(answered.headers).toMatchObject({
        'access-control-allow-origin': '*',
        'cache-control': 'public, max-age=300',
      })
    }
  })

  rule('getOpenApiSpec.listsEveryPath', async () => {
    const document = (await get('/v1/openapi.json')).json() as {
      openapi: string
      info: { version: string }
      paths: object
      servers?: unknown
    }
    expect(document.openapi).toMatch(/^3\.1/)
    expect(document.info.version).toBe('9.8.7')
    expect(document.servers).toEqual([expect.objectContaining({ url: '/' })])
    expect(Object.keys(document.paths).length).toBe(new Set(allRoutes.map(({ path }) => path)).size)
  })

  rule('getOpenApiSpec.answersConditionally', async () => {
    const { headers } = await get('/v1/openapi.json')
    const again = await get('/v1/openapi.json', { 'if-none-match': `"other", W/${headers.etag!}` })
    expect([again.status, again.text]).toEqual([304, ''])
  })
})

describe('the AsyncAPI document of events', () => {
  rule('getAsyncApiSpec.tellsEveryEvent', async () => {
    const document = (await get('/v1/asyncapi.json')).json() as {
      asyncapi: string
      info: { version: string }
      channels: Record<string, { address: string }>
    }
    expect(document).toMatchObject({ asyncapi: '3.0.0', info: { version: '9.8.7' } })
    expect(Object.keys(document.channels)).toEqual(Object.keys(events))
    expect(document.channels['agentCreated']!.address).toBe('mesh.events.{tenantId}.agents.agent.created')
  })

  rule('getAsyncApiSpec.isReadableFromAnyPage', async () => {
    const { status, headers } = await get('/v1/asyncapi.json', { origin: 'https://elsewhere.example' })
    expect(status).toBe(200)
    expect(headers['access-control-allow-origin']).toBe('*')
    expect((await get('/v1/asyncapi.json', { 'if-none-match': headers.etag! })).status).toBe(304)
  })
})

describe('the documentation', () => {
  it.each(['/docs', '/docs/', '/docs/swagger-ui/', '/docs/any/path/below'])(
    ruleName('getDocsPage.isAPageAtEveryPath', '%s'),
    async (path) => {
      const { status, headers, text } = await get(path)
      expect(status).toBe(200)
      expect(headers['content-type']).toMatch(/^text\/html/)
      expect(text).toContain('id="swagger-ui"')
    },
  )

  rule('getDocsPage.loadsNothingFromElsewhere', async () => {
    const { text, headers } = await get('/docs')
    const sources = [...text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, source]) => source!)
    expect(sources.length).toBeGreaterThan(2)
    for (const source of sources) {
      expect(source).toMatch(/^\/docs\//)
      const file = await get(source)
      expect(file.headers['content-type']).not.toMatch(/^text\/html/)
      expect(file.text.length).toBeGreaterThan(100)
    }
    const policy = String(headers['content-security-policy'])
    expect(policy).toContain("default-src 'none'")
    expect(policy).not.toMatch(/unsafe|https?:|\*/)
    const start = await get('/docs/start.js')
    expect(start.text).toContain("url: '/v1/openapi.json'")
    expect(start.text).toContain('deepLinking: true')
  })

  it.each(['/docs/package.json', '/docs/..%2f..%2fpackage.json', '/docs/index.js', '/docs/__proto__'])(
    ruleName('getDocsPage.givesNoOtherFile', '%s'),
    async (path) => {
      const { text } = await get(path)
      expect(text).toContain('id="swagger-ui"')
    },
  )
})

describe('every answer', () => {
  it.each<[string, string, CallOptions]>([
    ['of the gateway', '/health', {}],
    ['of a service', '/v1/traces', { headers: authorized }],
    ['that refuses', '/v1/traces', {}],
    ['to nothing known', '/nowhere', {}],
  ])('%s carries the security headers and a request id', async (_, path, options) => {
    const { headers } = await call(gateway.port, path, options)
    expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer' })
    expect(headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/)
  })
})

describe('a path', () => {
  it('that does not exist is 404 in JSON', async () => {
    const { status, json } = await get('/v1/nothing', { 'accept-language': 'vi' })
    expect(status).toBe(404)
    expect(json()).toMatchObject({ code: 'NOT_FOUND', retryable: false })
  })

  it('with another method is 405 with the methods it has', async () => {
    const { status, headers } = await call(gateway.port, '/v1/api-keys', { method: 'PUT', headers: authorized })
    expect([status, headers.allow]).toEqual([405, 'GET, HEAD, POST'])
  })

  it.each([
    ['NUL', '/v1/agents/a%00b'],
    ['NUL in the query', '/v1/traces?agent_id=%00'],
    ['a broken escape', '/v1/agents/%zz'],
    ['a cut-off UTF-8 sequence', '/v1/agents/%e2%82'],
    ['more than 8 KiB', `/v1/agents/${'x'.repeat(9_000)}`],
  ])('with %s is 400', async (_, path) => {
    const { status, json } = await get(path, authorized)
    expect(status).toBe(400)
    expect(json()).toMatchObject({ code: 'INVALID_REQUEST' })
  })
})

describe('a body', () => {
  it('that announces more than its route takes is 413 before it is sent', async () => {
    let reached = false
    answer = () => (reached = true)
    const sent = request({
      port: gateway.port,
      path: '/v1/agents/a/wake',
      method: 'POST',
      headers: { ...authorized, 'content-length': '1048577' },
    })
    sent.on('error', () => undefined)
    sent.flushHeaders()
    const [response] = (await once(sent, 'response')) as [{ statusCode: number }]
    expect(response.statusCode).toBe(413)
    expect(reached).toBe(false)
    sent.destroy()
  })
})

describe('a page of another origin', () => {
  const preflight = (from: string) =>
    call(gateway.port, '/v1/traces', {
      method: 'OPTIONS',
      headers: {
        origin: from,
        'access-control-request-method': 'PATCH',
        'access-control-request-headers': 'authorization, x-goclaw-user-id',
      },
    })

  it('may call when it is listed', async () => {
    const { status, headers, text } = await preflight(origin)
    expect([status, text]).toEqual([204, ''])
    expect(headers).toMatchObject({ 'access-control-allow-origin': origin, vary: 'Origin' })
    expect(headers['access-control-allow-methods']).toContain('PATCH')
    expect(headers['access-control-allow-headers']).toMatch(/Authorization.*X-GoClaw-User-Id/)
    expect(headers['access-control-allow-credentials']).toBeUndefined()
    const answered = await get('/v1/traces', { ...authorized, origin })
    expect(answered.headers['access-control-allow-origin']).toBe(origin)
    expect(answered.headers['access-control-expose-headers']).toContain('X-Request-Id')
  })

  it('is not let near when it is not', async () => {
    for (const from of ['https://evil.example', 'null']) {
      const { status, headers } = await preflight(from)
      expect(status).toBe(405)
      expect(headers['access-control-allow-origin']).toBeUndefined()
      const answered = await get('/v1/traces', { ...authorized, origin: from })
      expect(answered.headers['access-control-allow-origin']).toBeUndefined()
    }
  })
})

describe('a service in the same process', () => {
  it('gets the same headers as one elsewhere would', async () => {
    let seen: NodeJS.Dict<string | string[]> = {}
    answer = (incoming, response) => {
      seen = incoming.headers
      response.end()
    }
    await get('/v1/traces', {
      ...authorized,
      'x-goclaw-user-id': 'alice',
      'x-mesh-identity': 'forged',
      'x-goclaw-agent-id': 'a',
      'x-request-id': 'mine',
    })
    expect(Object.keys(seen).toSorted()).toEqual(
      ['connection', 'host', 'x-forwarded-for', 'x-goclaw-agent-id', 'x-request-id'].filter(
        (name) => name !== 'connection',
      ),
    )
    expect(seen['x-request-id']).toBe('mine')
  })

  it('learns at once that the client has gone', async () => {
    let closed: Promise<unknown> | undefined
    answer = (_, response) => {
      closed = once(response, 'close')
      response.writeHead(200).write('begun')
    }
    const sent = request({ port: gateway.port, path: '/v1/traces', headers: authorized }).end()
    sent.on('error', () => undefined)
    await once(sent, 'response')
    sent.destroy()
    await closed
  })

  it('that throws is 500 and tells nothing about itself', async () => {
    answer = () => {
      throw new Error('secret detail')
    }
    const { status, text } = await get('/v1/traces', authorized)
    expect(status).toBe(500)
    expect(text).not.toContain('secret')
  })
})

describe('starting runs', () => {
  const chat = (user: string) =>
    call(gateway.port, '/v1/chat/completions', {
      method: 'POST',
      headers: { ...authorized, 'x-goclaw-user-id': user },
      body: '{}',
    })

  it('is limited by user, with the answer OpenAI clients expect', async () => {
    const answers = []
    for (let i = 0; i < 6; i++) answers.push(await chat('busy'))
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 429])
    expect(answers[0]!.headers).toMatchObject({
      'ratelimit-limit': '5',
      'ratelimit-remaining': '4',
      'ratelimit-reset': '3',
    })
    const { headers } = answers[5]!
    expect(headers).toMatchObject({ 'retry-after': '3', 'x-should-retry': 'true', 'ratelimit-remaining': '0' })
    expect(Math.ceil(Number(headers['retry-after-ms']) / 1000)).toBe(3)
    expect(answers[5]!.json()).toMatchObject({ error: { type: 'rate_limit_error', code: 'RESOURCE_EXHAUSTED' } })
    expect((await chat('another')).status).toBe(200)
  })

  it('is limited for all routes together, in the mesh form where that is theirs', async () => {
    for (let i = 0; i < 5; i++) await chat('mixed')
    const wake = await call(gateway.port, '/v1/agents/a/wake', {
      method: 'POST',
      headers: { ...authorized, 'x-goclaw-user-id': 'mixed' },
      body: '{}',
    })
    expect(wake.status).toBe(429)
    expect(wake.json()).toMatchObject({ code: 'RESOURCE_EXHAUSTED', retryable: true })
    expect(wake.json()['retryAfterMs']).toBe(Number(wake.headers['retry-after-ms']))
  })

  it('does not stand in the way of reading', async () => {
    const statuses = await Promise.all(
      Array.from({ length: 30 }, () => get('/v1/traces', { ...authorized, 'x-goclaw-user-id': 'busy' })),
    )
    expect(statuses.every(({ status }) => status === 200)).toBe(true)
  })
})

it('does not start what a client that left while it was looked up had asked for', async () => {
  let release = () => undefined as void
  const held = new Promise<void>((resolve) => (release = resolve))
  const mesh = bareMesh()
  let started = false
  mesh.join(inProcess('traces', () => (started = true)))
  mesh.join({
    ...identity,
    rpc: [
      implementRpc(IdentityServiceService, {
        resolveApiKey: async () => {
          await held
          return {
            found: true,
            keyId: 'k',
            tenantId: '',
            scopes: [],
            ownerId: '',
            expiresAtMs: 0,
            rateLimitRpm: 0,
            maxConcurrentRuns: 0,
          }
        },
        resolveTenant: async () => Promise.reject(new Error('not asked here')),
        resolveMembership: async () => Promise.reject(new Error('not asked here')),
        resolveOidcIssuer: async () => Promise.reject(new Error('not asked here')),
        listSystemConfigs: async () => Promise.reject(new Error('not asked here')),
        setSystemConfig: async () => Promise.reject(new Error('not asked here')),
        resolvePairing: async () => Promise.reject(new Error('not asked here')),
        requestPairing: async () => Promise.reject(new Error('not asked here')),
        bindPairing: async () => Promise.reject(new Error('not asked here')),
        leavePairing: async () => Promise.reject(new Error('not asked here')),
        getPairingRequest: async () => Promise.reject(new Error('not asked here')),
        holdKeyRun: async () => Promise.reject(new Error('not asked here')),
        releaseKeyRun: async () => Promise.reject(new Error('not asked here')),
      }),
    ],
  })
  const waiting = await startGateway(mesh)
  const key = `goclaw_${'0'.repeat(32)}`
  const sent = request({ port: waiting.port, path: '/v1/traces', headers: bearer(key) }).end()
  sent.on('error', () => undefined)
  await sleep(100)
  sent.destroy()
  await sleep(100)
  release()
  await sleep(100)
  expect(started).toBe(false)
  await waiting.stop()
  await mesh.close()
})
