/** The credential in an address, over a table of routes of this test. */
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createLogger, loadConfigs } from '@clawmesh/chassis'
import type { Route } from '@clawmesh/contracts'
import { gatewayConfig } from '../src/config.ts'
import { createPipeline } from '../src/edge/pipeline.ts'
import { createRouteFinder } from '../src/edge/find-route.ts'
import { takeQueryToken } from '../src/edge/query-token.ts'
import { createAdmitter } from '../src/admission/admit.ts'
import { call } from './support/call.ts'
import { listedLookups } from './support/lookups.ts'

const token = 'the gateway token'
const key = `goclaw_${'a'.repeat(32)}`
const tenantId = '0193a5b0-7000-7000-8000-0000000000aa'

const route = (path: string, more: Partial<Route['definition']> = {}): Route => {
  const definition = { method: 'GET', path, role: 'viewer', summary: path, response: {}, errors: [], ...more } as const
  return { service: 'tools', operation: path, operationId: path, method: definition.method, path, definition }
}
const routes = [route('/files/{path...}', { queryToken: true }), route('/other')]

let port: number
let logged = ''
const delivered: string[] = []
const server = createServer(
  createPipeline({
    cors: { apply: () => false, isAllowed: () => false },
    findRoute: createRouteFinder(routes),
    guard: () => undefined,
    admit: createAdmitter(
      loadConfigs({ gateway: gatewayConfig }, { GOCLAW_GATEWAY_TOKEN: token }).gateway,
      listedLookups({
        keys: { [key]: { tenantId, scopes: ['operator.read'] } },
        tenants: [{ id: tenantId, slug: 'acme', name: 'Acme', status: 'active' }],
      }),
    ),
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
