/** Headers and ids that try to be something else: more headers, other users, the mesh itself. */
import { connect } from 'node:net'
import { masterTenantId, type Caller } from '@clawmesh/contracts'
import { startAllInOne, systemOwnerId, type AllInOne, type Headers, type TestTenant } from '../support/all-in-one.ts'
import { expectRefusal } from './expectations.ts'
import { forgedTokens } from './forged-tokens.ts'

let mesh: AllInOne
let tenant: TestTenant

beforeAll(async () => {
  mesh = await startAllInOne()
  tenant = await mesh.makeTenant('injection')
  await mesh.request('GET', '/v1/agents', { headers: tenant.as('admin') })
})
afterAll(() => mesh.stop())

const firstAnswerMs = 5_000
/** After an answer a second one is waited for this long; that of a smuggled request would come at once. */
const quietMs = 200

/** Writes bytes to the edge and reads until it closes or falls silent; answers come as they are on the wire. */
const raw = (bytes: string | Buffer): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = connect(mesh.port, '127.0.0.1')
    const chunks: Buffer[] = []
    socket.on('data', (chunk) => {
      chunks.push(chunk)
      socket.setTimeout(quietMs)
    })
    socket.on('error', (fault) => (chunks.length === 0 ? reject(fault) : undefined))
    socket.on('close', () => resolve(Buffer.concat(chunks).toString('latin1')))
    socket.setTimeout(firstAnswerMs)
    socket.on('timeout', () => socket.destroy(chunks.length > 0 ? undefined : new Error('no answer')))
    socket.write(bytes)
  })

const statusesOf = (answer: string): number[] =>
  [...answer.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => Number(status))

const head = (lines: string[]): string => [...lines, 'Host: edge', 'Connection: close', '', ''].join('\r\n')

describe('header values', () => {
  const named = [
    'X-GoClaw-User-Id',
    'X-GoClaw-Tenant-Id',
    'X-GoClaw-Agent-Id',
    'X-GoClaw-Agent',
    'X-Request-Id',
    'Accept-Language',
  ]

  test.each(named)('%s cannot end its line: a bare CR or LF, or a NUL, is no request', async (name) => {
    for (const odd of ['\n', '\r', '\0', '\u0000x', '\n\n', '\rSet-Cookie: a=b', '\nX-GoClaw-User-Id: system-owner']) {
      const answer = await raw(
        Buffer.from(
          head(['GET /v1/agents HTTP/1.1', `Authorization: Bearer ${tenant.keys.viewer}`, `${name}: a${odd}b`]),
          'latin1',
        ),
      )
      const [status] = statusesOf(answer)
      // A line feed ends a header line for lenient parsers; what follows must then be no header that counts.
      expect([JSON.stringify(odd), status]).toEqual([JSON.stringify(odd), 400])
      expect(answer).not.toMatch(/set-cookie/i)
    }
  })

  it.each(['X-GoClaw-User-Id', 'X-GoClaw-Tenant-Id'])(
    '%s with control characters or broken UTF-8 is 400',
    async (name) => {
      for (const odd of ['\u0001', '\t', '\u001b[31m', '\u007f', '\u0085', 'Ã', '\u00ff\u00fe', '\u00c0\u0080']) {
        const headers = { ...tenant.as('viewer'), [name.toLowerCase()]: `a${odd}b` }
        const lines = Object.entries(headers).map(([key, value]) => `${key}: ${value}`)
        const answer = await raw(Buffer.from(head(['GET /v1/agents HTTP/1.1', ...lines]), 'latin1'))
        expect([JSON.stringify(odd), statusesOf(answer)]).toEqual([JSON.stringify(odd), [400]])
      }
    },
  )

  it('takes a user id in any script, and writes it as it is', async () => {
    for (const userId of ['Nguyễn Văn A', '王小明', "o'brien; --", '{"$ne":null}', '../..', '*', '${jndi:ldap://x}']) {
      const headers = { ...tenant.as('admin'), 'x-goclaw-user-id': Buffer.from(userId).toString('latin1') }
      const body = { name: 'x', scopes: ['operator.read'] }
      const made = await mesh.request('POST', '/v1/api-keys', { headers, body })
      expect([made.status, made.body['created_by']]).toEqual([201, userId])
    }
  })

  it('a user id that is too long names nobody, and never a shorter one', async () => {
    const body = { name: 'x', scopes: ['operator.read'] }
    for (const userId of [`${'a'.repeat(256)}`, `${systemOwnerId}${' '.repeat(250)}x`, 'é'.repeat(128)]) {
      const headers = { ...tenant.as('admin'), 'x-goclaw-user-id': Buffer.from(userId).toString('latin1') }
      expect((await mesh.request('POST', '/v1/api-keys', { headers, body })).body['created_by']).toBe('')
      const asOwner = { authorization: `Bearer ${mesh.gatewayToken}`, 'x-goclaw-user-id': headers['x-goclaw-user-id'] }
      expectRefusal(await mesh.request('GET', '/v1/tenants', { headers: asOwner }), { code: 'FORBIDDEN' })
    }
  })

  it('a header sent twice is not believed in part', async () => {
    const two = (name: string, first: string, second: string, token = mesh.gatewayToken) =>
      raw(
        head(['GET /v1/tenants HTTP/1.1', `Authorization: Bearer ${token}`, `${name}: ${first}`, `${name}: ${second}`]),
      )
    expect(statusesOf(await two('X-GoClaw-User-Id', 'someone', systemOwnerId))).toEqual([400])
    expect(statusesOf(await two('X-GoClaw-User-Id', systemOwnerId, 'someone'))).toEqual([400])
    expect(statusesOf(await two('Authorization', 'Bearer wrong', `Bearer ${mesh.gatewayToken}`, 'wrong'))).toEqual([
      400,
    ])
  })

  it('a tenant that is no id and no slug is not found, whatever it looks like', async () => {
    for (const named of [
      "' OR 1=1 --",
      '../master',
      `${masterTenantId}0`,
      '%00',
      '*',
      'a'.repeat(5_000),
      '{}',
      'null',
    ]) {
      const headers = { ...mesh.owner(), 'x-goclaw-tenant-id': named }
      const answer = await mesh.request('GET', '/v1/agents', { headers })
      expectRefusal(answer, { code: 'NOT_FOUND' })
      expect(answer.text.length).toBeLessThan(400)
    }
  })

  it('an agent that is odd is not found', async () => {
    const body = { model: 'x', messages: [{ role: 'user', content: 'hello' }] }
    for (const agent of ["' OR 1=1 --", '../default', '%00', '*', 'a'.repeat(5_000), '\u0001', 'Ã', '{}']) {
      const headers = { ...tenant.as('operator'), 'x-goclaw-agent-id': agent }
      const lines = Object.entries(headers).map(([key, value]) => `${key}: ${value}`)
      const text = JSON.stringify(body)
      const answer = await raw(
        Buffer.from(
          head(['POST /v1/chat/completions HTTP/1.1', `Content-Length: ${text.length}`, ...lines]) + text,
          'latin1',
        ),
      )
      const [status] = statusesOf(answer)
      expect([agent.slice(0, 20), status === 404 || status === 400]).toEqual([agent.slice(0, 20), true])
    }
    expect(mesh.upstream.requests).toHaveLength(0)
  })
})

describe('X-Request-Id', () => {
  it('is taken when it is well formed and replaced when it is not', async () => {
    const idFor = async (id: string) =>
      (await mesh.request('GET', '/health', { headers: { 'x-request-id': id } })).headers['x-request-id']
    for (const good of ['abc', 'A-1_2.3', 'x'.repeat(128)]) expect(await idFor(good)).toBe(good)
    for (const bad of ['', ' ', 'a b', 'x'.repeat(129), '<script>', 'a;b', '${x}', 'a,b', 'é'])
      expect(await idFor(Buffer.from(bad).toString('latin1'))).toMatch(/^[0-9a-f-]{36}$/)
  })
})

describe('ids in paths', () => {
  it('cannot bring a header or another path', async () => {
    for (const id of [
      'x%0d%0aSet-Cookie:%20a=b',
      'x%0aSet-Cookie:%20a=b',
      'x%20HTTP/1.1%0d%0aHost:%20evil',
      '..%2f..%2fapi-keys',
      '%2e%2e%2fapi-keys',
    ]) {
      const answer = await mesh.request('GET', `/v1/agents/${id}`, { headers: tenant.as('viewer') })
      expectRefusal(answer, { code: 'NOT_FOUND' })
      expect(answer.headers['set-cookie']).toBeUndefined()
    }
  })

  it('stand in answers as JSON text only', async () => {
    const markup = '<img src=x onerror=alert(1)>'
    const answer = await mesh.request('GET', `/v1/agents/${encodeURIComponent(markup)}`, {
      headers: tenant.as('viewer'),
    })
    expectRefusal(answer, { code: 'NOT_FOUND' })
    expect(answer.headers).toMatchObject({
      'content-type': 'application/json; charset=utf-8',
      'x-content-type-options': 'nosniff',
    })
  })

  it('that are long or deep are refused, not cut', async () => {
    for (const path of [`/v1/agents/${'a'.repeat(101)}`, `/v1/sessions/${'a'.repeat(501)}`])
      expectRefusal(await mesh.request('GET', path, { headers: tenant.as('admin') }), { code: 'INVALID_REQUEST' })
    expectRefusal(await mesh.request('GET', `/v1/agents${'/a'.repeat(3_000)}`), { code: 'NOT_FOUND' })
  })
})

describe("what is said in the mesh's own name", () => {
  const owner = (): Caller => ({
    tenantId: masterTenantId,
    tenantSlug: 'master',
    userId: systemOwnerId,
    role: 'owner',
    scopes: [],
    credential: 'gateway-token',
    userBound: false,
    locale: 'en',
  })

  it('is not heard from a client, not even when it is signed', async () => {
    const tokens = { ...(await forgedTokens(mesh.meshSecret, owner())), real: await mesh.tokens.mint(owner()) }
    for (const token of Object.values(tokens)) {
      const identity: Headers = { 'x-mesh-identity': token }
      const ask = (headers: Headers) => mesh.request('GET', '/v1/tenants', { headers: { ...identity, ...headers } })
      expectRefusal(await ask({}), { code: 'UNAUTHORIZED' })
      expectRefusal(await ask({ authorization: `Bearer ${token}` }), { code: 'UNAUTHORIZED' })
      expectRefusal(await ask(tenant.as('viewer')), { code: 'FORBIDDEN' })
    }
  })

  it('survives no header that claims to drop or to forward others', async () => {
    const lines = Object.entries(tenant.as('viewer')).map(([key, value]) => `${key}: ${value}`)
    const tricks = [
      ['Connection: close, authorization'],
      ['Connection: x-mesh-identity', `X-Mesh-Identity: ${await mesh.tokens.mint(owner())}`],
      ['X-Original-URL: /v1/tenants', 'X-Rewrite-URL: /v1/tenants'],
      ['X-HTTP-Method-Override: POST', 'X-Method: POST'],
      ['Forwarded: for=127.0.0.1;host=admin', 'X-Forwarded-Host: admin', 'X-Forwarded-User: system-owner'],
    ]
    for (const trick of tricks) {
      expect(statusesOf(await raw(head(['GET /v1/tenants HTTP/1.1', ...lines, ...trick])))).toEqual([403])
      expect(statusesOf(await raw(head(['GET /v1/agents HTTP/1.1', ...lines, ...trick])))).toEqual([200])
    }
  })
})

describe('requests that could be read as two', () => {
  const lines = () => Object.entries(tenant.as('viewer')).map(([key, value]) => `${key}: ${value}`)
  const smuggled = 'GET /v1/tenants HTTP/1.1\r\nHost: edge\r\n\r\n'

  it.each([
    ['length and chunks', ['Content-Length: 6', 'Transfer-Encoding: chunked'], `0\r\n\r\n${smuggled}`],
    ['two lengths', ['Content-Length: 0', `Content-Length: ${smuggled.length}`], smuggled],
    ['a length that is no number', ['Content-Length: +5'], 'aaaaa'],
    ['an unknown coding', ['Transfer-Encoding: xchunked'], smuggled],
    ['chunked twice', ['Transfer-Encoding: chunked', 'Transfer-Encoding: identity'], `0\r\n\r\n${smuggled}`],
    ['a space before the colon', ['Content-Length : 5'], 'aaaaa'],
    ['a folded line', ['X-A: b\r\n Content-Length: 5'], 'aaaaa'],
    ['a chunk size that is no number', ['Transfer-Encoding: chunked'], '0x5\r\naaaaa\r\n0\r\n\r\n'],
  ])('are refused: %s', async (_what, framing, body) => {
    const answer = await raw(['GET /v1/agents HTTP/1.1', 'Host: edge', ...lines(), ...framing, '', body].join('\r\n'))
    expect(statusesOf(answer).at(-1)).toBe(400)
    expect(statusesOf(answer)).not.toContain(403)
    expect(answer).not.toContain('"tenants"')
  })

  it('take headers of any number and size up to a limit', async () => {
    const answer = await raw(
      head(['GET /health HTTP/1.1', ...Array.from({ length: 200 }, (_, at) => `X-${at}: ${'a'.repeat(200)}`)]),
    )
    expect(statusesOf(answer)).toEqual([431])
  })
})

describe('X-Forwarded-For', () => {
  it('of an untrusted client gives it no new allowance', async () => {
    const open = await startAllInOne({
      GOCLAW_GATEWAY_TOKEN: '',
      CLAWMESH_RATE_LIMIT_RPM: '1',
      CLAWMESH_RATE_LIMIT_BURST: '2',
      REDIS_URL: '',
    })
    try {
      const limited: boolean[] = []
      for (let at = 0; at < 4; at++) {
        const address = `203.0.113.${at}`
        const headers = { 'x-forwarded-for': address, 'x-real-ip': address, forwarded: `for=${address}` }
        const body = { tool: 'read_file', args: { path: 'nothing.txt' } }
        limited.push((await open.request('POST', '/v1/tools/invoke', { headers, body })).status === 429)
      }
      expect(limited).toEqual([false, false, true, true])
    } finally {
      await open.stop()
    }
  })
})
