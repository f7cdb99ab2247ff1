import { masterTenantId } from '@clawmesh/contracts'
import { IdentityServiceService } from '@clawmesh/contracts/gen/clawmesh/identity/v1/identity.ts'
import { rule, ruleName } from '../../../test/support/rule.ts'
import { testCaller } from '../../../test/support/service-harness.ts'
import { startIdentity, systemOwner as owner, type IdentityHarness } from './support.ts'

interface Tenant {
  id: string
  name: string
  slug: string
  status: string
  settings?: object
}
interface Failure {
  error: string
  code: string
}

let harness: IdentityHarness

beforeAll(async () => {
  harness = await startIdentity()
})
afterAll(() => harness.stop())

const unknown = '0193a5b0-7000-7000-8000-00000000ffff'
const create = (input: object, caller = owner) =>
  harness.request<Tenant & Failure>(caller, 'POST', '/v1/tenants', input)
const get = (id: string) => harness.request<Tenant & Failure>(owner, 'GET', `/v1/tenants/${id}`)
const update = (id: string, changes: object) => harness.request<Failure>(owner, 'PATCH', `/v1/tenants/${id}`, changes)
const list = async () => (await harness.request<{ tenants: Tenant[] }>(owner, 'GET', '/v1/tenants')).body.tenants
const evicted = (tenantId: string) => [{ kind: 'tenants' }, { kind: 'tenant_users', tenantId }]

describe('the list of tenants', () => {
  rule('listTenants.isForSystemOwners', async () => {
    const admin = testCaller({ role: 'admin', locale: 'vi' })
    const { status, body } = await harness.request(admin, 'GET', '/v1/tenants')
    expect(status).toBe(403)
    expect(body['error']).toContain('không đủ quyền')
  })

  rule('listTenants.listsAll', async () => {
    const ids: string[] = []
    for (const name of ['Zulu', 'Alpha']) ids.push((await create({ name })).body.id)
    await update(ids[0]!, { status: 'archived' })
    const listed = await list()
    expect(listed[0]).toMatchObject({ id: masterTenantId, slug: 'master' })
    expect(listed.slice(-2)).toMatchObject([{ id: ids[0], status: 'archived' }, { id: ids[1] }])
  })
})

describe('creating a tenant', () => {
  it.each([
    ['Acme Ltd. (EU)', 'acme-ltd-eu'],
    ['Công ty Phở', 'cong-ty-pho'],
    ['System', 'tenant-system'],
    ['!!!', expect.stringMatching(/^tenant-[0-9a-f]{6}$/)],
  ])(ruleName('createTenant.derivesTheSlug', '%s'), async (name, slug) => {
    expect(await create({ name })).toMatchObject({ status: 201, body: { name, slug } })
  })

  rule('createTenant.checksTheSlug', async () => {
    for (const slug of ['Upper', '-edge', 'edge-', 'under_score', 'x'.repeat(101), ''])
      expect([slug, (await create({ name: 'x', slug })).status]).toEqual([slug, 400])
    for (const slug of ['a', '0-9', 'x'.repeat(100)])
      expect([slug, (await create({ name: 'x', slug })).status]).toEqual([slug, 201])
  })

  rule('createTenant.keepsSlugsUnique', async () => {
    await create({ name: 'Twice' })
    const { status, body } = await create({ name: 'Twice' })
    expect(status).toBe(409)
    expect(body).toMatchObject({ code: 'ALREADY_EXISTS', retryable: false, error: 'tenant already exists: twice' })
  })

  rule('createTenant.opensToProvisioners', async () => {
    const provisioner = testCaller({ role: 'viewer', scopes: ['operator.provision'] })
    expect((await create({ name: 'Provisioned' }, provisioner)).status).toBe(201)
    expect((await create({ name: 'Not so' }, testCaller({ role: 'admin' }))).status).toBe(403)
  })

  rule('createTenant.startsActive', async () => {
    const settings = { a_b: { cD: 1 } }
    const { body } = await create({ name: 'With settings', settings })
    expect(body).toMatchObject({ status: 'active', settings })
    expect((await get(body.id)).body).toEqual(body)
    expect((await create({ name: 'Without settings' })).body).not.toHaveProperty('settings')
  })

  rule('createTenant.isRecorded', async () => {
    let id = ''
    const tags = await harness.evictedDuring(async () => (id = (await create({ name: 'Recorded' })).body.id))
    expect(tags).toEqual(evicted(id))
    expect((await harness.event('tenantCreated', masterTenantId, id)).data['actorId']).toBe('system')
  })
})

describe('one tenant', () => {
  rule('getTenant.takesIds', async () => {
    const { body: made } = await create({ name: 'Single' })
    expect(await get(made.id)).toMatchObject({ status: 200, body: made })
    expect(await get(made.id.toUpperCase())).toMatchObject({ status: 200, body: made })
    for (const id of [unknown, '00000000-0000-0000-0000-000000000001', 'FFFFFFFF-ffff-0fff-ffff-ffffffffffff'])
      expect([id, (await get(id)).status]).toEqual([id, 404])
    for (const id of [made.slug, '42', `${unknown}0`, unknown.replaceAll('-', '')])
      expect([id, (await get(id)).status]).toEqual([id, 400])
  })

  it('is found by id or slug by the edge', async () => {
    const { body: made } = await create({ name: 'Resolved' })
    const resolve = (idOrSlug: string) =>
      harness.rpc(IdentityServiceService).resolveTenant(harness.call(owner), { idOrSlug })
    const found = { found: true, id: made.id, slug: 'resolved', status: 'active' }
    for (const reference of [made.id, made.slug]) expect(await resolve(reference)).toMatchObject(found)
    expect(await resolve('nowhere')).toMatchObject({ found: false })
  })
})

describe('changing a tenant', () => {
  rule('updateTenant.leavesTheRest', async () => {
    const { body: made } = await create({ name: 'Before', settings: { old: 1 } })
    expect((await update(made.id, { name: '', status: 'suspended' })).body).toEqual({ ok: 'true' })
    expect((await get(made.id)).body).toMatchObject({ name: 'Before', status: 'suspended', settings: { old: 1 } })
    await update(made.id, { name: 'After', settings: { young: 2 } })
    const after = (await get(made.id)).body
    expect(after).toMatchObject({ name: 'After', slug: 'before', status: 'suspended', settings: { young: 2 } })
    expect(after.settings).not.toHaveProperty('old')
    for (const nothing of [{}, { name: '' }, { slug: 'other' }])
      expect((await update(made.id, nothing)).status).toBe(400)
  })

  rule('updateTenant.checksStatusAndId', async () => {
    const { id } = (await create({ name: 'Checked' })).body
    expect((await update(id, { status: 'paused' })).status).toBe(400)
    expect((await update(unknown, { name: 'x' })).status).toBe(404)
    expect((await get(id)).body).toMatchObject({ status: 'active' })
  })

  rule('updateTenant.isRecorded', async () => {
    const { id } = (await create({ name: 'Changed' })).body
    expect(await harness.evictedDuring(() => update(id, { status: 'suspended' }))).toEqual(evicted(id))
    expect((await harness.event('tenantUpdated', masterTenantId, id)).data['actorId']).toBe('system')
  })
})

describe('bad bodies', () => {
  it.each([
    ['unparseable JSON', '{"name":'],
    ['nesting 100,000 deep', '['.repeat(100_000) + ']'.repeat(100_000)],
    ['a prototype key', '{"name":"x","settings":{"__proto__":{"admin":true}}}'],
    ['an escaped prototype key', '{"name":"x","settings":{"\\u005f_proto__":{"admin":true}}}'],
  ])('answer 400 and store nothing: %s', async (_, body) => {
    const before = await list()
    expect((await harness.request(owner, 'POST', '/v1/tenants', body)).status).toBe(400)
    const after = await list()
    expect(after).toHaveLength(before.length)
  })

  it('answer 413 over the limit', async () => {
    const name = 'x'.repeat(1_100_000)
    expect((await harness.request(owner, 'POST', '/v1/tenants', { name })).status).toBe(413)
  })
})
