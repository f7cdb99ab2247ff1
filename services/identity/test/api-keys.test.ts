import { masterTenantId } from '@clawmesh/contracts'
import { IdentityServiceService } from '@clawmesh/contracts/gen/clawmesh/identity/v1/identity.ts'
import { sha256Hex } from '@clawmesh/chassis'
import { rule } from '../../../test/support/rule.ts'
import { testCaller } from '../../../test/support/service-harness.ts'
import { startIdentity, systemOwner, type IdentityHarness } from './support.ts'

interface Key {
  id: string
  key: string
  prefix: string
  tenant_id: string
  owner_id?: string
  created_by: string
  created_at: string
  expires_at: string | null
  revoked: boolean
  error: string
  code: string
}

const noTenant = '00000000-0000-0000-0000-000000000000'
const hour = 3_600

let harness: IdentityHarness
let tenants = 0

beforeAll(async () => {
  harness = await startIdentity()
})
afterAll(() => harness.stop())

const admin = async () => testCaller({ role: 'admin', tenantId: await harness.tenant(`keys ${++tenants}`) })
const create = (caller = systemOwner, more: object = {}) =>
  harness.request<Key>(caller, 'POST', '/v1/api-keys', { name: 'k', scopes: ['operator.read'], ...more })
const list = async (caller = systemOwner) => (await harness.request<Key[]>(caller, 'GET', '/v1/api-keys')).body
const revoke = (caller: typeof systemOwner, id: string, body?: object) =>
  harness.request<Key>(caller, 'POST', `/v1/api-keys/${id}/revoke`, body)
const resolve = (key: string) =>
  harness.rpc(IdentityServiceService).resolveApiKey(harness.call(systemOwner), { keyHash: sha256Hex(key) })
const tagOf = (key: string) => ({ kind: 'api_keys', tenantId: '', key: sha256Hex(key) })

describe('the list of API keys', () => {
  rule('listApiKeys.isABareArray', async () => {
    const caller = await admin()
    const ids: string[] = []
    for (const name of ['first', 'second', 'third']) ids.unshift((await create(caller, { name })).body.id)
    await create(await admin())
    expect((await list(caller)).map(({ id }) => id)).toEqual(ids)
  })

  rule('listApiKeys.showsSystemKeysToOwners', async () => {
    const caller = await admin()
    const [own, system] = [(await create(caller)).body, (await create()).body]
    expect((await list(caller)).map(({ id }) => id)).toEqual([own.id])
    const seen = await list({ ...systemOwner, tenantId: caller.tenantId })
    expect(seen.find(({ id }) => id === own.id)).toMatchObject({ tenant_id: caller.tenantId })
    expect(seen.find(({ id }) => id === system.id)).toMatchObject({ tenant_id: noTenant })
  })

  rule('listApiKeys.hidesSecrets', async () => {
    const caller = await admin()
    const [{ body: bound }, { body: free }] = [await create(caller, { owner_id: 'bob' }), await create(caller)]
    const listed = await list(caller)
    for (const { key } of [bound, free]) {
      expect(JSON.stringify(listed)).not.toContain(key)
      expect(JSON.stringify(listed)).not.toContain(sha256Hex(key))
    }
    expect(listed.map((key) => [key.id, key.owner_id])).toEqual([
      [free.id, undefined],
      [bound.id, 'bob'],
    ])
  })
})

describe('making an API key', () => {
  rule('createApiKey.makesARandomSecret', async () => {
    const caller = await admin()
    const [first, second] = [await create(caller), await create(caller)]
    expect([first.status, first.headers.get('cache-control')]).toEqual([201, 'no-store'])
    expect(first.body.key).toMatch(/^goclaw_[0-9a-f]{32}$/)
    expect(second.body.key).not.toBe(first.body.key)
    const { rows } = await harness.mesh
      .database('identity')
      .pool.query<{ row: string }>('SELECT k::text AS row FROM identity.api_keys k')
    const stored = rows.map(({ row }) => row).join()
    expect(stored).toContain(sha256Hex(first.body.key))
    expect(stored).not.toContain(first.body.key)
  })

  rule('createApiKey.showsAPrefix', async () => {
    const { key, prefix } = (await create(await admin())).body
    expect(prefix).toBe(key.slice(0, 'goclaw_'.length + 8))
  })

  rule('createApiKey.bindsToATenant', async () => {
    const [mine, theirs] = [await admin(), await admin()]
    const tenantOf = async (...input: Parameters<typeof create>) => {
      const { status, body } = await create(...input)
      return status === 201 ? body.tenant_id : [status, body.code]
    }
    expect(await tenantOf(mine)).toBe(mine.tenantId)
    expect(await tenantOf(mine, { tenant_id: mine.tenantId })).toBe(mine.tenantId)
    const nowhere = '0193a5b0-7000-7000-8000-00000000ffff'
    for (const tenant_id of [theirs.tenantId, masterTenantId, nowhere, noTenant])
      expect(await tenantOf(mine, { tenant_id })).toEqual([403, 'UNAUTHORIZED'])
    expect(await tenantOf(systemOwner, { tenant_id: theirs.tenantId })).toBe(theirs.tenantId)
    expect(await tenantOf(systemOwner)).toBe(noTenant)
    expect(await tenantOf(systemOwner, { tenant_id: nowhere })).toEqual([404, 'NOT_FOUND'])
    expect((await create(systemOwner, { tenant_id: nowhere })).body.error).toBe(`tenant not found: ${nowhere}`)
    expect(await list(mine)).toHaveLength(2)
  })

  rule('createApiKey.expires', async () => {
    const caller = await admin()
    for (const expires_in of [undefined, null, 0, -1])
      expect((await create(caller, { expires_in })).body.expires_at).toBeNull()
    const { expires_at, created_at } = (await create(caller, { expires_in: hour })).body
    expect(Math.abs(Date.parse(expires_at!) - Date.parse(created_at) - hour * 1_000)).toBeLessThan(10_000)
    const hundredYears = 100 * 365 * 24 * hour
    expect((await create(caller, { expires_in: hundredYears })).status).toBe(201)
    for (const expires_in of [hundredYears + 1, 1e12, 1e300, 1.5, '60'])
      expect([expires_in, (await create(caller, { expires_in })).status]).toEqual([expires_in, 400])
  })

  rule('createApiKey.speaksForItsOwner', async () => {
    const caller = await admin()
    const { key } = (await create(caller, { owner_id: 'bob' })).body
    expect(await resolve(key)).toMatchObject({ found: true, ownerId: 'bob' })
    const bound = { ...caller, userId: 'bob', userBound: true }
    for (const owner_id of [undefined, '', 'bob'])
      expect((await create(bound, { owner_id })).body).toMatchObject({ owner_id: 'bob' })
    const before = await list(caller)
    const { status, body } = await create(bound, { owner_id: 'eve' })
    expect([status, body.code]).toEqual([403, 'UNAUTHORIZED'])
    expect(await list(caller)).toEqual(before)
  })

  rule('createApiKey.notesItsCreator', async () => {
    const caller = await admin()
    expect((await create(caller)).body.created_by).toBe('alice')
    expect((await create({ ...caller, userId: '' })).body.created_by).toBe('')
  })

  rule('createApiKey.isRecorded', async () => {
    const tenantId = await harness.tenant('Recorded')
    let made: Key | undefined
    const tags = await harness.evictedDuring(
      async () => (made = (await create(systemOwner, { tenant_id: tenantId })).body),
    )
    expect(tags).toEqual([tagOf(made!.key)])
    const event = await harness.event('apiKeyCreated', tenantId, made!.id)
    expect(event.data).toEqual({ id: made!.id, actorId: 'system' })
  })

  it.each([
    ['no name', { name: undefined }, 'name'],
    ['a name of 101 characters', { name: 'x'.repeat(101) }, 'name'],
    ['no scopes', { scopes: [] }, 'scopes'],
    ['an unknown scope', { scopes: ['root'] }, 'scopes'],
    ['a tenant that is no id', { tenant_id: 'acme' }, 'tenant_id'],
  ])('answers 400 naming the field for %s', async (_, input, field) => {
    const { status, body } = await create(testCaller(), input)
    expect(status).toBe(400)
    expect(body.error).toContain(field)
  })
})

describe('revoking an API key', () => {
  rule('revokeApiKey.keepsTheRow', async () => {
    const caller = await admin()
    const { id, key } = (await create(caller)).body
    expect((await resolve(key)).found).toBe(true)
    for (let times = 0; times < 2; times++)
      expect(await revoke(caller, id)).toMatchObject({ status: 200, body: { status: 'revoked' } })
    expect(await list(caller)).toMatchObject([{ id, revoked: true }])
    expect((await resolve(key)).found).toBe(false)
  })

  rule('revokeApiKey.ignoresTheBody', async () => {
    const caller = await admin()
    const { id } = (await create(caller)).body
    for (const body of [{}, { revoked: false }, { id: 'other' }])
      expect((await revoke(caller, id, body)).status).toBe(200)
  })

  rule('revokeApiKey.protectsOthers', async () => {
    const [mine, theirs] = [await admin(), await admin()]
    const [foreign, system] = [(await create(theirs)).body, (await create()).body]
    for (const { id, key } of [foreign, system]) {
      expect((await revoke(mine, id)).status).toBe(404)
      expect((await resolve(key)).found).toBe(true)
    }
    expect((await revoke(systemOwner, system.id)).status).toBe(200)
  })

  rule('revokeApiKey.isRecorded', async () => {
    const caller = await admin()
    const { id, key } = (await create(caller)).body
    expect(await harness.evictedDuring(() => revoke(caller, id))).toEqual([tagOf(key)])
    expect((await harness.event('apiKeyRevoked', caller.tenantId, id)).data).toEqual({ id, actorId: 'alice' })
  })

  rule('revokeApiKey.hasADeleteForm', async () => {
    const caller = await admin()
    const { id, key } = (await create(caller)).body
    const { status, body } = await harness.request(caller, 'DELETE', `/v1/api-keys/${id}`)
    expect([status, body]).toEqual([200, { status: 'revoked' }])
    expect(await list(caller)).toMatchObject([{ id, revoked: true }])
    expect((await resolve(key)).found).toBe(false)
  })
})

describe('the events of an API key', () => {
  it('are of the tenant that it opens, though a system owner makes it from elsewhere', async () => {
    const tenantId = await harness.tenant('Opened')
    const id = (await create(systemOwner, { tenant_id: tenantId })).body.id
    await harness.event('apiKeyCreated', tenantId, id)
    const elsewhere = await harness.eventsOf('apiKeyCreated', masterTenantId)
    expect(elsewhere.map(({ data }) => (data as Key).id)).not.toContain(id)
  })

  it('are of the master tenant for a system key, wherever its owner works', async () => {
    const tenantId = await harness.tenant('Elsewhere')
    const caller = { ...systemOwner, tenantId }
    const id = (await create(caller)).body.id
    for (const verb of ['rotate', 'revoke']) await harness.request(caller, 'POST', `/v1/api-keys/${id}/${verb}`)
    for (const name of ['apiKeyCreated', 'apiKeyRotated', 'apiKeyRevoked'] as const) {
      await harness.event(name, masterTenantId, id)
      expect(await harness.eventsOf(name, tenantId)).toEqual([])
    }
  })
})
