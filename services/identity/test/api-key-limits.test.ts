import { IdentityServiceService } from '@clawmesh/contracts/gen/clawmesh/identity/v1/identity.ts'
import { newId, sha256Hex } from '@clawmesh/chassis'
import { rule } from '../../../test/support/rule.ts'
import { testCaller } from '../../../test/support/service-harness.ts'
import { startIdentity, systemOwner, type IdentityHarness } from './support.ts'

interface Key {
  id: string
  key: string
  name: string
  rate_limit_rpm: number | null
  max_concurrent_runs: number | null
  error: string
}

let harness: IdentityHarness
let tenants = 0

beforeAll(async () => {
  harness = await startIdentity()
})
afterAll(() => harness.stop())

const admin = async () => testCaller({ role: 'admin', tenantId: await harness.tenant(`limits ${++tenants}`) })
const create = async (caller = systemOwner, more: object = {}) =>
  (await harness.request<Key>(caller, 'POST', '/v1/api-keys', { name: 'k', scopes: ['operator.read'], ...more })).body
const change = (caller: typeof systemOwner, id: string, changes: object) =>
  harness.request<Key>(caller, 'PATCH', `/v1/api-keys/${id}`, changes)
const identity = () => harness.rpc(IdentityServiceService)
const resolve = (key: string) => identity().resolveApiKey(harness.call(systemOwner), { keyHash: sha256Hex(key) })
const limits = { rate_limit_rpm: 60, max_concurrent_runs: 2 }

describe('the limits of an API key', () => {
  it('are told when it is made, listed and resolved; a key has none unless said', async () => {
    const caller = await admin()
    const [free, limited] = [await create(caller), await create(caller, limits)]
    expect([free, limited]).toMatchObject([{ rate_limit_rpm: null, max_concurrent_runs: null }, limits])
    const { body } = await harness.request<Key[]>(caller, 'GET', '/v1/api-keys')
    expect(body.map((key) => key.rate_limit_rpm)).toEqual([60, null])
    expect(await resolve(free.key)).toMatchObject({ rateLimitRpm: 0, maxConcurrentRuns: 0 })
    expect(await resolve(limited.key)).toMatchObject({ rateLimitRpm: 60, maxConcurrentRuns: 2 })
  })

  it.each([0, -1, 1.5, 1e12, '5'])('are whole numbers above 0: %j', async (limit) => {
    const { id } = await create()
    for (const name of Object.keys(limits)) {
      const { status, body } = await change(systemOwner, id, { [name]: limit })
      expect([status, body.error]).toEqual([400, expect.stringContaining(name)])
    }
  })
})

rule('createApiKey.tagsCosts', async () => {
  const caller = await admin()
  const [plain, tagged] = [await create(caller), await create(caller, { tags: { team: 'blue' } })]
  expect([plain, tagged]).toMatchObject([{ tags: {} }, { tags: { team: 'blue' } }])
  expect((await resolve(plain.key)).tagsJson).toBeUndefined()
  expect(JSON.parse((await resolve(tagged.key)).tagsJson!)).toEqual({ team: 'blue' })
  for (const tags of [{ 'a b': 'x' }, { team: '' }, { team: 'x'.repeat(129) }, { team: 1 }])
    expect((await create(caller, { tags })).error).toContain('tags')
  expect((await change(caller, tagged.id, { tags: { customer: 'acme' } })).body).toMatchObject({
    tags: { customer: 'acme' },
  })
  const { body } = await harness.request<Key>(caller, 'POST', `/v1/api-keys/${tagged.id}/rotate`, {})
  expect(body).toMatchObject({ tags: { customer: 'acme' } })
  // What a tagged key makes and changes is its own.
  const many = Object.fromEntries(Array.from({ length: 16 }, (_, at) => [`t${at}`, 'x']))
  const made = await create({ ...caller, keyTags: { team: 'blue' } }, { tags: { ...many, t15: 'y' } })
  expect(made).toMatchObject({ tags: { team: 'blue', t0: 'x' } })
  const changed = await change({ ...caller, keyTags: { team: 'blue' } }, plain.id, { tags: { team: 'red' } })
  expect(changed.body).toMatchObject({ tags: { team: 'blue' } })
})

rule('createApiKey.givesNoMoreThanOwnLimits', async () => {
  const caller = await admin()
  const limited = { ...caller, keyLimits: { rateLimitRpm: 60, maxConcurrentRuns: 0 } }
  const own = await create(limited)
  expect(own).toMatchObject({ rate_limit_rpm: 60, max_concurrent_runs: null })
  expect(await create(limited, { rate_limit_rpm: 5, max_concurrent_runs: 9 })).toMatchObject({ rate_limit_rpm: 5 })
  for (const rate_limit_rpm of [61, null]) {
    expect((await create(limited, { rate_limit_rpm })).error).toContain('rate_limit_rpm of 60')
    expect((await change(limited, own.id, { rate_limit_rpm })).status).toBe(403)
  }
  expect((await change(limited, own.id, { rate_limit_rpm: 60, max_concurrent_runs: null })).status).toBe(200)
})

describe('changing an API key', () => {
  rule('updateApiKey.changesWhatIsGiven', async () => {
    const caller = await admin()
    const { id } = await create(caller, limits)
    expect((await change(caller, id, { name: 'renamed' })).body).toMatchObject({ ...limits, name: 'renamed' })
    const { status, body } = await change(caller, id, { rate_limit_rpm: null })
    expect([status, body]).toMatchObject([200, { name: 'renamed', rate_limit_rpm: null, max_concurrent_runs: 2 }])
    expect(body).not.toHaveProperty('key')
  })

  rule('updateApiKey.holdsAtOnce', async () => {
    const caller = await admin()
    const { id, key } = await create(caller)
    const evicted = await harness.evictedDuring(() => change(caller, id, limits))
    expect(evicted).toContainEqual({ kind: 'api_keys', tenantId: '', key: sha256Hex(key) })
    expect(await resolve(key)).toMatchObject({ rateLimitRpm: 60 })
    const recorded = await harness.event('apiKeyUpdated', caller.tenantId, id)
    expect(recorded.data).toMatchObject({ id, actorId: 'alice' })
  })

  rule('updateApiKey.protectsOthers', async () => {
    const [caller, stranger] = [await admin(), await admin()]
    const [own, system] = [await create(caller, { owner_id: 'bob' }), await create()]
    expect((await change(stranger, own.id, limits)).status).toBe(404)
    expect((await change(caller, system.id, limits)).status).toBe(404)
    expect((await change(caller, newId(), limits)).status).toBe(404)
    expect((await change(systemOwner, system.id, limits)).status).toBe(200)
    const bound = { ...caller, userBound: true }
    expect((await change(bound, own.id, limits)).status).toBe(403)
    expect((await change({ ...bound, userId: 'bob' }, own.id, limits)).status).toBe(200)
  })
})

describe('the runs of a key', () => {
  const hold = async (keyId: string, runId = newId(), leaseMs = 60_000) =>
    (await identity().holdKeyRun(harness.call(systemOwner), { keyId, runId, leaseMs })).held
  const release = (keyId: string, runId: string) =>
    identity().releaseKeyRun(harness.call(systemOwner), { keyId, runId })

  it('are never more than it may have, however many ask at once', async () => {
    const { id } = await create(systemOwner, { max_concurrent_runs: 3 })
    const held = await Promise.all(Array.from({ length: 20 }, () => hold(id)))
    expect(held.filter(Boolean)).toHaveLength(3)
  })

  it('are held on by the same run, given back, and over with their lease', async () => {
    const { id } = await create(systemOwner, { max_concurrent_runs: 1 })
    const run = newId()
    expect([await hold(id, run), await hold(id, run), await hold(id)]).toEqual([true, true, false])
    await release(id, newId())
    expect(await hold(id)).toBe(false)
    await release(id, run)
    const lost = newId()
    expect(await hold(id, lost, 1_000)).toBe(true)
    while (!(await hold(id, run))) await new Promise((resolve) => setTimeout(resolve, 50))
    expect(await hold(id, lost)).toBe(false)
  })

  it('have no limit once it is taken away, and none at all with an unknown key', async () => {
    const { id } = await create(systemOwner, { max_concurrent_runs: 1 })
    expect([await hold(id), await hold(id)]).toEqual([true, false])
    await change(systemOwner, id, { max_concurrent_runs: null })
    expect(await hold(id)).toBe(true)
    expect(await hold(newId())).toBe(false)
  })
})
