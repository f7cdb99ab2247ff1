import { evict, newId } from '@clawmesh/chassis'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Caller } from '@clawmesh/contracts'
import { testCaller } from '../../../test/support/service-harness.ts'
import { createSearchRows } from '../src/search/rows.ts'
import { createVectorIndexes } from '../src/search/vector-indexes.ts'
import { providerOfWidth, startMemory, type MemoryHarness } from './support.ts'
import { until } from '../../../test/support/eventually.ts'

let harness: MemoryHarness
beforeAll(async () => {
  harness = await startMemory({ CLAWMESH_MEMORY_VECTOR_INDEX_FROM: '100' })
})
afterAll(() => harness.stop())

const birds = ['heron', 'stork', 'crane', 'egret', 'ibis', 'bittern', 'spoonbill', 'pelican', 'grebe', 'rail']
const places = [
  'river',
  'lake',
  'marsh',
  'estuary',
  'reservoir',
  'pond',
  'delta',
  'lagoon',
  'canal',
  'creek',
  'fen',
  'bay',
]

/** One chunk for each of 240 sentences. */
const sentences = birds.flatMap((bird, b) =>
  places.flatMap((place, p) => [
    `In ${1900 + b * 7 + p} a ${bird} was seen at the ${place} by observer ${b * 31 + p * 17}.`,
    `The ${place} has had ${b * 13 + p} pairs of ${bird} nesting since ${1950 + p}.`,
  ]),
)
const document = sentences.map((sentence) => sentence.padEnd(100)).join('\n')

const startAgent = async (caller: Caller) => {
  const agent = harness.addAgent(caller, { memoryConfig: { max_chunk_len: 100, chunk_overlap: 0 } })
  const base = `/v1/agents/${agent.id}/memory`
  await harness.request(caller, 'PUT', `${base}/documents/birds.md`, { content: document })
  return { agent, base }
}

const indexExists = async (dims: number): Promise<boolean> => {
  const { rows } = await harness.database.pool.query(
    'SELECT 1 FROM pg_index WHERE indexrelid = to_regclass($1) AND indisvalid',
    [`memory.chunks_embedding_hnsw_${dims}`],
  )
  return rows.length > 0
}

describe.each([256, 2048])('an agent with many vectors of width %i', (dims) => {
  const [caller, neighbour] = [testCaller(), testCaller()]
  const space = { provider: 'test', model: `model-${dims}`, dims }
  const embed = async (text: string) => {
    const call = harness.call(caller)
    const { vectors } = await providerOfWidth(dims)(call, { texts: [text], provider: '', model: '', dimensions: 0 })
    return vectors[0]!.values
  }
  let agentId: string
  let base: string

  beforeAll(async () => {
    harness.providers.embed = providerOfWidth(dims)
    evict(harness.bus, { kind: 'providers' })
    const mine = await startAgent(caller)
    agentId = mine.agent.id
    base = mine.base
    // Another tenant's vectors lie in the same index.
    await startAgent(neighbour)
    // Writing waits for vectors for a time only, and how many there are is looked at once in a while.
    await until(async () => {
      const { rows } = await harness.database.pool.query('SELECT 1 FROM memory.chunks WHERE embedding IS NULL LIMIT 1')
      return rows.length === 0
    })
  })

  it('gets an index when it is first searched, and finds the same with and without it', async () => {
    const ask = async (query: string) =>
      (await harness.request<{ results: { start_line: number }[] }>(caller, 'POST', `${base}/search`, { query })).body
        .results
    expect(await indexExists(dims)).toBe(false)
    const before = await ask('ibis nesting at the lagoon')
    await until(() => indexExists(dims))
    const after = await ask('ibis nesting at the lagoon')
    expect(after[0]!.start_line).toBe(before[0]!.start_line)
    expect(after).toHaveLength(before.length)
  })

  describe('with so few rows that sorting them has to be made expensive', () => {
    // The embedded database has one session, so this reaches the service's queries as well.
    beforeAll(() => harness.database.pool.query('SET enable_sort = off'))
    afterAll(() => harness.database.pool.query('RESET enable_sort'))

    it.each(['ibis nesting at the lagoon', 'observer 117', 'grebes seen on a canal', 'pairs of storks'])(
      'finds the same top result by the index as one by one: %s',
      async (query) => {
        const search = createSearchRows(harness.database)(caller.tenantId)
        const scope = { agentId, userIds: [''], limit: 12 }
        const nearTo = { space, vector: await embed(query) }
        const exact = await search.measure(scope, { wanted: [], nearTo })
        const near = await search.nearestByIndex(scope, nearTo)
        expect(near).toHaveLength(12)
        const cosineOf = new Map(
          (await search.measure(scope, { wanted: [], nearTo, near })).map(({ id, cosine }) => [id, cosine!]),
        )
        const scores = near!.map((id) => cosineOf.get(id)!)
        const nearest = exact.toSorted((a, b) => b.cosine! - a.cosine!)[0]!
        expect(near![0]).toBe(nearest.id)
        expect(scores[0]).toBeCloseTo(nearest.cosine!, 2)
        // Sums of single precision: the last digits say nothing.
        expect(scores.map((score) => score.toFixed(6))).toEqual(
          scores.toSorted((a, b) => b - a).map((score) => score.toFixed(6)),
        )
      },
    )

    it('is searched by way of the index indeed', async () => {
      const type = dims <= 2000 ? `vector(${dims})` : `halfvec(${dims})`
      const { rows } = await harness.database.pool.query<{ 'QUERY PLAN': string }>(
        `EXPLAIN SELECT id, embedding::${type} <=> $1::${type} AS distance FROM memory.chunks
       WHERE tenant_id = $2 AND agent_id = $3 AND embedding_model = $4 AND dims = ${dims} ORDER BY distance LIMIT 12`,
        [`[${(await embed('heron')).join(',')}]`, caller.tenantId, agentId, `test/model-${dims}`],
      )
      const plan = rows.map((row) => row['QUERY PLAN']).join('\n')
      expect(plan.includes(`chunks_embedding_hnsw_${dims}`)).toBe(true)
    })
  })
})

it('a scope that is rare among all is compared one by one, however large it is', async () => {
  const sizes = { own: 6_000, all: 0 }
  const built: number[] = []
  const { useIndex } = createVectorIndexes({
    mesh: harness.mesh,
    rowsOf: () => ({ sizes: async () => ({ ...sizes }) }),
    createIndex: async (dims) => void built.push(dims),
    isEmbeddedDatabase: async () => false,
    config: { vectorIndexFrom: 5_000 },
    log: harness.mesh.log,
  })
  const scope = (user: string) => ({ agentId: newId(), userIds: ['', user], limit: 40 })
  const space = { provider: 'test', model: 'm', dims: 64 }
  const asked = async (all: number) => {
    sizes.all = all
    return useIndex(newId(), scope('ann'), space)
  }
  expect(await asked(6_000)).toBe(true)
  expect(await asked(1_500_000)).toBe(true)
  expect(await asked(1_500_001)).toBe(false)
  sizes.own = 5_000
  expect(await asked(5_000)).toBe(false)
  expect(built).toEqual([64])
})

it('the chunks of a user are found by the index of their owner, and those of nobody else are looked at', async () => {
  const caller = testCaller()
  const agent = harness.addAgent(caller)
  await harness.request(caller, 'PUT', `/v1/agents/${agent.id}/memory/documents/own.md?user_id=alice`, {
    content: 'heron',
  })
  const database = harness.database.forTenant(caller.tenantId)
  const { rows } = await database.transaction(async (session) => {
    // A table this small is read whole otherwise.
    await session.query('SET LOCAL enable_seqscan = off')
    return session.query<{ 'QUERY PLAN': string }>(
      `EXPLAIN SELECT terms FROM memory.chunks c
       WHERE c.tenant_id = $1 AND c.agent_id = $2 AND ($3::text[] IS NULL OR c.user_id = ANY ($3))`,
      [caller.tenantId, agent.id, ['', 'alice']],
    )
  })
  const plan = rows.map((row) => row['QUERY PLAN']).join('\n')
  expect(plan).toMatch(/chunks_owner_idx[^]*Index Cond:.*tenant_id.*agent_id.*user_id/)
})

it('an agent with few vectors is compared one by one, and gets no index', async () => {
  harness.providers.embed = providerOfWidth(32)
  evict(harness.bus, { kind: 'providers' })
  const caller = testCaller()
  const agent = harness.addAgent(caller)
  const base = `/v1/agents/${agent.id}/memory`
  await harness.request(caller, 'PUT', `${base}/documents/a.md`, { content: 'heron' })
  const { body } = await harness.request(caller, 'POST', `${base}/search`, { query: 'heron' })
  expect(body['count']).toBe(1)
  await sleep(100)
  expect(await indexExists(32)).toBe(false)
})
