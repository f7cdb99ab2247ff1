import { masterTenantId } from '@clawmesh/contracts'
import { IdentityServiceService } from '@clawmesh/contracts/gen/clawmesh/identity/v1/identity.ts'
import { testCaller } from '../../../test/support/service-harness.ts'
import { startIdentity, systemOwner, type IdentityHarness } from './support.ts'
import { rule } from '../../../test/support/rule.ts'

interface Users {
  users: Record<string, unknown>[]
}
interface Results {
  results: Record<string, unknown>[]
}

const nowhere = '0193a5b0-7000-7000-8000-00000000ffff'

let harness: IdentityHarness

beforeAll(async () => {
  harness = await startIdentity()
})
afterAll(() => harness.stop())

const membersPath = (tenantId: string, userId?: string) =>
  `/v1/tenants/${tenantId}/users${userId === undefined ? '' : `/${encodeURIComponent(userId)}`}`
const add = (tenantId: string, userId: string, role?: string, caller = systemOwner) =>
  harness.request(caller, 'POST', membersPath(tenantId), { user_id: userId, ...(role === undefined ? {} : { role }) })
const remove = (tenantId: string, userId: string) =>
  harness.request(systemOwner, 'DELETE', membersPath(tenantId, userId))
const list = async (tenantId: string) =>
  (await harness.request<Users>(systemOwner, 'GET', membersPath(tenantId))).body.users
const roleOf = async (tenantId: string, userId: string) =>
  (await harness.rpc(IdentityServiceService).resolveMembership(harness.call(systemOwner), { tenantId, userId })).role

describe('members of a tenant', () => {
  rule('listTenantMembers.ordersByArrival', async () => {
    const tenantId = await harness.tenant('Members')
    expect(await add(tenantId, 'bob')).toMatchObject({ status: 201, body: { ok: 'true' } })
    await add(tenantId, 'alice', 'admin')
    expect(await list(nowhere)).toEqual([])
    const users = await list(tenantId)
    expect(users.map((user) => [user['user_id'], user['role'], user['tenant_id']])).toEqual([
      ['bob', 'member', tenantId],
      ['alice', 'admin', tenantId],
    ])
    expect(Object.keys(users[0]!).sort()).toEqual(['created_at', 'id', 'role', 'tenant_id', 'updated_at', 'user_id'])
  })

  it('are none for a tenant that does not exist', async () => {
    const { status, body } = await harness.request(systemOwner, 'GET', membersPath(nowhere))
    expect([status, body]).toEqual([200, { users: [] }])
  })

  rule('addTenantMember.changesRoles', async () => {
    const tenantId = await harness.tenant('Promoted')
    await add(tenantId, 'bob', 'viewer')
    const [before] = await list(tenantId)
    expect((await add(tenantId, 'bob', 'owner')).status).toBe(201)
    const after = await list(tenantId)
    expect(after).toHaveLength(1)
    expect(after[0]).toMatchObject({ id: before!['id'], role: 'owner', created_at: before!['created_at'] })
    expect(await roleOf(tenantId, 'bob')).toBe('owner')
  })

  it('are one however often they are added at once', async () => {
    const tenantId = await harness.tenant('At once')
    const answers = await Promise.all(Array.from({ length: 10 }, () => add(tenantId, 'bob')))
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]))
    expect(await list(tenantId)).toHaveLength(1)
  })

  rule('removeTenantMember.isFineForStrangers', async () => {
    const tenantId = await harness.tenant('Removed')
    await add(tenantId, 'bob')
    for (let times = 0; times < 2; times++)
      expect(await remove(tenantId, 'bob')).toMatchObject({ status: 200, body: { ok: 'true' } })
    expect([await list(tenantId), await roleOf(tenantId, 'bob')]).toEqual([[], ''])
    expect((await remove(nowhere, 'bob')).status).toBe(200)
    expect(await harness.eventsOf('tenantUserRemoved', tenantId)).toHaveLength(1)
  })

  it('may have any id: slashes, spaces, other scripts, 255 characters', async () => {
    const tenantId = await harness.tenant('Odd ids')
    for (const userId of ['a/b', 'a b', '..%2f', 'Nguyễn Văn A', '王小明', "o'brien; --", 'x'.repeat(255)]) {
      expect([userId, (await add(tenantId, userId)).status]).toEqual([userId, 201])
      expect((await list(tenantId)).map((user) => user['user_id'])).toEqual([userId])
      expect((await remove(tenantId, userId)).status).toBe(200)
      expect(await list(tenantId)).toEqual([])
    }
  })

  rule('addTenantMember.checksTheTenant', async () => {
    const { status, body } = await add(nowhere, 'bob')
    expect(status).toBe(404)
    expect(body['error']).toContain(nowhere)
    expect(await harness.eventsOf('tenantUserAdded', nowhere)).toEqual([])
    const tenantId = await harness.tenant('Long ids')
    expect([(await add(tenantId, 'x'.repeat(256))).status, (await add(tenantId, 'x'.repeat(255))).status]).toEqual([
      400, 201,
    ])
  })

  rule('addTenantMember.checksTheRole', async () => {
    const tenantId = await harness.tenant('Roles')
    await add(tenantId, 'plain')
    for (const role of ['owner', 'admin', 'operator', 'member', 'viewer'])
      expect((await add(tenantId, `a-${role}`, role)).status).toBe(201)
    expect((await add(tenantId, 'odd', 'root')).status).toBe(400)
    expect((await list(tenantId)).map((user) => user['role'])).toEqual([
      'member',
      'owner',
      'admin',
      'operator',
      'member',
      'viewer',
    ])
  })

  it.each([
    ['no user', {}, 'user_id'],
    ['an empty user', { user_id: '' }, 'user_id'],
    ['a user id that is too long', { user_id: 'x'.repeat(256) }, 'user_id'],
    ['a user id that is no text', { user_id: 7 }, 'user_id'],
    ['an unknown role', { user_id: 'bob', role: 'root' }, 'role'],
    ['no role at all', { user_id: 'bob', role: null }, 'role'],
  ])('answer 400 naming the field for %s', async (_, input, field) => {
    const tenantId = await harness.tenant(`Bad input ${field} ${JSON.stringify(input).length}`)
    const { status, body } = await harness.request(systemOwner, 'POST', membersPath(tenantId), input)
    expect(status).toBe(400)
    expect(body['error']).toContain(field)
    expect(await list(tenantId)).toEqual([])
  })

  it('are those of a tenant whose id is written in capitals, for caches too', async () => {
    const tenantId = await harness.tenant('Capitals')
    const tags = await harness.evictedDuring(() => add(tenantId.toUpperCase(), 'bob'))
    expect(tags).toEqual([{ kind: 'tenant_users', tenantId, key: 'bob' }])
    expect((await list(tenantId)).map((user) => user['user_id'])).toEqual(['bob'])
    expect((await harness.event('tenantUserAdded', tenantId, tenantId)).tenantid).toBe(tenantId)
  })

  it('answer 400 for a tenant that is no id and a user id that is too long', async () => {
    expect((await harness.request(systemOwner, 'GET', membersPath('acme'))).body['error']).toContain('id')
    const tooLong = await remove(nowhere, 'x'.repeat(256))
    expect(tooLong.status).toBe(400)
    expect(tooLong.body['error']).toContain('userId')
  })
})

describe('who may change members', () => {
  it('is the system owner only, but for adding with a key that may provision', async () => {
    const tenantId = await harness.tenant('Guarded')
    const admin = testCaller({ role: 'admin', tenantId })
    const provisioner = testCaller({ role: 'viewer', tenantId: masterTenantId, scopes: ['operator.provision'] })
    for (const caller of [
      testCaller({ role: 'viewer', tenantId }),
      testCaller({ role: 'operator', tenantId }),
      admin,
    ]) {
      expect((await harness.request(caller, 'GET', membersPath(tenantId))).status).toBe(403)
      expect((await add(tenantId, 'eve', 'owner', caller)).status).toBe(403)
      expect((await harness.request(caller, 'DELETE', membersPath(tenantId, 'eve'))).status).toBe(403)
    }
    expect((await harness.request(provisioner, 'GET', membersPath(tenantId))).status).toBe(403)
    expect((await harness.request(provisioner, 'DELETE', membersPath(tenantId, 'bob'))).status).toBe(403)
    expect((await add(tenantId, 'bob', 'admin', provisioner)).status).toBe(201)
    expect((await list(tenantId)).map((user) => user['user_id'])).toEqual(['bob'])
  })

  it("is not the provisioning key of another tenant: that tenant's is not found", async () => {
    const [mine, theirs] = [await harness.tenant('Provisions'), await harness.tenant('Not provisioned')]
    const provisioner = testCaller({ role: 'admin', tenantId: mine, scopes: ['operator.admin', 'operator.provision'] })
    const [foreign, unknown] = [await add(theirs, 'eve', 'owner', provisioner), await add(nowhere, 'eve', 'owner')]
    expect([foreign.status, unknown.status]).toEqual([404, 404])
    expect(String(foreign.body['error']).replace(theirs, '')).toBe(String(unknown.body['error']).replace(nowhere, ''))
    expect(await list(theirs)).toEqual([])
    expect((await add(mine, 'bob', 'member', provisioner)).status).toBe(201)
  })
})

describe('a change of membership', () => {
  rule('addTenantMember.isRecorded', async () => {
    const tenantId = await harness.tenant('Told')
    const evicted = { kind: 'tenant_users', tenantId, key: 'bob' }
    expect(await harness.evictedDuring(() => add(tenantId, 'bob', 'viewer'))).toEqual([evicted])
    expect(await harness.event('tenantUserAdded', tenantId, tenantId)).toMatchObject({
      tenantid: tenantId,
      data: { id: tenantId, userId: 'bob', role: 'viewer', actorId: 'system' },
    })
    expect(await harness.evictedDuring(() => remove(tenantId, 'bob'))).toEqual([evicted])
    expect((await harness.event('tenantUserRemoved', tenantId, tenantId)).data).toEqual({
      id: tenantId,
      userId: 'bob',
      actorId: 'system',
    })
    expect(await harness.evictedDuring(() => remove(tenantId, 'bob'))).toEqual([evicted])
  })
})

describe('somebody who asks for a tenant', () => {
  it('is recorded as refused where they are no member, and not where they are', async () => {
    const [tenantId, other] = [await harness.tenant('Closed'), await harness.tenant('Open')]
    await add(other, 'eve', 'viewer')
    expect(await roleOf(tenantId, 'eve')).toBe('')
    const { data } = await harness.event('tenantAccessDenied', tenantId, tenantId)
    expect(data).toEqual({ id: tenantId, actorId: 'eve' })
    expect(await roleOf(other, 'eve')).toBe('viewer')
    expect(await harness.eventsOf('tenantAccessDenied', other)).toEqual([])
  })
})

describe("users of the caller's tenant", () => {
  rule('listTenantUsers.isOfTheCallersTenant', async () => {
    const [mine, theirs] = [await harness.tenant('Mine too'), await harness.tenant('Theirs too')]
    await add(mine, 'bob')
    await add(theirs, 'eve')
    for (const role of ['viewer', 'operator', 'admin', 'owner'] as const) {
      const caller = testCaller({ role, tenantId: mine })
      const { status, body } = await harness.request<Users>(caller, 'GET', '/v1/tenant-users')
      expect([status, body.users.map((user) => user['user_id'])]).toEqual([200, ['bob']])
      const found = await harness.request<Results>(caller, 'GET', '/v1/users/search')
      expect(found.body.results.map(({ id }) => id)).toEqual(['bob'])
    }
  })

  rule('listTenantUsers.ordersByArrival', async () => {
    const tenantId = await harness.tenant('Arrivals')
    for (const userId of ['zoe', 'bob', 'alice']) await add(tenantId, userId)
    const { body } = await harness.request<Users>(testCaller({ role: 'viewer', tenantId }), 'GET', '/v1/tenant-users')
    expect(body.users.map((user) => user['user_id'])).toEqual(['zoe', 'bob', 'alice'])
  })

  it('are none in a tenant without any', async () => {
    const caller = testCaller({ role: 'viewer' })
    expect((await harness.request(caller, 'GET', '/v1/tenant-users')).body).toEqual({ users: [] })
    expect((await harness.request(caller, 'GET', '/v1/users/search')).body).toEqual({ results: [] })
  })
})

describe('the search for users', () => {
  let tenantId: string
  const search = async (query: Record<string, string>) => {
    const caller = testCaller({ role: 'viewer', tenantId })
    const path = `/v1/users/search?${new URLSearchParams(query).toString()}`
    const { status, body } = await harness.request<Results>(caller, 'GET', path)
    expect(status).toBe(200)
    return body.results
  }
  const ids = async (query: Record<string, string>) => (await search(query)).map(({ id }) => id)

  beforeAll(async () => {
    tenantId = await harness.tenant('Searched')
    for (const userId of ['Ann-Marie', 'bob_50%', 'bobby', 'c\\d']) await add(tenantId, userId)
    const { pool } = harness.mesh.database('identity')
    await pool.query(
      `UPDATE identity.tenant_users SET display_name = 'Zoe Ann' WHERE user_id = 'bobby' AND tenant_id = $1`,
      [tenantId],
    )
  })

  rule('searchUsers.findsAnyPart', async () => {
    expect(await ids({ q: 'BOB' })).toEqual(['bob_50%', 'bobby'])
    expect(await ids({ q: 'ann' })).toEqual(['Ann-Marie', 'bobby'])
    expect(await ids({ q: 'nobody' })).toEqual([])
    expect(await ids({})).toHaveLength(4)
  })

  rule('searchUsers.takesWildcardsLiterally', async () => {
    expect(await ids({ q: '%' })).toEqual(['bob_50%'])
    expect(await ids({ q: '_' })).toEqual(['bob_50%'])
    expect(await ids({ q: '\\' })).toEqual(['c\\d'])
    expect(await ids({ q: 'b%y' })).toEqual([])
  })

  rule('searchUsers.showsBothIds', async () => {
    const [result] = await search({ q: 'zoe' })
    expect(result).toEqual({
      id: 'bobby',
      uuid: expect.stringMatching(/^[0-9a-f-]{36}$/),
      display_name: 'Zoe Ann',
      source: 'tenant_user',
      role: 'member',
    })
    expect(Object.keys((await search({ q: 'ann-' }))[0]!).sort()).toEqual(['id', 'role', 'source', 'uuid'])
  })

  rule('searchUsers.filtersBySource', async () => {
    expect(await ids({ source: 'tenant_user' })).toHaveLength(4)
    expect(await ids({ source: 'contact' })).toEqual([])
    expect(await ids({ peer_kind: 'group' })).toHaveLength(4)
    expect(await ids({ source: 'elsewhere', peer_kind: 'odd' })).toHaveLength(4)
  })

  rule('searchUsers.capsTheLimit', async () => {
    const crowd = await harness.tenant('Crowd')
    await Promise.all(Array.from({ length: 101 }, (_, at) => add(crowd, `user ${at}`)))
    const caller = testCaller({ role: 'viewer', tenantId: crowd })
    const found = (query: string) => harness.request<Results>(caller, 'GET', `/v1/users/search${query}`)
    const count = async (query: string) => (await found(query)).body.results.length
    expect([await count('?limit=1'), await count('?limit=100'), await count('?limit=101')]).toEqual([1, 100, 100])
    expect(await count('')).toBe(30)
    for (const odd of ['0', '-1', 'abc', '', '1.5'])
      expect([odd, (await found(`?limit=${odd}`)).status]).toEqual([odd, 400])
  })
})
