/** Who may call what, for every declared route: credentials first, then roles and scopes. */
import { randomUUID } from 'node:crypto'
import { allRoutes, apiKeyScopes, roleIncludes, type ApiKeyScope, type Role, type Route } from '@clawmesh/contracts'
import { startAllInOne, systemOwnerId, type AllInOne, type Headers, type TestTenant } from '../support/all-in-one.ts'
import { expectRefusal, styleOf } from './expectations.ts'
import { fillPath, guardedRoutes, publicRoutes, resourceOf, titled } from './routes.ts'

/** The role that each scope gives by itself. */
const roleOfScope: Record<ApiKeyScope, Role> = {
  'operator.read': 'viewer',
  'operator.write': 'operator',
  'operator.approvals': 'operator',
  'operator.pairing': 'operator',
  'operator.provision': 'viewer',
  'operator.admin': 'admin',
}

let mesh: AllInOne
let tenant: TestTenant
let keyOfScope: Record<ApiKeyScope, string>
let revoked: string

beforeAll(async () => {
  mesh = await startAllInOne()
  tenant = await mesh.makeTenant('access')
  const made = await Promise.all(
    apiKeyScopes.map(async (scope) => [scope, (await mesh.makeKey(tenant.id, [scope])).secret] as const),
  )
  keyOfScope = Object.fromEntries(made) as typeof keyOfScope
  const gone = await mesh.makeKey(tenant.id, ['operator.admin'])
  revoked = gone.secret
  // Used while it was good, so that every cache has seen it.
  await mesh.request('GET', '/v1/agents', { headers: { ...bearer(revoked), 'x-goclaw-user-id': 'someone' } })
  await mesh.request('POST', `/v1/api-keys/${gone.id}/revoke`, { headers: tenant.as('admin') })
})
afterAll(() => mesh.stop())

const bearer = (token: string): Headers => ({ authorization: `Bearer ${token}` })

/** Asks a route for something that does not exist, so that a caller who passes changes nothing. */
const ask = (route: Route, headers: Headers) => {
  const path = fillPath(route, (param) => (resourceOf(param) === 'builtinTool' ? 'no_such_tool' : randomUUID()))
  return mesh.request(route.method, path, { headers })
}

describe('a credential that does not hold is refused, whatever else is sent', () => {
  /** Headers that would be believed if anything vouched for them. */
  const claims = { 'x-goclaw-user-id': systemOwnerId, 'x-goclaw-tenant-id': 'master', 'x-goclaw-agent-id': 'default' }
  const credentials = (): Record<string, Headers> => ({
    none: {},
    'wrong token': bearer('wrong'),
    'token of the same length': bearer('x'.repeat(mesh.gatewayToken.length)),
    'Bearer and nothing': { authorization: 'Bearer ' },
    'lower-case scheme': { authorization: `bearer ${mesh.gatewayToken}` },
    'other scheme': { authorization: `Basic ${Buffer.from(`:${mesh.gatewayToken}`).toString('base64')}` },
    'no scheme': { authorization: mesh.gatewayToken },
    null: bearer('null'),
    undefined: bearer('undefined'),
    'over-long token': bearer(mesh.gatewayToken + 'x'.repeat(8_000)),
    'token twice': bearer(`${mesh.gatewayToken} ${mesh.gatewayToken}`),
    'unknown key': bearer(`goclaw_${'0'.repeat(32)}`),
    'key in capitals': bearer(keyOfScope['operator.admin'].toUpperCase()),
    'part of a key': bearer(keyOfScope['operator.admin'].slice(0, -1)),
    'revoked key': bearer(revoked),
    'token in another header': { 'x-api-key': mesh.gatewayToken, cookie: `token=${mesh.gatewayToken}` },
  })

  test.each(titled(guardedRoutes))('%s', async (_title, route) => {
    const refused: string[] = []
    for (const [what, headers] of Object.entries(credentials())) {
      const answer = await ask(route, { ...claims, ...headers })
      expectRefusal(answer, { code: 'UNAUTHORIZED', style: styleOf(route) })
      expect(answer.headers['www-authenticate']).toBe('Bearer')
      refused.push(what)
    }
    expect(refused).toHaveLength(16)
    const inQuery = await mesh.request(
      route.method,
      `${fillPath(route, () => randomUUID())}?token=${mesh.gatewayToken}`,
    )
    expectRefusal(inQuery, { code: 'UNAUTHORIZED', style: styleOf(route) })
  })

  test.each(titled(publicRoutes))(
    '%s is for everybody, and a bad credential changes nothing',
    async (_title, route) => {
      for (const headers of [{}, bearer('wrong'), bearer(revoked)]) expect((await ask(route, headers)).status).toBe(200)
    },
  )
})

describe('a role that is too low is refused and named; a sufficient one passes', () => {
  /** Every caller there is, with what it may do. */
  const callers = (): { who: string; headers: Headers; role: Role; scopes: readonly string[] }[] => [
    ...apiKeyScopes.map((scope) => ({
      who: `key with ${scope}`,
      headers: { ...bearer(keyOfScope[scope]), 'x-goclaw-user-id': 'someone' },
      role: roleOfScope[scope],
      scopes: [scope],
    })),
    {
      who: 'gateway token of a user who is no owner',
      headers: { ...bearer(mesh.gatewayToken), 'x-goclaw-user-id': 'someone' },
      role: 'admin',
      scopes: [],
    },
    {
      who: 'key that claims to be the system owner',
      headers: { ...bearer(keyOfScope['operator.admin']), 'x-goclaw-user-id': systemOwnerId },
      role: 'admin',
      scopes: [],
    },
    { who: 'system owner', headers: mesh.owner(tenant.id), role: 'owner', scopes: [] },
  ]

  test.each(titled(guardedRoutes))('%s', async (_title, route) => {
    const { role: needed, orScope } = route.definition
    if (needed === 'public') throw new Error('public routes are not guarded')
    for (const { who, headers, role, scopes } of callers()) {
      const answer = await ask(route, headers)
      const mayCall = roleIncludes(role, needed) || (orScope !== undefined && scopes.includes(orScope))
      if (!mayCall) expectRefusal(answer, { code: 'FORBIDDEN', style: styleOf(route), names: needed })
      else
        expect({
          who,
          passes: answer.status < 500 && ![401, 403].includes(answer.status),
          answer: answer.text,
        }).toEqual({
          who,
          passes: true,
          answer: answer.text,
        })
    }
  })
})

test('only public routes need no credential, and they are the ones that anybody may see', () => {
  expect(publicRoutes.map(({ path }) => path).sort()).toEqual([
    '/docs',
    '/docs/openapi.json',
    '/docs/{path...}',
    '/health',
    '/v1/edition',
    '/v1/openapi.json',
  ])
  expect(guardedRoutes.length + publicRoutes.length).toBe(allRoutes.length)
})
