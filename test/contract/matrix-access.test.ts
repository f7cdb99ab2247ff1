/** Who may call what, for every declared route: credentials first, then roles and scopes. */
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { allRoutes, apiKeyScopes, roleIncludes, type ApiKeyScope, type Role, type Route } from '@clawmesh/contracts'
import { fakeOidc, type FakeOidc } from '../fakes/oidc.ts'
import { startAllInOne, systemOwnerId, type AllInOne, type Headers, type TestTenant } from '../support/all-in-one.ts'
import { expectRefusal, styleOf } from './expectations.ts'
import { validSample } from './json-samples.ts'
import { makeFullTenant, type FullTenant } from './tenant-data.ts'
import { shareOf } from './share.ts'
import { fillPath, guardedRoutes, needsState, paramsOf, publicRoutes, resourceOf, titled } from './routes.ts'

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
let expired: string
let issuer: FakeOidc
/** Tokens of the issuer that the tenant has connected, by the role that they give. */
const tokenOfRole: Record<string, string> = {}
/** Tokens that nobody may get in with, by what is wrong with them. */
let badTokens: Record<string, string>

/** What the roles of the connected issuer are called. */
const claimOfRole = { viewer: 'reader', operator: 'staff', admin: 'boss' } as const

const connectIssuer = async (): Promise<void> => {
  const path = `/v1/tenants/${tenant.id}/oidc-issuers`
  const roles = Object.fromEntries(Object.entries(claimOfRole).map(([role, claim]) => [claim, role]))
  const connect = async (body: object) => {
    const given = { issuer: issuer.issuer, role_claim: 'role', role_mapping: roles, ...body }
    const made = await mesh.request('POST', path, { headers: tenant.as('admin'), body: given })
    if (made.status !== 201) throw new Error(made.text)
  }
  await connect({ audiences: ['app'] })
  await connect({ audiences: ['disabled'], enabled: false })
  const boss = { sub: systemOwnerId, aud: 'app', role: claimOfRole.admin }
  for (const [role, claim] of Object.entries(claimOfRole))
    tokenOfRole[role] = await issuer.sign({ ...boss, role: claim })
  const unsigned = Buffer.from(JSON.stringify({ alg: 'none' })).toString('base64url')
  const [head, claims, signature] = tokenOfRole['admin']!.split('.')
  badTokens = {
    'expired token': await issuer.sign({ ...boss, exp: 1_000_000_000 }),
    'token that is not valid yet': await issuer.sign({ ...boss, nbf: 4_000_000_000 }),
    'token for another audience': await issuer.sign({ ...boss, aud: 'other' }),
    'token of another issuer': await issuer.sign({ ...boss, iss: 'https://login.example.org' }),
    'token of a disabled issuer': await issuer.sign({ ...boss, aud: 'disabled' }),
    'token signed by somebody else': await issuer.sign(boss, { key: await issuer.makeKey() }),
    'token with a role that nobody gives': await issuer.sign({ ...boss, role: 'owner' }),
    'unsigned token': `${unsigned}.${claims}.`,
    'token without its signature': `${head}.${claims}.`,
    'token with the case of its signature changed': `${head}.${claims}.${signature!.toUpperCase()}`,
  }
}

beforeAll(async () => {
  issuer = await fakeOidc()
  mesh = await startAllInOne({ CLAWMESH_OIDC_ALLOW_HTTP: 'true' })
  tenant = await mesh.makeTenant('access')
  const made = await Promise.all(
    apiKeyScopes.map(async (scope) => [scope, (await mesh.makeKey(tenant.id, [scope])).secret] as const),
  )
  keyOfScope = Object.fromEntries(made) as typeof keyOfScope
  const late = await mesh.request('POST', '/v1/api-keys', {
    headers: tenant.as('admin'),
    body: { name: 'late', scopes: ['operator.admin'], expires_in: 5 },
  })
  expired = String(late.body['key'])
  const gone = await mesh.makeKey(tenant.id, ['operator.admin'])
  revoked = gone.secret
  // Used while it was good, so that every cache has seen it.
  for (const key of [revoked, expired])
    await mesh.request('GET', '/v1/agents', { headers: { ...bearer(key), 'x-goclaw-user-id': 'someone' } })
  await mesh.request('POST', `/v1/api-keys/${gone.id}/revoke`, { headers: tenant.as('admin') })
  await connectIssuer()
  await sleep(Math.max(0, Date.parse(String(late.body['expires_at'])) - Date.now() + 20))
})
afterAll(async () => {
  await mesh.stop()
  await issuer.close()
})

const bearer = (token: string): Headers => ({ authorization: `Bearer ${token}` })

/** Asks a route for something that does not exist, so that a caller who passes changes nothing. */
const ask = (route: Route, headers: Headers) => {
  const path = fillPath(route, (param) => (resourceOf(param) === 'builtinTool' ? 'no_such_tool' : randomUUID()))
  return mesh.request(route.method, path, { headers })
}

describe('a credential that does not hold is refused, whatever else is sent', () => {
  /** Headers that would be believed if anything vouched for them. */
  const claims = { 'x-goclaw-user-id': systemOwnerId, 'x-goclaw-tenant-id': 'master', 'x-goclaw-agent-id': 'default' }
  const credentials = ({ definition: { keyHeader } }: Route): Record<string, Headers> => ({
    none: {},
    'wrong token': bearer('wrong'),
    'token of the same length': bearer('x'.repeat(mesh.gatewayToken.length)),
    'Bearer and nothing': { authorization: 'Bearer ' },
    'two spaces after the scheme': { authorization: `Bearer  ${mesh.gatewayToken}` },
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
    'expired key': bearer(expired),
    ...Object.fromEntries(Object.entries(badTokens).map(([what, token]) => [what, bearer(token)])),
    'token in another header': {
      [keyHeader === true ? 'x-token' : 'x-api-key']: mesh.gatewayToken,
      cookie: `token=${mesh.gatewayToken}`,
    },
  })

  test.each(titled(guardedRoutes))('%s', async (_title, route) => {
    const all = Object.values(credentials(route))
    expect(all).toHaveLength(27)
    for (const headers of shareOf(route, all, 3)) {
      const answer = await ask(route, { ...claims, ...headers })
      expectRefusal(answer, { code: 'UNAUTHORIZED', style: styleOf(route) })
      expect(answer.headers['www-authenticate']).toBe('Bearer')
    }
    if (route.definition.queryToken === true) return
    const inQuery = await mesh.request(
      route.method,
      `${fillPath(route, () => randomUUID())}?token=${mesh.gatewayToken}`,
    )
    expectRefusal(inQuery, { code: 'UNAUTHORIZED', style: styleOf(route) })
  })

  test.each(titled(publicRoutes))(
    '%s is for everybody, and a bad credential changes nothing',
    async (_title, route) => {
      const html = { accept: 'text/html' }
      for (const credential of [{}, bearer('wrong'), bearer(revoked)]) {
        const { status } = await ask(route, { ...html, ...credential })
        const expected = route.definition.upgrade === undefined ? Object.keys(route.definition.response) : ['400']
        expect(expected).toContain(String(status))
      }
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
    ...Object.keys(claimOfRole).map((role) => ({
      who: `token of an OIDC issuer with role ${role}, of a user named as the system owner`,
      headers: { ...bearer(tokenOfRole[role]!), 'x-goclaw-user-id': systemOwnerId, 'x-goclaw-tenant-id': 'master' },
      role: role as Role,
      scopes: [],
    })),
    { who: 'system owner', headers: mesh.owner(tenant.id), role: 'owner', scopes: [] },
  ]

  test.each(titled(guardedRoutes))('%s', async (_title, route) => {
    const { role: needed, orScope, bridge } = route.definition
    if (needed === 'public') throw new Error('public routes are not guarded')
    for (const { who, headers, role, scopes } of callers()) {
      const answer = await ask(route, headers)
      if (bridge === true && headers['authorization'] !== `Bearer ${mesh.gatewayToken}`) {
        expectRefusal(answer, { code: 'UNAUTHORIZED' })
        continue
      }
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

describe("what is somebody else's is refused where only the owner passes", () => {
  const deletes = ({ method }: Route) => Number(method === 'DELETE')
  // What deletes comes last, and the thing itself after what hangs on it, as all are asked about the same one.
  const owned = guardedRoutes
    .filter(({ definition }) => definition.ownerOnly === true)
    .toSorted((a, b) => deletes(a) - deletes(b) || paramsOf(b).length - paramsOf(a).length)
  let full: FullTenant
  beforeAll(async () => {
    full = await makeFullTenant(mesh, 'owned')
  })

  test.each(titled(owned))('%s', async (_title, route) => {
    const path = fillPath(route, (param) => full.idsOf(resourceOf(param))[0]!)
    const body = route.definition.body === undefined ? {} : { body: validSample(route.definition.body) as object }
    const somebody = await mesh.request(route.method, path, { headers: full.as('admin', 'somebody-else'), ...body })
    expectRefusal(somebody, { code: 'FORBIDDEN', style: styleOf(route) })
    if (needsState.includes(route.operation)) return
    // It is the owner's id that counts, and nothing else of the credential.
    const owner = await mesh.request(route.method, path, { headers: full.as('admin'), ...body })
    expect({ status: owner.status < 300, text: owner.text }).toEqual({ status: true, text: owner.text })
  })

  test('there are such routes', () => expect(owned.length).toBeGreaterThan(0))
})

test('only public routes need no credential, and they are the ones that anybody may see', () => {
  expect(publicRoutes.map(({ path }) => path).sort()).toEqual([
    '/',
    '/docs',
    '/docs/openapi.json',
    '/docs/{path...}',
    '/health',
    '/v1/asyncapi.json',
    '/v1/edition',
    '/v1/mcp/oauth/callback',
    '/v1/mcp/oauth/client.json',
    '/v1/openapi.json',
    '/ws',
  ])
  expect(guardedRoutes.length + publicRoutes.length).toBe(allRoutes.length)
})
