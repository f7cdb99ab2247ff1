/** The credential in an address, over a table of routes of this test. */
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createLogger, createSecretBox, createSignedUrls, loadConfigs } from '@clawmesh/chassis'
import type { Route } from '@clawmesh/contracts'
import { gatewayConfig } from '../src/config.ts'
import { createPipeline } from '../src/edge/pipeline.ts'
import { createRouteFinder } from '../src/edge/find-route.ts'
import { takeQueryToken } from '../src/edge/query-token.ts'
import { createAdmitter } from '../src/admission/admit.ts'
import { createSignedAdmitter } from '../src/admission/signed-url.ts'
import { rule } from '../../test/support/rule.ts'
import { call } from './support/call.ts'
import { listedLookups } from './support/lookups.ts'

const token = 'the gateway token'
const key = `goclaw_${'a'.repeat(32)}`
const tenantId = '0193a5b0-7000-7000-8000-0000000000aa'
const closedId = '0193a5b0-7000-7000-8000-0000000000bb'

const route = (path: string, more: Partial<Route['definition']> = {}): Route => {
  const definition = { method: 'GET', path, role: 'viewer', summary: path, response: {}, errors: [], ...more } as const
  return { service: 'tools', operation: path, operationId: path, method: definition.method, path, definition }
}
const routes = [
  route('/files/{path...}', { queryToken: true }),
  route('/v1/files/{path...}', { queryToken: true, signedUrl: true }),
  route('/v1/media/{id}', { queryToken: true, signedUrl: true }),
  route('/other'),
]

const lookups = listedLookups({
  keys: { [key]: { tenantId, scopes: ['operator.read'] } },
  tenants: [
    { id: tenantId, slug: 'acme', name: 'Acme', status: 'active' },
    { id: closedId, slug: 'closed', name: 'Closed', status: 'suspended' },
  ],
})
const ring = (current: number, ...older: number[]) =>
  createSecretBox(
    Buffer.alloc(32, current),
    older.map((byte) => Buffer.alloc(32, byte)),
  )
let clock = Date.now()
/** What the edge knows: the key of now, and the one before. */
const signer = createSignedUrls(ring(2, 1), () => clock)

let port: number
let logged = ''
const delivered: string[] = []
const server = createServer(
  createPipeline({
    cors: { apply: () => false, isAllowed: () => false },
    findRoute: createRouteFinder(routes),
    guard: () => undefined,
    admitSigned: createSignedAdmitter(signer, lookups),
    admit: createAdmitter(loadConfigs({ gateway: gatewayConfig }, { GOCLAW_GATEWAY_TOKEN: token }).gateway, lookups),
    admitBridge: () => Promise.reject(new Error('no route here is a bridge')),
    count: async () => undefined,
    holdKeyRun: async () => undefined,
    deliver: async (_service, { request, response, caller }) => {
      delivered.push(request.url!)
      response.end(JSON.stringify(caller))
    },
    once: async () => undefined,
    clientIp: () => '127.0.0.1',
    log: createLogger({
      level: 'trace',
      name: 'test',
      stream: { write: (line: string) => void (logged += line) },
    }),
  }),
)
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  port = (server.address() as AddressInfo).port
})
afterAll(() => new Promise((resolve) => server.close(resolve)))

const get = async (path: string, headers: Record<string, string> = {}) => {
  const { status } = await call(port, path, { headers })
  return { status, seen: delivered.at(-1) }
}
const encoded = encodeURIComponent(token)

describe('a credential in the address', () => {
  it.each([
    [`/files/a.png?token=${encoded}`, '/files/a.png'],
    [`/files/a.png?token=${key}`, '/files/a.png'],
    [`/files/a.png?w=1&token=${key}&name=a%20b+c`, '/files/a.png?w=1&name=a%20b+c'],
    [`/files/a.png?t%6Fken=${key}&w=1`, '/files/a.png?w=1'],
    [`/files/a.png?tokens=1&token=${key}`, '/files/a.png?tokens=1'],
  ])('opens a route that takes it and is gone from the address: %s', async (path, seen) => {
    expect(await get(path)).toEqual({ status: 200, seen })
  })

  it.each([
    ['wrong', '/files/a.png?token=wrong'],
    ['empty', '/files/a.png?token='],
    ['null', '/files/a.png?token=null'],
    ['in capitals', `/files/a.png?token=${key.toUpperCase()}`],
    ['under a name in capitals', `/files/a.png?Token=${key}`],
    ['given twice', `/files/a.png?token=${key}&token=${key}`],
    ['given with another', `/files/a.png?token=wrong&token=${key}`],
    ['over-long', `/files/a.png?token=${'x'.repeat(7_000)}`],
    ['with the scheme', `/files/a.png?token=Bearer%20${key}`],
    ['of a route that takes none', `/other?token=${key}`],
  ])('is refused when it is %s', async (_what, path) => {
    const before = delivered.length
    expect((await get(path)).status).toBe(401)
    expect(delivered).toHaveLength(before)
  })

  it.each(['Bearer wrong', 'Bearer ', 'bearer x', 'Basic x', ''])(
    'counts for nothing beside an Authorization header: %j',
    async (authorization) => {
      expect((await get(`/files/a.png?token=${key}`, { authorization })).status).toBe(401)
    },
  )

  it('is taken out even where a header is believed instead, and stays where the route knows nothing of it', async () => {
    const authorization = `Bearer ${key}`
    expect(await get('/files/a.png?token=secret&w=1', { authorization })).toEqual({
      status: 200,
      seen: '/files/a.png?w=1',
    })
    expect(await get('/other?token=page-2', { authorization })).toEqual({ status: 200, seen: '/other?token=page-2' })
  })

  it('is never logged', () => {
    expect(logged).toContain('/files/a.png')
    expect(logged).not.toMatch(/token=|goclaw_a/)
  })

  it('is read as UTF-8, as the header is', () => {
    const request = { url: `/files/x?token=${encodeURIComponent('mật khẩu')}`, headers: {} } as IncomingMessage
    expect(Buffer.from(takeQueryToken(request, routes[0]!), 'latin1').toString()).toBe('mật khẩu')
  })
})

describe('a signed address', () => {
  const path = '/v1/files/data/a%20b.png'
  const grant = { tenantId, userId: 'alice' }
  const signedBy = (keys: Parameters<typeof ring>, of = path, whose = grant) =>
    `${of}?${createSignedUrls(ring(...keys), () => clock).sign(of, whose)}`
  const statusOf = async (url: string, headers: Record<string, string> = {}) => (await get(url, headers)).status
  const good = { authorization: `Bearer ${key}` }

  rule('serveFile.takesSignatures', async () => {
    const url = signedBy([2])
    expect(await get(url)).toEqual({ status: 200, seen: path })
    const [, signature = ''] = /ft=([^.]+)/.exec(url)!
    const swapped = signature.startsWith('A') ? `B${signature.slice(1)}` : `A${signature.slice(1)}`
    const other = signedBy([2], '/v1/files/data/other.png').split('?')[1]!
    const before = delivered.length
    for (const forged of [
      url.replace(signature, swapped),
      url.replace(/\.(\d+)/, (_, expiry: string) => `.${Number(expiry) + 60}`),
      url.replace(/&fb=.*/, ''),
      url.replace(/fb=.*/, `fb=${Buffer.from('another tenant and user').toString('base64url')}`),
      url.replace(path, '/v1/files/data/other.png'),
      url.replace(path, `${path}/x`),
      `${path}?${other}`,
      `${url}&ft=${signature}.1`,
      `${path}?ft=`,
      `${path}?ft=null`,
    ]) {
      expect([forged, await statusOf(forged)]).toEqual([forged, 401])
      // It is wrong, however good what comes with it is.
      expect([forged, await statusOf(forged, good)]).toEqual([forged, 401])
      expect([forged, await statusOf(`${forged}&token=${key}`)]).toEqual([forged, 401])
    }
    clock += 301_000
    expect(await statusOf(url)).toBe(401)
    expect(delivered).toHaveLength(before)
    clock -= 301_000
    expect(await statusOf(url)).toBe(200)
  })

  rule('serveFile.isOfTheSignedTenant', async () => {
    const { text } = await call(port, signedBy([2]), { headers: { 'x-goclaw-tenant-id': 'master' } })
    expect(JSON.parse(text)).toMatchObject({
      tenantId,
      tenantSlug: 'acme',
      userId: 'alice',
      role: 'viewer',
      scopes: [],
    })
    expect(await statusOf(signedBy([2], path, { tenantId: closedId, userId: 'alice' }))).toBe(403)
    expect(await statusOf(signedBy([2], path, { tenantId: '0193a5b0-7000-7000-8000-0000000000cc', userId: '' }))).toBe(
      403,
    )
  })

  rule('serveFile.outlivesKeyRotation', async () => {
    expect(await statusOf(signedBy([1]))).toBe(200)
    const before = delivered.length
    expect(await statusOf(signedBy([9]))).toBe(401)
    expect(delivered).toHaveLength(before)
  })

  rule('serveFile.takesQueryToken', async () => {
    expect(await get(`${path}?token=${key}&download=true`)).toEqual({ status: 200, seen: `${path}?download=true` })
    expect(await statusOf(`${path}?token=wrong`)).toBe(401)
    expect(await statusOf(`${path}?token=${key}`, { authorization: 'Bearer wrong' })).toBe(401)
    expect(await statusOf(path)).toBe(401)
  })

  const mediaPath = '/v1/media/a-b.png'
  rule('serveMedia.takesSignatures', async () => {
    const url = signedBy([2], mediaPath)
    expect(await get(url)).toEqual({ status: 200, seen: mediaPath })
    for (const forged of [
      url.replace('a-b', 'a-c'),
      `${mediaPath}?${signedBy([2]).split('?')[1]}`,
      `${mediaPath}?ft=x`,
    ])
      expect([await statusOf(forged), await statusOf(forged, good)]).toEqual([401, 401])
    clock += 301_000
    expect(await statusOf(url)).toBe(401)
    clock -= 301_000
  })

  rule('serveMedia.takesQueryToken', async () => {
    expect(await get(`${mediaPath}?token=${key}`)).toEqual({ status: 200, seen: mediaPath })
    expect(await statusOf(`${mediaPath}?token=wrong`)).toBe(401)
    expect(await statusOf(mediaPath)).toBe(401)
  })

  it('opens no route that takes none, and is in no log', async () => {
    const query = signedBy([2]).split('?')[1]!
    expect(await statusOf(`/other?${query}`)).toBe(401)
    expect(await statusOf(`/files/a.png?${query}`)).toBe(401)
    expect(logged).not.toMatch(/ft=|fb=/)
  })
})
