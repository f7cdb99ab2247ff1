/** The edge over a real identity service and its database: who gets in, as whom, and where. */
import { callerOf, createIdentityTokens, evict, sha256Hex, type HttpHandler } from '@clawmesh/chassis'
import { allRoutes, cacheTags, masterTenantId, type Caller } from '@clawmesh/contracts'
import { testIdentity } from '../../test/support/identity.ts'
import { startServices, testCaller, type ServiceHarness } from '../../test/support/service-harness.ts'
import { bareMesh } from './support/bare-mesh.ts'
import { bearer, call } from './support/call.ts'
import { gatewayToken, startGateway, type StartedGateway } from './support/gateway.ts'
import { rule } from '../../test/support/rule.ts'
import { findFreePort } from '../../test/support/free-port.ts'

let harness: ServiceHarness
let gateway: StartedGateway
const systemOwner = testCaller({ role: 'owner', tenantId: masterTenantId, tenantSlug: 'master', userId: 'system' })

/** Stands in for a service: answers with the caller that the edge vouches for. */
const mirror: HttpHandler = (request, response) =>
  void callerOf(request, createIdentityTokens('nobody signs tokens with this')).then((caller) =>
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(caller)),
  )

beforeAll(async () => {
  harness = await startServices({
    services: { identity: testIdentity() },
    standIns: [{ name: 'traces', http: mirror, parts: [] }],
  })
  gateway = await startGateway(harness.mesh)
})
afterAll(async () => {
  await gateway.stop()
  await harness.stop()
})

interface Tenant {
  id: string
  slug: string
}
interface Key {
  id: string
  key: string
}

const createTenant = async (name: string): Promise<Tenant> =>
  (await harness.request<Tenant & Record<string, unknown>>(systemOwner, 'POST', '/v1/tenants', { name })).body

/** A key of a tenant, or of the system when none is given. */
const createKey = async (scopes: string[], tenant?: Tenant, more: object = {}): Promise<Key> => {
  const body = { name: 'test', scopes, ...(tenant === undefined ? {} : { tenant_id: tenant.id }), ...more }
  return (await harness.request<Key & Record<string, unknown>>(systemOwner, 'POST', '/v1/api-keys', body)).body
}

const addMember = async (tenant: Tenant, userId: string): Promise<void> => {
  await harness.mesh
    .database('identity')
    .pool.query('INSERT INTO identity.tenant_users (id, tenant_id, user_id) VALUES (gen_random_uuid(), $1, $2)', [
      tenant.id,
      userId,
    ])
}

const callerSeen = async (headers: Record<string, string>) => {
  const { status, json } = await call(gateway.port, '/v1/traces', { headers })
  return { status, ...(json() as unknown as Caller & { code?: string }) }
}

describe('without a good credential', () => {
  const guarded = allRoutes.filter(({ definition }) => definition.role !== 'public')
  const wrong: [string, Record<string, string>][] = [
    ['none', {}],
    ['empty', { authorization: '' }],
    ['an empty bearer', bearer('')],
    ['null', bearer('null')],
    ['a wrong token', bearer('wrong')],
    ['the token in another case', bearer(gatewayToken.toUpperCase())],
    ['another scheme', { authorization: `Basic ${gatewayToken}` }],
    ['no space after the scheme', { authorization: `Bearer${gatewayToken}` }],
    ['an over-long token', bearer('x'.repeat(8_000))],
    ['a key that does not exist', bearer(`goclaw_${'0'.repeat(32)}`)],
    ['a user id only', { 'x-goclaw-user-id': 'system' }],
    ['a forged identity', { 'x-mesh-identity': 'x.y.z' }],
  ]

  it('every route that is not public answers 401', async () => {
    expect(guarded.length).toBeGreaterThan(50)
    for (const { method, path, definition } of guarded) {
      const url = path.replace(/\{\w+(\.{3})?\}/g, 'x')
      for (const [name, headers] of wrong) {
        const answer = await call(gateway.port, url, { method, headers })
        expect([method, path, name, answer.status]).toEqual([method, path, name, 401])
        const { dialect } = definition
        if (dialect === 'clawgo') expect(answer.text).toBe('unauthorized\n')
        else {
          const { code, error } = answer.json() as { code?: string; error: { code: string; type: string } }
          const answered = dialect === 'anthropic' ? error.type : dialect === 'openai' ? error.code : code
          expect(answered).toBe(dialect === 'anthropic' ? 'authentication_error' : 'UNAUTHORIZED')
        }
        expect(answer.headers['www-authenticate']).toBe('Bearer')
      }
    }
  })
})

describe('the Authorization header', () => {
  it.each(['bearer', 'BEARER', 'bEaReR'])('names its scheme in any case: %s', async (scheme) => {
    const headers = { authorization: `${scheme} ${gatewayToken}`, 'x-goclaw-user-id': 'system' }
    expect((await call(gateway.port, '/v1/tenants', { headers })).status).toBe(200)
  })

  it.each([
    ['Authorization', `Bearer ${gatewayToken}`],
    ['X-GoClaw-User-Id', 'system'],
    ['X-GoClaw-Tenant-Id', 'master'],
    ['X-GoClaw-Sender-Id', 'a browser'],
  ])('and what else says who calls is sent once: %s', async (name, value) => {
    const headers = { ...bearer(gatewayToken), 'x-goclaw-user-id': 'system', [name.toLowerCase()]: [value, value] }
    const { status, json } = await call(gateway.port, '/v1/tenants', { headers })
    expect(status).toBe(400)
    expect(json()).toMatchObject({ code: 'INVALID_REQUEST', error: `invalid header ${name}` })
  })
})

rule('getEdition.needsNoCredential', async () => {
  for (const headers of [{}, bearer('wrong'), bearer(gatewayToken), { authorization: ['Bearer a', 'Bearer b'] }]) {
    const { status, json } = await call(gateway.port, '/v1/edition', { headers })
    expect([status, json()['name']]).toEqual([200, 'standard'])
  }
})

describe('the gateway token', () => {
  it('is the system owner for an owner id, and an admin otherwise', async () => {
    const tenants = (user: string) =>
      call(gateway.port, '/v1/tenants', { headers: { ...bearer(gatewayToken), 'x-goclaw-user-id': user } })
    expect((await tenants('system')).status).toBe(200)
    const refused = await tenants('alice')
    expect(refused.status).toBe(403)
    expect(refused.json()).toMatchObject({ code: 'UNAUTHORIZED', error: expect.stringContaining('owner') })
  })

  it('reaches the tenants of its user only', async () => {
    const tenant = await createTenant('Members')
    await addMember(tenant, 'alice')
    const as = (user: string) => ({
      ...bearer(gatewayToken),
      'x-goclaw-user-id': user,
      'x-goclaw-tenant-id': tenant.slug,
    })
    expect(await callerSeen(as('alice'))).toMatchObject({ status: 200, tenantId: tenant.id, role: 'admin' })
    expect(await callerSeen(as('mallory'))).toMatchObject({ status: 403, code: 'TENANT_ACCESS_REVOKED' })
    expect(await callerSeen(as(''))).toMatchObject({ status: 401, code: 'UNAUTHORIZED' })
    expect(await callerSeen(as('system'))).toMatchObject({ status: 200, tenantId: tenant.id, role: 'owner' })
  })

  it('names an unknown tenant: 404, or the master tenant where that is wanted', async () => {
    const headers = { ...bearer(gatewayToken), 'x-goclaw-user-id': 'system', 'x-goclaw-tenant-id': 'nobody-here' }
    expect(await callerSeen(headers)).toMatchObject({ status: 404, code: 'NOT_FOUND' })
    const lenient = await startGateway(harness.mesh, { CLAWMESH_UNKNOWN_TENANT_FALLBACK: 'true' })
    const { json } = await call(lenient.port, '/v1/traces', { headers })
    expect(json()).toMatchObject({ tenantId: masterTenantId })
    await lenient.stop()
  })

  it('may carry a user id in any script', async () => {
    const sent = Buffer.from('Nguyễn 阮').toString('latin1')
    expect(await callerSeen({ ...bearer(gatewayToken), 'x-goclaw-user-id': sent })).toMatchObject({
      userId: 'Nguyễn 阮',
    })
  })

  it('with an unusable header is 400 naming it', async () => {
    for (const name of ['X-GoClaw-User-Id', 'X-GoClaw-Tenant-Id']) {
      const { status, text } = await call(gateway.port, '/v1/traces', {
        headers: { ...bearer(gatewayToken), [name]: 'a\tb' },
      })
      expect(status).toBe(400)
      expect(text).toContain(name)
    }
  })
})

describe('an API key', () => {
  it('works in its own tenant, whatever tenant is named', async () => {
    const [tenant, other] = [await createTenant('Own'), await createTenant('Not own')]
    const { key } = await createKey(['operator.write'], tenant)
    expect(await callerSeen({ ...bearer(key), 'x-goclaw-tenant-id': other.id })).toMatchObject({
      status: 200,
      tenantId: tenant.id,
      tenantSlug: tenant.slug,
      role: 'operator',
      credential: 'api-key',
      scopes: ['operator.write'],
    })
  })

  it('of the system works in any tenant, and in the master tenant by itself', async () => {
    const tenant = await createTenant('Reached')
    const { key } = await createKey(['operator.admin'])
    expect(await callerSeen(bearer(key))).toMatchObject({ tenantId: masterTenantId, role: 'admin' })
    expect(await callerSeen({ ...bearer(key), 'x-goclaw-tenant-id': tenant.slug })).toMatchObject({
      tenantId: tenant.id,
      role: 'admin',
    })
  })

  it('that is bound to a user cannot speak for another', async () => {
    const { key } = await createKey(['operator.read'], await createTenant('Bound'), { owner_id: 'carol' })
    expect(await callerSeen({ ...bearer(key), 'x-goclaw-user-id': 'mallory' })).toMatchObject({
      userId: 'carol',
      userBound: true,
    })
  })

  it('that is too low is 403, and a scope may open what its role does not', async () => {
    const tenant = await createTenant('Scoped')
    const createdBy = async (scopes: string[], name: string) => {
      const { key } = await createKey(scopes, tenant)
      return call(gateway.port, '/v1/tenants', { method: 'POST', headers: bearer(key), body: JSON.stringify({ name }) })
    }
    expect((await createdBy(['operator.admin'], 'By admin')).status).toBe(403)
    expect((await createdBy(['operator.provision'], 'By provisioner')).status).toBe(201)
  })

  it('is refused with its next request once it is revoked', async () => {
    const tenant = await createTenant('Revoked')
    const { id, key } = await createKey(['operator.read'], tenant)
    expect((await callerSeen(bearer(key))).status).toBe(200)
    const admin = testCaller({ tenantId: tenant.id })
    expect((await harness.request(admin, 'POST', `/v1/api-keys/${id}/revoke`)).status).toBe(200)
    expect((await callerSeen(bearer(key))).status).toBe(401)
  })

  it('is refused once it has expired, although it is cached', async () => {
    const { key } = await createKey(['operator.read'], await createTenant('Expired'), { expires_in: 4 })
    expect((await callerSeen(bearer(key))).status).toBe(200)
    await new Promise((resolve) => setTimeout(resolve, 4_100))
    expect((await callerSeen(bearer(key))).status).toBe(401)
  })

  it('that was tried before it existed works when it does', async () => {
    const { key } = await createKey(['operator.read'], await createTenant('Early'))
    const { pool } = harness.mesh.database('identity')
    await pool.query('UPDATE identity.api_keys SET revoked = true WHERE key_hash = $1', [sha256Hex(key)])
    expect((await callerSeen(bearer(key))).status).toBe(401)
    await pool.query('UPDATE identity.api_keys SET revoked = false WHERE key_hash = $1', [sha256Hex(key)])
    expect((await callerSeen(bearer(key))).status).toBe(401)
    // What identity says when it has made a key.
    evict(harness.bus, cacheTags.apiKey(sha256Hex(key)))
    expect((await callerSeen(bearer(key))).status).toBe(200)
  })

  it('of a tenant that is suspended is refused at once, and works again when that ends', async () => {
    const tenant = await createTenant('Paused')
    const { key } = await createKey(['operator.read'], tenant)
    const set = (status: string) => harness.request(systemOwner, 'PATCH', `/v1/tenants/${tenant.id}`, { status })
    expect((await callerSeen(bearer(key))).status).toBe(200)
    await set('suspended')
    expect(await callerSeen(bearer(key))).toMatchObject({ status: 403, code: 'TENANT_ACCESS_REVOKED' })
    await set('active')
    expect((await callerSeen(bearer(key))).status).toBe(200)
  })
})

describe('while identity is away', () => {
  it('keys are 503 and never 401, other wrong tokens 401, and the gateway token works', async () => {
    const mesh = bareMesh({ CLAWMESH_IDENTITY_GRPC_URL: `127.0.0.1:${await findFreePort()}` })
    mesh.join({ name: 'traces', http: mirror, parts: [] })
    const edge = await startGateway(mesh)
    const statusOf = async (token: string) => (await call(edge.port, '/v1/traces', { headers: bearer(token) })).status
    expect(await statusOf(`goclaw_${'1'.repeat(32)}`)).toBe(503)
    expect(await statusOf('wrong')).toBe(401)
    expect(await statusOf(gatewayToken)).toBe(200)
    await edge.stop()
    await mesh.close()
  })
})

describe('without a gateway token', () => {
  let development: StartedGateway
  beforeAll(async () => {
    development = await startGateway(harness.mesh, { GOCLAW_GATEWAY_TOKEN: '', GOCLAW_HOST: '' })
  })
  afterAll(() => development.stop())

  const seen = async (headers: Record<string, string>) =>
    (await call(development.port, '/v1/traces', { headers })).json()

  it('everyone owns the master tenant', async () => {
    const tenant = await createTenant('Ignored')
    const expected = { tenantId: masterTenantId, role: 'owner', credential: 'dev' }
    expect(await seen({})).toMatchObject({ ...expected, userId: 'system' })
    expect(await seen({ 'x-goclaw-user-id': 'alice' })).toMatchObject({ ...expected, userId: 'alice' })
    expect(await seen({ 'x-goclaw-tenant-id': tenant.slug })).toMatchObject(expected)
    expect(await seen(bearer(`goclaw_${'2'.repeat(32)}`))).toMatchObject(expected)
    expect((await call(development.port, '/v1/tenants')).status).toBe(200)
  })

  it('a good key keeps its role and tenant', async () => {
    const tenant = await createTenant('Kept')
    const { key } = await createKey(['operator.read'], tenant)
    expect(await seen(bearer(key))).toMatchObject({ tenantId: tenant.id, role: 'viewer' })
  })

  it('web pages of elsewhere are refused', async () => {
    const answer = await call(development.port, '/v1/traces', { headers: { origin: 'https://evil.example' } })
    expect(answer.status).toBe(403)
  })
})
