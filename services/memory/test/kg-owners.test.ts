/** Whose graph a request is about, and who may ask: the same for every operation on a graph. */
import type { Caller } from '@clawmesh/contracts'
import { newId } from '@clawmesh/chassis'
import { ruleName } from '../../../test/support/rule.ts'
import { testCaller } from '../../../test/support/service-harness.ts'
import { modelSays, startMemory, type MemoryHarness } from './support.ts'

let harness: MemoryHarness
beforeAll(async () => {
  harness = await startMemory()
})
afterAll(() => harness.stop())

interface Place {
  admin: Caller
  kg: string
  /** Two entities of each owner that are nearly the same; `''` is the shared graph. */
  ids: Record<string, [string, string]>
  /** The candidate pair of each owner. */
  pairs: Record<string, string>
}

const owners = ['', 'alice', 'bob']

/** A tenant with an agent that has the same small graph for each owner, written in the owner's name. */
const makePlace = async (): Promise<Place> => {
  const admin = testCaller({ userId: 'admin' })
  const kg = `/v1/agents/${harness.addAgent(admin).id}/kg`
  const ids: Place['ids'] = {}
  for (const owner of owners) {
    const put = async (external_id: string, name: string) => {
      const body = { external_id, name, entity_type: 'person', user_id: owner }
      return String((await harness.request(admin, 'POST', `${kg}/entities`, body)).body['id'])
    }
    ids[owner] = [await put('one', `heron of ${owner}`), await put('two', `herons of ${owner}`)]
    await harness.database.pool.query(
      `INSERT INTO memory.kg_relations (id, tenant_id, agent_id, user_id, source_entity_id, relation_type, target_entity_id)
       SELECT $1, tenant_id, agent_id, user_id, $2, 'knows', $3 FROM memory.kg_entities WHERE id = $2`,
      [newId(), ...ids[owner]],
    )
  }
  await harness.request(admin, 'POST', `${kg}/dedup/scan`, { threshold: 0.5 })
  const { body } = await harness.request<{ id: string; entity_a: { user_id?: string } }[]>(admin, 'GET', `${kg}/dedup`)
  const pairs = Object.fromEntries(body.map(({ id, entity_a }) => [entity_a.user_id ?? '', id]))
  expect(Object.keys(pairs).toSorted()).toEqual(owners)
  return { admin, kg, ids, pairs }
}

type Ask = readonly [method: string, path: string, body?: Record<string, unknown>]

const send = async (caller: Caller, [method, path, body]: Ask, named: { query?: string; body?: string } = {}) => {
  const at = named.query === undefined ? path : `${path}${path.includes('?') ? '&' : '?'}user_id=${named.query}`
  const sent = named.body === undefined ? body : { ...body, user_id: named.body }
  return harness.request<unknown>(caller, method, at, sent)
}

/** A request about bob's things, to be sent in his name. */
type About = (place: Place) => Ask

const requests = {
  list: ({ kg }) => ['GET', `${kg}/entities`],
  put: ({ kg }) => ['POST', `${kg}/entities`, { external_id: 'new', name: 'new', entity_type: 'person' }],
  get: ({ kg, ids }) => ['GET', `${kg}/entities/${ids['bob']![0]}`],
  remove: ({ kg, ids }) => ['DELETE', `${kg}/entities/${ids['bob']![0]}`],
  walk: ({ kg, ids }) => ['POST', `${kg}/traverse`, { entity_id: ids['bob']![0] }],
  extract: ({ kg }) => ['POST', `${kg}/extract`, { text: 'text', provider: 'test', model: 'test' }],
  stats: ({ kg }) => ['GET', `${kg}/stats`],
  graph: ({ kg }) => ['GET', `${kg}/graph`],
  scan: ({ kg }) => ['POST', `${kg}/dedup/scan`, { threshold: 0.5 }],
  open: ({ kg }) => ['GET', `${kg}/dedup`],
  dismiss: ({ kg, pairs }) => ['POST', `${kg}/dedup/dismiss`, { candidate_id: pairs['bob'] }],
  merge: ({ kg, ids }) => ['POST', `${kg}/merge`, { target_id: ids['bob']![0], source_id: ids['bob']![1] }],
} satisfies Record<string, About>

const oneEntity = JSON.stringify({
  entities: [{ external_id: 'new', name: 'new', entity_type: 'person', confidence: 1 }],
})

beforeEach(() => {
  harness.providers.chat = () => modelSays(oneEntity)
})

it.each<{ name: string; about: About; reads?: true }>([
  { name: ruleName('listKgEntities.refusesOtherUsers'), about: requests.list, reads: true },
  { name: ruleName('upsertKgEntity.refusesOtherUsers'), about: requests.put },
  { name: ruleName('getKgEntity.refusesOtherUsers'), about: requests.get, reads: true },
  { name: ruleName('deleteKgEntity.refusesOtherUsers'), about: requests.remove },
  { name: ruleName('traverseKg.refusesOtherUsers'), about: requests.walk },
  { name: ruleName('extractKg.refusesOtherUsers'), about: requests.extract },
  { name: ruleName('getKgStats.refusesOtherUsers'), about: requests.stats, reads: true },
  { name: ruleName('getKgGraph.refusesOtherUsers'), about: requests.graph, reads: true },
  { name: ruleName('scanKgDuplicates.refusesOtherUsers'), about: requests.scan },
  { name: ruleName('listKgDedupCandidates.refusesOtherUsers'), about: requests.open, reads: true },
  { name: ruleName('dismissKgDedupCandidate.refusesOtherUsers'), about: requests.dismiss },
  { name: ruleName('mergeKgEntities.refusesOtherUsers'), about: requests.merge },
])('$name', async ({ about, reads = false }) => {
  const place = await makePlace()
  const statusOf = async (caller: Partial<Caller>, named: { query?: string; body?: string } = { query: 'bob' }) =>
    (await send({ ...place.admin, ...caller }, about(place), named)).status
  const bound = { role: 'operator', userId: 'alice', userBound: true } as const
  for (const named of [{ query: 'bob' }, { body: 'bob' }, { query: 'alice', body: 'bob' }])
    expect(await statusOf(bound, named)).toBe(403)
  if (reads) {
    expect(await statusOf({ role: 'viewer', userId: 'alice' })).toBe(403)
    expect(await statusOf({ role: 'viewer', userId: 'bob' })).toBe(200)
  }
  expect(await statusOf({ ...bound, userBound: false })).toBe(200)
})

/** Whether an answer to an admin, or what was done, was about bob's graph and nobody else's. */
type WasBobs = (place: Place, body: unknown) => Promise<boolean> | boolean

const countsOf = async ({ admin, kg }: Place) => {
  const count = async (owner: string) =>
    (await harness.request(admin, 'GET', `${kg}/stats?user_id=${owner}`)).body['entity_count']
  return { alice: await count('alice'), bob: await count('bob') }
}
const saysBob: WasBobs = (_, body) => JSON.stringify(body).includes('bob') && !JSON.stringify(body).includes('alice')
const grewOnlyBobs: WasBobs = async (place) =>
  JSON.stringify(await countsOf(place)) === JSON.stringify({ alice: 2, bob: 3 })
const shrankOnlyBobs: WasBobs = async (place) =>
  JSON.stringify(await countsOf(place)) === JSON.stringify({ alice: 2, bob: 1 })

it.each<{ name: string; about: About; wasBobs: WasBobs }>([
  { name: ruleName('listKgEntities.takesTheUserFromBodyOrQuery'), about: requests.list, wasBobs: saysBob },
  { name: ruleName('upsertKgEntity.takesTheUserFromBodyOrQuery'), about: requests.put, wasBobs: grewOnlyBobs },
  { name: ruleName('getKgEntity.takesTheUserFromBodyOrQuery'), about: requests.get, wasBobs: saysBob },
  { name: ruleName('deleteKgEntity.takesTheUserFromBodyOrQuery'), about: requests.remove, wasBobs: shrankOnlyBobs },
  { name: ruleName('traverseKg.takesTheUserFromBodyOrQuery'), about: requests.walk, wasBobs: saysBob },
  { name: ruleName('extractKg.takesTheUserFromBodyOrQuery'), about: requests.extract, wasBobs: grewOnlyBobs },
  {
    name: ruleName('getKgStats.takesTheUserFromBodyOrQuery'),
    about: requests.stats,
    wasBobs: (_, body) => (body as { entity_count: number }).entity_count === 2,
  },
  { name: ruleName('getKgGraph.takesTheUserFromBodyOrQuery'), about: requests.graph, wasBobs: saysBob },
  {
    name: ruleName('scanKgDuplicates.takesTheUserFromBodyOrQuery'),
    about: requests.scan,
    wasBobs: (_, body) => (body as { candidates_found: number }).candidates_found === 1,
  },
  { name: ruleName('listKgDedupCandidates.takesTheUserFromBodyOrQuery'), about: requests.open, wasBobs: saysBob },
  {
    name: ruleName('dismissKgDedupCandidate.takesTheUserFromBodyOrQuery'),
    about: requests.dismiss,
    wasBobs: async ({ admin, kg }) =>
      !JSON.stringify((await harness.request(admin, 'GET', `${kg}/dedup`)).body).includes('bob'),
  },
  { name: ruleName('mergeKgEntities.takesTheUserFromBodyOrQuery'), about: requests.merge, wasBobs: shrankOnlyBobs },
])('$name', async ({ about, wasBobs }) => {
  for (const named of [{ query: 'bob' }, { body: 'bob' }, { query: 'alice', body: 'bob' }]) {
    const place = await makePlace()
    const { status, body } = await send(place.admin, about(place), named)
    expect([named, status]).toEqual([named, 200])
    expect([named, await wasBobs(place, body)]).toEqual([named, true])
  }
})

it.each<{ name: string; about: About }>([
  { name: ruleName('listKgEntities.needsAccessToTheAgent'), about: requests.list },
  { name: ruleName('upsertKgEntity.needsAccessToTheAgent'), about: requests.put },
  { name: ruleName('getKgEntity.needsAccessToTheAgent'), about: requests.get },
  { name: ruleName('deleteKgEntity.needsAccessToTheAgent'), about: requests.remove },
  { name: ruleName('traverseKg.needsAccessToTheAgent'), about: requests.walk },
  { name: ruleName('extractKg.needsAccessToTheAgent'), about: requests.extract },
  { name: ruleName('getKgStats.needsAccessToTheAgent'), about: requests.stats },
  { name: ruleName('getKgGraph.needsAccessToTheAgent'), about: requests.graph },
  { name: ruleName('scanKgDuplicates.needsAccessToTheAgent'), about: requests.scan },
  { name: ruleName('listKgDedupCandidates.needsAccessToTheAgent'), about: requests.open },
  { name: ruleName('dismissKgDedupCandidate.needsAccessToTheAgent'), about: requests.dismiss },
  { name: ruleName('mergeKgEntities.needsAccessToTheAgent'), about: requests.merge },
])('$name', async ({ about }) => {
  const admin = testCaller()
  const closed = harness.addAgent(admin, { hasAccess: false })
  const ids = { bob: [newId(), newId()] as [string, string] }
  const at = (agent: string) => about({ admin, kg: `/v1/agents/${agent}/kg`, ids, pairs: { bob: newId() } })
  expect((await send(admin, at(closed.key))).status).toBe(403)
  expect((await send(admin, at('nobody'))).status).toBe(404)
})

/** What an answer holds of each owner. */
const ownersIn = (body: unknown): string[] => owners.filter((owner) => JSON.stringify(body).includes(`of ${owner}"`))
const entityCount = (body: unknown): number => (body as { entity_count: number }).entity_count

it.each<{ name: string; about: About; seen: (body: unknown) => unknown; of: (owners: string[]) => unknown }>([
  { name: ruleName('listKgEntities.coversAllOwners'), about: requests.list, seen: ownersIn, of: (seen) => seen },
  { name: ruleName('getKgGraph.coversAllOwners'), about: requests.graph, seen: ownersIn, of: (seen) => seen },
  { name: ruleName('listKgDedupCandidates.coversAllOwners'), about: requests.open, seen: ownersIn, of: (seen) => seen },
  {
    name: ruleName('getKgStats.coversAllOwners'),
    about: requests.stats,
    seen: entityCount,
    of: ({ length }) => 2 * length,
  },
])('$name', async ({ about, seen, of }) => {
  const place = await makePlace()
  const as = async (caller: Partial<Caller>) => seen((await send({ ...place.admin, ...caller }, about(place))).body)
  expect(await as({})).toEqual(of(owners))
  expect(await as({ role: 'viewer', userId: 'bob' })).toEqual(of(['', 'bob']))
})

it.each<{ name: string; about: About; seen: (body: unknown) => unknown; of: (owners: string[]) => unknown }>([
  { name: ruleName('listKgEntities.narrowsToOneOwner'), about: requests.list, seen: ownersIn, of: (seen) => seen },
  { name: ruleName('getKgGraph.narrowsToOneOwner'), about: requests.graph, seen: ownersIn, of: (seen) => seen },
  {
    name: ruleName('listKgDedupCandidates.narrowsToOneOwner'),
    about: requests.open,
    seen: ownersIn,
    of: (seen) => seen,
  },
  {
    name: ruleName('getKgStats.narrowsToOneOwner'),
    about: requests.stats,
    seen: entityCount,
    of: ({ length }) => 2 * length,
  },
])('$name', async ({ about, seen, of }) => {
  const place = await makePlace()
  expect(seen((await send(place.admin, about(place), { query: 'bob' })).body)).toEqual(of(['bob']))
})

it.each<{ name: string; about: About; works: number; else: number }>([
  { name: ruleName('getKgEntity.takesAnyOwner'), about: requests.get, works: 200, else: 404 },
  { name: ruleName('traverseKg.staysWithTheOwner'), about: requests.walk, works: 1, else: 0 },
  { name: ruleName('deleteKgEntity.takesAnyOwner'), about: requests.remove, works: 1, else: 2 },
])('$name', async ({ about, works, else: otherwise }) => {
  const place = await makePlace()
  const resultOf = async (caller: Caller, named: { query?: string } = {}) => {
    const { status, body } = await send(caller, about(place), named)
    if (about === requests.walk) return (body as unknown[]).length
    return about === requests.remove ? (await countsOf(place)).bob : status
  }
  const alice = { ...place.admin, role: 'operator', userId: 'alice', userBound: true } as const
  expect(await resultOf(place.admin, { query: 'alice' })).toBe(otherwise)
  expect(await resultOf(alice)).toBe(otherwise)
  expect(await resultOf(place.admin)).toBe(works)
})

it("another tenant's graph is out of reach, even of an agent of the same id", async () => {
  const place = await makePlace()
  const other = testCaller({ userId: 'admin' })
  harness.addAgent(other, { id: place.kg.split('/')[3]! })
  const asked = async (about: About) => send(other, about(place))
  for (const about of [requests.list, requests.open, requests.walk]) expect((await asked(about)).body).toEqual([])
  expect((await asked(requests.graph)).body).toEqual({ entities: [], relations: [] })
  expect((await asked(requests.stats)).body).toEqual({ entity_count: 0, relation_count: 0, entity_types: {} })
  for (const about of [requests.get, requests.dismiss, requests.merge]) expect((await asked(about)).status).toBe(404)
  await asked(requests.remove)
  await asked(requests.put)
  expect(await countsOf(place)).toEqual({ alice: 2, bob: 2 })
})
