import { masterTenantId } from '@clawmesh/contracts'
import { IdentityServiceService } from '@clawmesh/contracts/gen/clawmesh/identity/v1/identity.ts'
import { sha256Hex } from '@clawmesh/chassis'
import { testCaller } from '../../../test/support/service-harness.ts'
import { startIdentity, systemOwner, type IdentityHarness } from './support.ts'
import { rule } from '../../../test/support/rule.ts'
import { until } from '../../../test/support/eventually.ts'

interface Key {
  id: string
  key: string
  prefix: string
  expires_at: string | null
  rotated_from?: string
  previous_expires_at?: string
}

const hour = 3_600
const nearlyMs = 10_000
const nowhere = '0193a5b0-7000-7000-8000-00000000ffff'

let harness: IdentityHarness
let tenants = 0

beforeAll(async () => {
  harness = await startIdentity()
})
afterAll(() => harness.stop())

const admin = async () => testCaller({ role: 'admin', tenantId: await harness.tenant(`keys ${++tenants}`) })
const create = async (caller = systemOwner, more: object = {}) =>
  (
    await harness.request<Key>(caller, 'POST', '/v1/api-keys', {
      name: 'ci',
      scopes: ['operator.write', 'operator.read'],
      ...more,
    })
  ).body
const rotate = (caller: typeof systemOwner, id: string, body?: object) =>
  harness.request<Key & { error: string; code: string }>(caller, 'POST', `/v1/api-keys/${id}/rotate`, body)
const resolve = (key: string) =>
  harness.rpc(IdentityServiceService).resolveApiKey(harness.call(systemOwner), { keyHash: sha256Hex(key) })
const works = async (key: string) => (await resolve(key)).found
const secondsFromNow = (time: string | null | undefined) => (Date.parse(time!) - Date.now()) / 1000

describe('rotating an API key', () => {
  rule('rotateApiKey.keepsRightsAndLifetime', async () => {
    const caller = await admin()
    const old = await create(caller, { owner_id: 'bob', rate_limit_rpm: 60, max_concurrent_runs: 2 })
    const { status, headers, body } = await rotate(caller, old.id, { grace_seconds: hour })
    expect([status, headers.get('cache-control')]).toEqual([201, 'no-store'])
    expect(body).toMatchObject({
      name: 'ci',
      scopes: ['operator.write', 'operator.read'],
      owner_id: 'bob',
      rate_limit_rpm: 60,
      max_concurrent_runs: 2,
      tenant_id: caller.tenantId,
      expires_at: null,
      last_used_at: null,
      revoked: false,
      created_by: 'alice',
      rotated_from: old.id,
    })
    expect(body.key).toMatch(/^goclaw_[0-9a-f]{32}$/)
    expect([body.id === old.id, body.key === old.key, body.key.startsWith(body.prefix)]).toEqual([false, false, true])
    expect(Math.abs(secondsFromNow(body.previous_expires_at) - hour)).toBeLessThan(10)
    const { body: limited } = await rotate(caller, (await create(caller, { expires_in: 9 * hour })).id)
    expect(Math.abs(secondsFromNow(limited.expires_at) - 9 * hour)).toBeLessThan(10)
  })

  it('leaves both working until the deadline, then only the new one', async () => {
    const caller = await admin()
    const old = await create(caller)
    const { body: fresh } = await rotate(caller, old.id, { grace_seconds: 5 })
    expect([await works(old.key), await works(fresh.key)]).toEqual([true, true])
    expect((await resolve(old.key)).expiresAtMs).toBe(Date.parse(fresh.previous_expires_at!))
    await new Promise((done) => setTimeout(done, Date.parse(fresh.previous_expires_at!) - Date.now() + 50))
    expect([await works(old.key), await works(fresh.key)]).toEqual([false, true])
  })

  rule('rotateApiKey.keepsBothForAWhile', async () => {
    const caller = await admin()
    const [first, second] = [await create(caller), await create(caller)]
    const { body: fresh } = await rotate(caller, first.id, { grace_seconds: 0 })
    expect([await works(first.key), await works(fresh.key)]).toEqual([false, true])
    for (const [key, body] of [
      [second, undefined],
      [await create(caller), {}],
    ] as const) {
      const { body: rotated } = await rotate(caller, key.id, body)
      expect(Math.abs(secondsFromNow(rotated.previous_expires_at) - 48 * hour)).toBeLessThan(10)
    }
    const short = await create(caller, { expires_in: hour })
    expect((await rotate(caller, short.id)).body.previous_expires_at).toBe(short.expires_at)
  })

  it('never prolongs the old key, and gives the new one the same time to live', async () => {
    const caller = await admin()
    const old = await create(caller, { expires_in: hour })
    const { body } = await rotate(caller, old.id, { grace_seconds: 48 * hour })
    expect(body.previous_expires_at).toBe(old.expires_at)
    expect(Math.abs(Date.parse(body.expires_at!) - Date.parse(old.expires_at!))).toBeLessThan(nearlyMs)
    expect(secondsFromNow(body.expires_at)).toBeGreaterThan(hour - 10)
  })

  rule('rotateApiKey.happensOnce', async () => {
    const caller = await admin()
    const [replaced, revoked, late] = [await create(caller), await create(caller), await create(caller)]
    await rotate(caller, replaced.id)
    await harness.request(caller, 'POST', `/v1/api-keys/${revoked.id}/revoke`)
    const { pool } = harness.mesh.database('identity')
    await pool.query(`UPDATE identity.api_keys SET expires_at = now() - interval '1 second' WHERE id = $1`, [late.id])
    const before = (await harness.request<Key[]>(caller, 'GET', '/v1/api-keys')).body.length
    for (const { id } of [replaced, revoked, late]) {
      const { status, body } = await rotate(caller, id)
      expect([status, body.code]).toEqual([412, 'FAILED_PRECONDITION'])
      expect(body.error).toContain(id)
    }
    expect((await harness.request<Key[]>(caller, 'GET', '/v1/api-keys')).body).toHaveLength(before)
  })

  it('makes one successor however many ask at once', async () => {
    const caller = await admin()
    const old = await create(caller)
    const answers = await Promise.all(Array.from({ length: 8 }, () => rotate(caller, old.id)))
    expect(answers.map(({ status }) => status).sort()).toEqual([201, ...Array<number>(7).fill(412)])
    expect((await harness.request<Key[]>(caller, 'GET', '/v1/api-keys')).body).toHaveLength(2)
  })

  it('leaves both to be revoked by themselves', async () => {
    const caller = await admin()
    const old = await create(caller)
    const { body: fresh } = await rotate(caller, old.id)
    await harness.request(caller, 'POST', `/v1/api-keys/${old.id}/revoke`)
    expect([await works(old.key), await works(fresh.key)]).toEqual([false, true])
    await harness.request(caller, 'POST', `/v1/api-keys/${fresh.id}/revoke`)
    expect(await works(fresh.key)).toBe(false)
  })

  it('is told to caches of both keys and in an event without any secret', async () => {
    const caller = await admin()
    const old = await create(caller)
    let fresh: Key | undefined
    const reported = await harness.evictedDuring(async () => (fresh = (await rotate(caller, old.id)).body))
    expect(reported).toEqual([old, fresh!].map(({ key }) => ({ kind: 'api_keys', tenantId: '', key: sha256Hex(key) })))
    const event = await harness.event('apiKeyRotated', caller.tenantId, old.id)
    expect(event.data).toEqual({
      id: old.id,
      newId: fresh!.id,
      previousExpiresAt: fresh!.previous_expires_at,
      actorId: 'alice',
    })
    for (const secret of [old.key, fresh!.key, sha256Hex(old.key), sha256Hex(fresh!.key)])
      expect(JSON.stringify(event)).not.toContain(secret)
  })

  it('is for those who may revoke the key: others find none', async () => {
    const [mine, theirs] = [await admin(), await admin()]
    const [foreign, system] = [await create(theirs), await create(systemOwner)]
    const refused = [await rotate(mine, foreign.id), await rotate(mine, system.id), await rotate(mine, nowhere)]
    expect(refused.map(({ status }) => status)).toEqual([404, 404, 404])
    const texts = refused.map(({ body }, at) => body.error.replace([foreign.id, system.id, nowhere][at]!, ''))
    expect(new Set(texts).size).toBe(1)
    expect([await works(foreign.key), await works(system.key)]).toEqual([true, true])
    expect((await resolve(foreign.key)).expiresAtMs).toBe(0)
    expect((await rotate(systemOwner, system.id)).body).toMatchObject({ rotated_from: system.id })
    for (const role of ['viewer', 'operator'] as const)
      expect((await rotate(testCaller({ role, tenantId: theirs.tenantId }), foreign.id)).status).toBe(403)
  })

  it.each([
    ['a negative grace', { grace_seconds: -1 }],
    ['a grace of a fraction', { grace_seconds: 1.5 }],
    ['a grace of more than 30 days', { grace_seconds: 30 * 24 * hour + 1 }],
    ['a grace that is no number', { grace_seconds: '60' }],
  ])('answers 400 naming the field for %s, and leaves the key alone', async (_, input) => {
    const caller = await admin()
    const old = await create(caller)
    const { status, body } = await rotate(caller, old.id, input)
    expect(status).toBe(400)
    expect(body.error).toContain('grace_seconds')
    expect((await resolve(old.key)).expiresAtMs).toBe(0)
  })

  it('answers 400 for a key that is no id', async () => {
    expect((await rotate(await admin(), 'ci')).status).toBe(400)
  })
})

describe('nobody makes a key that may do more than they may', () => {
  const make = (caller: typeof systemOwner, scopes: string[], more: object = {}) =>
    harness.request(caller, 'POST', '/v1/api-keys', { name: 'x', scopes, ...more })

  rule('createApiKey.givesNoMoreThanOwn', async () => {
    const caller = await admin()
    const own = ['operator.admin', 'operator.write', 'operator.approvals', 'operator.pairing', 'operator.read']
    for (const scope of own) expect([scope, (await make(caller, [scope])).status]).toEqual([scope, 201])
    const { status, body } = await make(caller, ['operator.read', 'operator.provision'])
    expect(status).toBe(403)
    expect(body['error']).toContain('operator.provision')
    expect((await make(systemOwner, ['operator.provision'])).status).toBe(201)
  })

  it('a provisioning key makes keys of its own tenant with what it has itself', async () => {
    const [{ tenantId }, other] = [await admin(), await admin()]
    const provisioner = testCaller({ role: 'viewer', tenantId, scopes: ['operator.provision'] })
    const made = await make(provisioner, ['operator.read', 'operator.provision'], { tenant_id: tenantId })
    expect([made.status, made.body['tenant_id']]).toEqual([201, tenantId])
    expect((await make(provisioner, ['operator.read'], { tenant_id: other.tenantId })).status).toBe(403)
    for (const scope of ['operator.admin', 'operator.write', 'operator.approvals', 'operator.pairing'])
      expect([scope, (await make(provisioner, [scope])).status]).toEqual([scope, 403])
    const inMaster = { ...provisioner, tenantId: masterTenantId }
    expect((await make(inMaster, ['operator.read'])).body['tenant_id']).toBe(masterTenantId)
  })

  it('a key bound to a user rotates keys of that user only', async () => {
    const caller = await admin()
    const bound = { ...caller, userId: 'bob', userBound: true }
    const [own, others] = [await create(bound), await create(caller)]
    expect((await rotate(bound, others.id)).status).toBe(403)
    expect((await rotate(bound, own.id)).status).toBe(201)
  })

  it('nor do they get one by rotating it', async () => {
    const caller = await admin()
    const provisioner = await create(systemOwner, { scopes: ['operator.provision'], tenant_id: caller.tenantId })
    const { status, body } = await rotate(caller, provisioner.id)
    expect(status).toBe(403)
    expect(body.error).toContain('operator.provision')
    expect((await resolve(provisioner.key)).expiresAtMs).toBe(0)
  })
})

describe('the time of last use', () => {
  const lastUse = async (caller: typeof systemOwner) =>
    (await harness.request<{ last_used_at: string | null; updated_at: string }[]>(caller, 'GET', '/v1/api-keys'))
      .body[0]!

  it('is noted after a lookup, and is no change of the key', async () => {
    const caller = await admin()
    const { key } = await create(caller)
    const before = await lastUse(caller)
    expect(before.last_used_at).toBeNull()
    await resolve(key)
    await until(async () => (await lastUse(caller)).last_used_at !== null)
    const after = await lastUse(caller)
    expect(Math.abs(Date.parse(after.last_used_at!) - Date.now())).toBeLessThan(nearlyMs)
    expect(after.updated_at).toBe(before.updated_at)
  })

  it('fails no request when it cannot be written', async () => {
    const caller = await admin()
    const { id, key } = await create(caller)
    const { pool } = harness.mesh.database('identity')
    await pool.query(`
      CREATE FUNCTION identity.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$;
      CREATE TRIGGER refuse BEFORE UPDATE ON identity.api_keys FOR EACH ROW EXECUTE FUNCTION identity.refuse()`)
    try {
      for (let times = 0; times < 5; times++) expect(await resolve(key)).toMatchObject({ found: true, keyId: id })
      await new Promise((done) => setTimeout(done, 100))
    } finally {
      await pool.query(`DROP TRIGGER refuse ON identity.api_keys; DROP FUNCTION identity.refuse()`)
    }
    expect((await lastUse(caller)).last_used_at).toBeNull()
  })
})
