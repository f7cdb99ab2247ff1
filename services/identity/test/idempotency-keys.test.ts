/** Who holds an idempotency key, in the database. */
import { masterTenantId } from '@clawmesh/contracts'
import { newId, createSecretBox, sha256Hex, type Database } from '@clawmesh/chassis'
import { createIdempotencyKeysStore, type IdempotencyKeysStore } from '../src/store/idempotency-keys.ts'
import { startIdentity, type IdentityHarness } from './support.ts'

let identity: IdentityHarness
let database: Database
let store: IdempotencyKeysStore
let other: string
beforeAll(async () => {
  identity = await startIdentity()
  database = identity.mesh.database('identity')
  store = createIdempotencyKeysStore(database, createSecretBox(Buffer.alloc(32, 7)))
  other = await identity.tenant('other')
})
afterAll(() => identity.stop())

const mine = () => store.idempotencyKeys(masterTenantId)
const wanted = (scopeHash = sha256Hex(newId()), leaseMs = 60_000) => ({ scopeHash, claimId: newId(), leaseMs })
const states = async (wants: ReturnType<typeof wanted>[]) =>
  (await Promise.all(wants.map((want) => mine().claim(want)))).map(({ state }) => state)

it('of many who claim a key at once one is the first', async () => {
  for (let round = 0; round < 20; round++) {
    const { scopeHash } = wanted()
    const found = await states(Array.from({ length: 8 }, () => wanted(scopeHash)))
    expect(found.toSorted()).toEqual(['first', ...Array.from({ length: 7 }, () => 'running')])
  }
})

it('of many who take over a key whose lease is over one is the first', async () => {
  const dead = wanted()
  await mine().claim(dead)
  await database.pool.query('UPDATE identity.idempotency_keys SET lease_until = now() WHERE id = $1', [dead.claimId])
  const found = await states(Array.from({ length: 8 }, () => wanted(dead.scopeHash)))
  expect(found.filter((state) => state === 'first')).toHaveLength(1)
  // Who was taken for dead comes back too late to hold, to end or to answer anything.
  expect(await mine().renew(dead.claimId, 60_000)).toBe(false)
  await mine().complete(dead.claimId, 'late')
  await mine().abandon(dead.claimId)
  expect(await mine().claim(wanted(dead.scopeHash))).toEqual({ state: 'running' })
})

it('a claim ends once: an answer that is kept is neither replaced nor given up', async () => {
  const want = wanted()
  await mine().claim(want)
  await mine().complete(want.claimId, 'first answer')
  await mine().complete(want.claimId, 'second answer')
  await mine().abandon(want.claimId)
  expect(await mine().renew(want.claimId, 60_000)).toBe(false)
  expect(await mine().claim(wanted(want.scopeHash))).toEqual({ state: 'done', answer: 'first answer' })
})

it('another tenant neither sees nor touches a key', async () => {
  const want = wanted()
  const theirs = store.idempotencyKeys(other)
  await mine().claim(want)
  expect(await theirs.renew(want.claimId, 60_000)).toBe(false)
  await theirs.complete(want.claimId, 'theirs')
  await theirs.abandon(want.claimId)
  expect(await mine().claim(wanted(want.scopeHash))).toEqual({ state: 'running' })
  expect(await theirs.claim(wanted(want.scopeHash))).toEqual({ state: 'first' })
})

it('keys that are over are deleted, of every tenant and however many, and the others stay', async () => {
  await store.pruneIdempotencyKeys()
  const kept = wanted()
  await mine().claim(kept)
  await database.pool.query(
    `INSERT INTO identity.idempotency_keys (id, tenant_id, scope_hash, lease_until, expires_at)
     SELECT gen_random_uuid(), t, md5(i::text), now(), now() - interval '1 second'
     FROM generate_series(1, 1200) i, unnest($1::uuid[]) t`,
    [[masterTenantId, other]],
  )
  expect(await store.pruneIdempotencyKeys()).toBe(2_400)
  expect(await mine().claim(wanted(kept.scopeHash))).toEqual({ state: 'running' })
})
