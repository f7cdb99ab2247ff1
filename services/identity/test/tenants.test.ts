import { IdentityServiceService } from '@clawmesh/contracts/gen/clawmesh/identity/v1/identity.ts'
import { masterTenantId } from '@clawmesh/contracts'
import { sha256Hex } from '@clawmesh/chassis'
import { testIdentity } from '../../../test/support/identity.ts'
import { startServices, testCaller, type ServiceHarness } from '../../../test/support/service-harness.ts'

let harness: ServiceHarness
const owner = testCaller({ role: 'owner', tenantId: masterTenantId, tenantSlug: 'master', userId: 'system' })

beforeAll(async () => {
  harness = await startServices({ services: { identity: testIdentity() } })
})
afterAll(() => harness.stop())

const createTenant = async (name: string) => {
  const { body } = await harness.request<{ id: string; slug: string }>(owner, 'POST', '/v1/tenants', { name })
  return body
}

describe('tenants', () => {
  it('derives a slug from the name when none is given', async () => {
    const { slug } = await createTenant('Acme Ltd. (EU)')
    expect(slug).toBe('acme-ltd-eu')
  })

  it('answers 409 for a slug that is taken', async () => {
    await createTenant('Twice')
    const { status, body } = await harness.request(owner, 'POST', '/v1/tenants', { name: 'Twice' })
    expect(status).toBe(409)
    expect(body).toMatchObject({ code: 'ALREADY_EXISTS', retryable: false })
  })

  it('answers 400 for a change that changes nothing, and 404 for an unknown id', async () => {
    const { id } = await createTenant('Unchanged')
    expect((await harness.request(owner, 'PATCH', `/v1/tenants/${id}`, { name: '' })).status).toBe(400)
    const unknown = '0193a5b0-7000-7000-8000-00000000ffff'
    expect((await harness.request(owner, 'PATCH', `/v1/tenants/${unknown}`, { name: 'x' })).status).toBe(404)
  })

  it('are refused to an admin, in the language asked for', async () => {
    const admin = testCaller({ role: 'admin', locale: 'vi' })
    const { status, body } = await harness.request(admin, 'GET', '/v1/tenants')
    expect(status).toBe(403)
    expect(body['error']).toContain('không đủ quyền')
  })

  it('can be created with a key that may provision', async () => {
    const provisioner = testCaller({ role: 'viewer', scopes: ['operator.provision'] })
    expect((await harness.request(provisioner, 'POST', '/v1/tenants', { name: 'Provisioned' })).status).toBe(201)
  })
})

describe('API keys', () => {
  it('shows the secret once and stores only its hash', async () => {
    const { id: tenantId } = await createTenant('Keys')
    const admin = testCaller({ tenantId })
    const created = await harness.request(admin, 'POST', '/v1/api-keys', { name: 'ci', scopes: ['operator.write'] })
    expect(created.status).toBe(201)
    expect(created.headers.get('cache-control')).toBe('no-store')
    const { key, prefix } = created.body as { key: string; prefix: string }
    expect(key).toMatch(/^goclaw_[0-9a-f]{32}$/)
    expect(key.startsWith(prefix)).toBe(true)
    const { body } = await harness.request<object[]>(admin, 'GET', '/v1/api-keys')
    expect(JSON.stringify(body)).not.toContain(key)
    expect(JSON.stringify(body)).not.toContain(sha256Hex(key))
  })

  it('belong to the tenant of the caller whatever an admin sends', async () => {
    const [mine, other] = [await createTenant('Mine'), await createTenant('Other')]
    const admin = testCaller({ tenantId: mine.id })
    const { body } = await harness.request(admin, 'POST', '/v1/api-keys', {
      name: 'x',
      scopes: ['operator.read'],
      tenant_id: other.id,
    })
    expect(body['tenant_id']).toBe(mine.id)
  })

  it('cannot be revoked from another tenant, and system keys only by a system owner', async () => {
    const tenant = await createTenant('Revoker')
    const stranger = testCaller({ tenantId: tenant.id })
    const system = await harness.request(owner, 'POST', '/v1/api-keys', { name: 'system', scopes: ['operator.admin'] })
    const revoke = `/v1/api-keys/${String(system.body['id'])}/revoke`
    expect((await harness.request(stranger, 'POST', revoke)).status).toBe(404)
    expect((await harness.request(owner, 'POST', revoke)).status).toBe(200)
    expect((await harness.request(owner, 'DELETE', revoke.replace('/revoke', ''))).body).toEqual({ status: 'revoked' })
  })

  it('resolve until they are revoked or expire', async () => {
    const { id: tenantId } = await createTenant('Resolver')
    const admin = testCaller({ tenantId })
    const { body } = await harness.request(admin, 'POST', '/v1/api-keys', {
      name: 'x',
      scopes: ['operator.read'],
      expires_in: 3600,
      owner_id: 'bob',
    })
    const resolve = () =>
      harness
        .rpc(IdentityServiceService)
        .resolveApiKey(harness.call(admin), { keyHash: sha256Hex(String(body['key'])) })
    expect(await resolve()).toMatchObject({ found: true, tenantId, ownerId: 'bob', scopes: ['operator.read'] })
    await harness.request(admin, 'POST', `/v1/api-keys/${String(body['id'])}/revoke`)
    expect(await resolve()).toMatchObject({ found: false })
  })

  it.each([
    ['no name', { scopes: ['operator.read'] }, 'name'],
    ['no scopes', { name: 'x', scopes: [] }, 'scopes'],
    ['an unknown scope', { name: 'x', scopes: ['root'] }, 'scopes'],
  ])('answer 400 naming the field for %s', async (_, input, field) => {
    const { status, body } = await harness.request(testCaller(), 'POST', '/v1/api-keys', input)
    expect(status).toBe(400)
    expect(body['error']).toContain(field)
  })
})

describe('bad bodies', () => {
  it.each([
    ['unparseable JSON', '{"name":'],
    ['nesting 100,000 deep', '['.repeat(100_000) + ']'.repeat(100_000)],
    ['a prototype key', '{"name":"x","settings":{"__proto__":{"admin":true}}}'],
    ['an escaped prototype key', '{"name":"x","settings":{"\\u005f_proto__":{"admin":true}}}'],
  ])('answer 400 and store nothing: %s', async (_, body) => {
    const before = await harness.request<{ tenants: object[] }>(owner, 'GET', '/v1/tenants')
    expect((await harness.request(owner, 'POST', '/v1/tenants', body)).status).toBe(400)
    const after = await harness.request<{ tenants: object[] }>(owner, 'GET', '/v1/tenants')
    expect(after.body.tenants).toHaveLength(before.body.tenants.length)
  })

  it('answer 413 over the limit', async () => {
    const name = 'x'.repeat(1_100_000)
    expect((await harness.request(owner, 'POST', '/v1/tenants', { name })).status).toBe(413)
  })
})
