/** What is not declared does not exist: unknown paths, undeclared methods, and HEAD. */
import { allRoutes, errorStyleOf, type HttpMethod } from '@clawmesh/contracts'
import { startAllInOne, type AllInOne, type TestTenant } from '../support/all-in-one.ts'
import { expectRefusal } from './expectations.ts'
import { fillPath, titled } from './routes.ts'

let mesh: AllInOne
let tenant: TestTenant

beforeAll(async () => {
  mesh = await startAllInOne()
  tenant = await mesh.makeTenant('routing')
})
afterAll(() => mesh.stop())

const methods: readonly HttpMethod[] = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']
const sample = (path: string): string =>
  fillPath({ path }, ({ place }) => (place.startsWith('docs/') ? 'x.css' : 'sample'))
const paths = [...new Set(allRoutes.map(({ path }) => path))]
/** The methods that a path answers; a literal path may lie inside another's parameter. */
const declaredFor = (path: string): Set<string> => {
  const matches = (pattern: string) =>
    new RegExp(`^${pattern.replace(/\{\w+\.\.\.\}/g, '.+').replace(/\{\w+\}/g, '[^/]+')}$`).test(sample(path))
  return new Set(allRoutes.filter((route) => matches(route.path)).map(({ method }) => method))
}

describe('an undeclared method is 405 and the answer lists those that there are', () => {
  test.each(paths)('%s', async (path) => {
    const declared = declaredFor(path)
    const allow = methods
      .filter((method) => declared.has(method))
      .flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method]))
    for (const method of [
      ...methods.filter((method) => !declared.has(method)),
      'OPTIONS',
      'TRACE',
      'PROPFIND',
      'QUERY',
    ]) {
      const answer = await mesh.request(method, sample(path), { headers: tenant.as('admin') })
      expectRefusal(answer, { code: 'METHOD_NOT_ALLOWED', style: errorStyleOf(path) })
      expect(answer.headers.allow).toBe(allow.join(', '))
    }
  })
})

describe('HEAD is answered like GET, without a body', () => {
  test.each(titled(allRoutes.filter(({ method }) => method === 'GET')))('%s', async (_title, route) => {
    const { role, bridge } = route.definition
    const headers = role === 'owner' || bridge === true ? mesh.owner() : tenant.as('admin')
    const path = sample(route.path)
    const [get, head] = await Promise.all([
      mesh.request('GET', path, { headers }),
      mesh.request('HEAD', path, { headers }),
    ])
    expect([head.status, head.text, head.headers['content-type']]).toEqual([
      get.status,
      '',
      get.headers['content-type'],
    ])
    if (route.definition.role !== 'public') expect((await mesh.request('HEAD', path)).status).toBe(401)
  })
})

describe('an unknown path is 404 in JSON, in every language', () => {
  const unknown = [
    ...[
      '/v1',
      '/v1/',
      '/v2/agents',
      '/v1/agents/',
      '/v1/agents/x/',
      '/v1/agents//wake',
      '/v1/memory/',
      '/v1/agents/x/unknown',
      '/V1/agents',
    ],
    ...['//v1/agents', '/v1//agents', '/v1/agents;x=1', '/index.html', '/.env', '/livez', '/readyz', '/metrics'],
    ...['/__proto__', '/constructor', '/v1/__proto__', '/healthz'],
  ]
  test.each(unknown)('%s', async (path) => {
    for (const headers of [{}, tenant.as('admin')]) {
      expectRefusal(await mesh.request('GET', path, { headers }), { code: 'NOT_FOUND' })
      expectRefusal(await mesh.request('POST', path, { headers, body: {} }), { code: 'NOT_FOUND' })
    }
    const texts = await Promise.all(
      ['en', 'vi', 'zh'].map((locale) => mesh.request('GET', path, { headers: { 'accept-language': locale } })),
    )
    expect(new Set(texts.map(({ text }) => text)).size).toBe(3)
  })

  test('a path that is too long or cannot be read is refused', async () => {
    expectRefusal(await mesh.request('GET', `/v1/${'a'.repeat(10_000)}`), { code: 'INVALID_REQUEST' })
    for (const path of ['/v1/%zz', '/v1/../v1/unknown', '/v1/agents/%2e%2e/%2e%2e'])
      expectRefusal(await mesh.request('GET', path), { code: 'INVALID_REQUEST' })
  })
})
