/** Tenants, members and API keys over the WebSocket: the same use cases as over HTTP. */
import { masterTenantId, type Caller } from '@clawmesh/contracts'
import { newId, sha256Hex } from '@clawmesh/chassis'
import { rule } from '../../../test/support/rule.ts'
import { testCaller } from '../../../test/support/service-harness.ts'
import { startIdentity, systemOwner, type IdentityHarness } from './support.ts'

let identity: IdentityHarness

beforeAll(async () => {
  identity = await startIdentity()
})
afterAll(() => identity.stop())

const owner: Caller = { ...systemOwner, credential: 'gateway-token' }
const adminIn = (tenantId: string, more: Partial<Caller> = {}) =>
  testCaller({ tenantId, role: 'admin', credential: 'gateway-token', ...more })

const method = async <R = Record<string, unknown>>(caller: Caller, name: string, params: object = {}): Promise<R> => {
  const { resultJson } = await identity.mesh
    .methods('identity')
    .callMethod(identity.call(caller), { method: name, paramsJson: JSON.stringify(params) })
  return JSON.parse(resultJson) as R
}
const http = async <R = Record<string, unknown>>(caller: Caller, path: string): Promise<R> =>
  (await identity.request<R & Record<string, unknown>>(caller, 'GET', path)).body
const failure = (code: string) => ({ code })

interface Membership {
  id: string
  role: string
  status: string
}
const mine = async (caller: Caller) => (await method<{ tenants: Membership[] }>(caller, 'tenants.mine')).tenants
const addMember = (tenantId: string, userId: string, role = 'member') =>
  method(owner, 'tenants.users.add', { tenant_id: tenantId, user_id: userId, role })

describe('tenants of the caller', () => {
  rule('tenants.mine.listsMemberships', async () => {
    const [first, second, closed] = [
      await identity.tenant('One'),
      await identity.tenant('Two'),
      await identity.tenant('Shut'),
    ]
    await addMember(second, 'mia', 'viewer')
    await addMember(first, 'mia', 'admin')
    await addMember(closed, 'mia')
    await method(owner, 'tenants.update', { id: closed, status: 'suspended' })
    expect(await mine(adminIn(masterTenantId, { userId: 'mia' }))).toEqual([
      { id: first, name: 'One', slug: 'one', role: 'admin', status: 'active' },
      { id: second, name: 'Two', slug: 'two', role: 'viewer', status: 'active' },
    ])
  })

  rule('tenants.mine.listsAllToOwners', async () => {
    const id = await identity.tenant('Listed to owners')
    await method(owner, 'tenants.update', { id, status: 'archived' })
    const all = await mine(owner)
    expect(all.map((tenant) => tenant.id)).toEqual(
      (await http<{ tenants: { id: string }[] }>(owner, '/v1/tenants')).tenants.map((tenant) => tenant.id),
    )
    expect(all.find((tenant) => tenant.id === id)).toMatchObject({ role: 'owner', status: 'archived' })
  })

  rule('tenants.mine.isEmptyWithoutAUser', async () => {
    const id = await identity.tenant('Nobody named')
    expect(await mine(adminIn(id, { userId: '' }))).toEqual([])
  })

  rule('tenants.mine.staysInsideOtherCredentials', async () => {
    const [own, other] = [await identity.tenant('Own'), await identity.tenant('Other')]
    for (const id of [own, other]) await addMember(id, 'kim')
    for (const credential of ['api-key', 'oidc', 'paired-device'] as const)
      expect((await mine(adminIn(own, { userId: 'kim', credential }))).map(({ id }) => id)).toEqual([own])
    expect(await mine(adminIn(own, { userId: 'stranger', credential: 'api-key' }))).toEqual([])
  })
})

describe('tenants', () => {
  rule('tenants.list.isAsOverHttp', async () => {
    await identity.tenant('In the list')
    expect(await method(owner, 'tenants.list')).toEqual(await http(owner, '/v1/tenants'))
    await expect(method(adminIn(masterTenantId), 'tenants.list')).rejects.toMatchObject(failure('FORBIDDEN'))
  })

  rule('tenants.get.isAsOverHttp', async () => {
    const id = await identity.tenant('Gotten')
    expect(await method(owner, 'tenants.get', { id })).toEqual(await http(owner, `/v1/tenants/${id}`))
    await expect(method(owner, 'tenants.get', { id: newId() })).rejects.toMatchObject(failure('NOT_FOUND'))
  })

  rule('tenants.create.isAsOverHttp', async () => {
    const made = await method<{ id: string }>(owner, 'tenants.create', {
      name: 'Made',
      slug: 'made-ws',
      settings: { a_b: 1 },
    })
    expect(made).toMatchObject({ name: 'Made', slug: 'made-ws', status: 'active', settings: { a_b: 1 } })
    expect(await http(owner, `/v1/tenants/${made.id}`)).toEqual(made)
    await expect(method(owner, 'tenants.create', { name: 'Again', slug: 'made-ws' })).rejects.toMatchObject(
      failure('ALREADY_EXISTS'),
    )
    expect((await identity.event('tenantCreated', masterTenantId, made.id)).data['actorId']).toBe('system')
  })

  rule('tenants.create.opensToProvisioners', async () => {
    const provisioner = testCaller({ role: 'viewer', scopes: ['operator.provision'], tenantId: masterTenantId })
    expect(await method(provisioner, 'tenants.create', { name: 'By a provisioner' })).toMatchObject({
      status: 'active',
    })
    await expect(method(adminIn(masterTenantId), 'tenants.create', { name: 'No' })).rejects.toMatchObject(
      failure('FORBIDDEN'),
    )
  })

  rule('tenants.update.isAsOverHttp', async () => {
    const id = await identity.tenant('Before')
    expect(await method(owner, 'tenants.update', { id, name: 'After' })).toEqual({ ok: 'true' })
    expect(await method(owner, 'tenants.get', { id })).toMatchObject({ name: 'After', status: 'active' })
    await expect(method(owner, 'tenants.update', { id })).rejects.toMatchObject(failure('INVALID_REQUEST'))
    await expect(method(owner, 'tenants.update', { id: newId(), name: 'x' })).rejects.toMatchObject(
      failure('NOT_FOUND'),
    )
  })
})

describe('members', () => {
  rule('tenants.users.list.isAsOverHttp', async () => {
    const id = await identity.tenant('With members')
    await addMember(id, 'ann')
    const overHttp = await http(owner, `/v1/tenants/${id}/users`)
    expect(overHttp).toMatchObject({ users: [{ user_id: 'ann' }] })
    for (const params of [{ tenant_id: id }, { tenantId: id }, { id }])
      expect(await method(owner, 'tenants.users.list', params)).toEqual(overHttp)
    expect(await method(owner, 'tenants.users.list', { id: newId() })).toEqual({ users: [] })
  })

  rule('tenants.users.add.changesRoles', async () => {
    const id = await identity.tenant('Roles')
    expect(await method(owner, 'tenants.users.add', { tenantId: id, userId: 'ben' })).toEqual({ ok: 'true' })
    const list = () => method<{ users: object[] }>(owner, 'tenants.users.list', { id })
    expect(await list()).toMatchObject({ users: [{ user_id: 'ben', role: 'member' }] })
    await addMember(id, 'ben', 'admin')
    expect(await list()).toMatchObject({ users: [{ user_id: 'ben', role: 'admin' }] })
    await expect(addMember(newId(), 'ben')).rejects.toMatchObject(failure('NOT_FOUND'))
  })

  rule('tenants.users.add.opensToProvisioners', async () => {
    const [own, other] = [await identity.tenant('Provisioned own'), await identity.tenant('Provisioned other')]
    const keyIn = (tenantId: string) => testCaller({ tenantId, role: 'viewer', scopes: ['operator.provision'] })
    const add = (caller: Caller, id: string) => method(caller, 'tenants.users.add', { tenant_id: id, user_id: 'cy' })
    expect(await add(keyIn(own), own)).toEqual({ ok: 'true' })
    expect(await add(keyIn(masterTenantId), other)).toEqual({ ok: 'true' })
    await expect(add(keyIn(own), other)).rejects.toMatchObject(failure('NOT_FOUND'))
    await expect(add(adminIn(own), own)).rejects.toMatchObject(failure('FORBIDDEN'))
  })

  rule('tenants.users.remove.endsAccess', async () => {
    const id = await identity.tenant('Leaving')
    await addMember(id, 'dee')
    const remove = () => method(owner, 'tenants.users.remove', { tenant_id: id, user_id: 'dee' })
    const tags = await identity.evictedDuring(async () => expect(await remove()).toEqual({ ok: 'true' }))
    expect(tags).toEqual([expect.objectContaining({ kind: 'tenant_users', tenantId: id })])
    expect(await method(owner, 'tenants.users.list', { id })).toEqual({ users: [] })
    expect(await remove()).toEqual({ ok: 'true' })
  })
})

describe('API keys', () => {
  interface Created {
    id: string
    key: string
    created_by: string
  }
  const create = (caller: Caller, more: object = {}) =>
    method<Created>(caller, 'api_keys.create', { name: 'ci', scopes: ['operator.read'], ...more })

  rule('api_keys.list.isABareArray', async () => {
    const admin = adminIn(await identity.tenant('Keys'))
    const [first, second] = [await create(admin), await create(admin, { expires_in: 60 })]
    const listed = await method<{ id: string }[]>(admin, 'api_keys.list')
    expect(listed.map(({ id }) => id)).toEqual([second.id, first.id])
    expect(listed).toEqual(await http(admin, '/v1/api-keys'))
    for (const secret of [first.key, sha256Hex(first.key)]) expect(JSON.stringify(listed)).not.toContain(secret)
  })

  rule('api_keys.create.worksAtOnce', async () => {
    const admin = adminIn(await identity.tenant('At once'), { userId: 'eve' })
    let made: Created | undefined
    const tags = await identity.evictedDuring(async () => void (made = await create(admin)))
    expect(made).toMatchObject({ created_by: 'eve', key: expect.stringMatching(/^goclaw_[0-9a-f]{32}$/) })
    expect(tags).toEqual([expect.objectContaining({ kind: 'api_keys', key: sha256Hex(made!.key) })])
  })

  rule('api_keys.create.givesNoMoreThanOwn', async () => {
    const [own, other] = [await identity.tenant('Own rights'), await identity.tenant('Foreign rights')]
    const forbidden = failure('FORBIDDEN')
    await expect(create(adminIn(own), { scopes: ['operator.provision'] })).rejects.toMatchObject(forbidden)
    await expect(create(adminIn(own), { tenant_id: other })).rejects.toMatchObject(forbidden)
    expect(await create(owner, { tenantId: other })).toMatchObject({ tenant_id: other })
  })

  rule('api_keys.revoke.endsAtOnce', async () => {
    const [own, other] = [adminIn(await identity.tenant('Revoking')), adminIn(await identity.tenant('Not revoking'))]
    const { id, key } = await create(own)
    await expect(method(other, 'api_keys.revoke', { id })).rejects.toMatchObject(failure('NOT_FOUND'))
    await expect(method(own, 'api_keys.revoke', { id: newId() })).rejects.toMatchObject(failure('NOT_FOUND'))
    const tags = await identity.evictedDuring(async () =>
      expect(await method(own, 'api_keys.revoke', { id })).toEqual({ status: 'revoked' }),
    )
    expect(tags).toEqual([expect.objectContaining({ kind: 'api_keys', key: sha256Hex(key) })])
  })
})
