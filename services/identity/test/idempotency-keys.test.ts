/** Who holds an idempotency key, in the database. */
import { masterTenantId } from '@clawmesh/contracts'
import { newId, createSecretBox, openServiceDb, sha256Hex, type Database, type ServiceDb } from '@clawmesh/chassis'
import { PrismaClient } from '../src/db/client/client.ts'
import { createIdempotencyRows } from '../src/idempotency/rows.ts'
import { startIdentity, type IdentityHarness } from './support.ts'

let identity: IdentityHarness
let database: Database
let db: ServiceDb<PrismaClient>
let keysOf: ReturnType<typeof createIdempotencyRows>['forTenant']
let prune: () => Promise<number>
let other: string
beforeAll(async () => {
  identity = await startIdentity()
  database = identity.mesh.database('identity')
  db = openServiceDb(identity.mesh, 'identity', PrismaClient)
  ;({ forTenant: keysOf, prune } = createIdempotencyRows(db, createSecretBox(Buffer.alloc(32, 7))))
  other = await identity.tenant('other')
})
afterAll(() => identity.stop())

const mine = () => keysOf(masterTenantId)
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
  const theirs = keysOf(other)
  await mine().claim(want)
  expect(await theirs.renew(want.claimId, 60_000)).toBe(false)
  await theirs.complete(want.claimId, 'theirs')
  await theirs.abandon(want.claimId)
  expect(await mine().claim(wanted(want.scopeHash))).toEqual({ state: 'running' })
  expect(await theirs.claim(wanted(want.scopeHash))).toEqual({ state: 'first' })
})

it('keys that are over are deleted, of every tenant and however many, and the others stay', async () => {
  await prune()
  const kept = wanted()
  await mine().claim(kept)
  await database.pool.query(
    `INSERT INTO identity.idempotency_keys (id, tenant_id, scope_hash, lease_until, expires_at)
     SELECT gen_random_uuid(), t, md5(i::text), now(), now() - interval '1 second'
     FROM generate_series(1, 1200) i, unnest($1::uuid[]) t`,
    [[masterTenantId, other]],
  )
  expect(await prune()).toBe(2_400)
  expect(await mine().claim(wanted(kept.scopeHash))).toEqual({ state: 'running' })
})

describe('a tenant that stores many keys', () => {
  const small = { keys: 64, bytes: 100_000 }
  const answers = async (limited: ReturnType<typeof createIdempotencyRows>, count: number, answer: string) => {
    const tenant = await identity.tenant(`many-${newId()}`)
    const keys = limited.forTenant(tenant)
    const running = wanted()
    await keys.claim(running)
    const wants = Array.from({ length: count }, () => wanted())
    for (const want of wants) {
      await keys.claim(want)
      await keys.complete(want.claimId, answer)
    }
    const { rows } = await database.system.query<{ count: number; bytes: number }>(
      `SELECT count(*)::int AS count, coalesce(sum(octet_length(answer)), 0)::int AS bytes
       FROM identity.idempotency_keys WHERE tenant_id = $1`,
      [tenant],
    )
    return { ...rows[0]!, keys, running, wants }
  }

  it.each([
    ['of many', 200, 'short'],
    ['of large ones', 60, 'x'.repeat(10_000)],
  ])('has the oldest finished dropped %s, and keeps what runs and what is new', async (_what, count, answer) => {
    const limited = createIdempotencyRows(db, createSecretBox(Buffer.alloc(32, 7)), small)
    const kept = await answers(limited, count, answer)
    expect(kept.count).toBeLessThanOrEqual(small.keys + 1)
    expect(kept.count).toBeLessThan(count)
    expect(kept.bytes).toBeLessThanOrEqual(small.bytes)
    expect(await kept.keys.claim(wanted(kept.running.scopeHash))).toEqual({ state: 'running' })
    expect(await kept.keys.claim(wanted(kept.wants.at(-1)!.scopeHash))).toEqual({ state: 'done', answer })
    expect(await kept.keys.claim(wanted(kept.wants[0]!.scopeHash))).toEqual({ state: 'first' })
  })

  it('does not touch what another tenant stored', async () => {
    const limited = createIdempotencyRows(db, createSecretBox(Buffer.alloc(32, 7)), small)
    const before = await answers(createIdempotencyRows(db, createSecretBox(Buffer.alloc(32, 7))), 100, 'theirs')
    await answers(limited, 100, 'mine')
    expect(await before.keys.claim(wanted(before.wants[0]!.scopeHash))).toEqual({ state: 'done', answer: 'theirs' })
  })
})
