import { evict } from '@clawmesh/chassis'
import { testCaller } from '../../../test/support/service-harness.ts'
import { noProvider, providerOfWidth, startMemory, type MemoryHarness } from './memory-harness.ts'

let harness: MemoryHarness
beforeAll(async () => {
  harness = await startMemory()
})
afterAll(() => harness.stop())

interface Result {
  path: string
  start_line: number
  end_line: number
  score: number
  snippet: string
  source: string
  scope: string
}

const fresh = (memoryConfig: Record<string, unknown> = {}) => {
  const caller = testCaller()
  const agent = harness.addAgent(caller, { memoryConfig })
  const base = `/v1/agents/${agent.key}/memory`
  return {
    put: (path: string, content: string, userId = '') =>
      harness.request(caller, 'PUT', `${base}/documents/${path}`, { content, user_id: userId }),
    search: async (body: object) => {
      const answer = await harness.request<{ results: Result[]; count: number }>(caller, 'POST', `${base}/search`, body)
      expect(answer.status).toBe(200)
      expect(answer.body.count).toBe(answer.body.results.length)
      return answer.body.results
    },
  }
}

/** No vectors, so that only full text counts. */
const textOnly = async () => {
  throw new Error('no embeddings in this test')
}

describe('a search', () => {
  afterEach(() => {
    harness.providers.embed = noProvider
    evict(harness.bus, { kind: 'providers' })
  })

  it('shows the chunk with its lines, score, source and scope', async () => {
    const { put, search } = fresh()
    await put('memory/birds.md', '# Birds\n\nGrey herons nest in trees.')
    expect(await search({ query: 'herons' })).toEqual([
      {
        path: 'memory/birds.md',
        start_line: 1,
        end_line: 3,
        score: expect.any(Number),
        snippet: '# Birds\n\nGrey herons nest in trees.',
        source: 'memory',
        scope: 'global',
      },
    ])
  })

  it('sees personal documents of the named user only, and counts them 1.2 times', async () => {
    harness.providers.embed = textOnly
    const { put, search } = fresh()
    for (const [path, user] of [
      ['all.md', ''],
      ['bob.md', 'bob'],
      ['eve.md', 'eve'],
    ] as const)
      await put(path, 'the heron text', user)
    expect((await search({ query: 'heron' })).map(({ path }) => path)).toEqual(['all.md'])
    const [own, general] = await search({ query: 'heron', user_id: 'bob' })
    expect(own).toMatchObject({ path: 'bob.md', scope: 'personal' })
    expect(general).toMatchObject({ path: 'all.md', scope: 'global' })
    expect(own!.score / general!.score).toBeCloseTo(1.2, 6)
  })

  it('gives one result for a path that is both personal and global, in the words of the personal one', async () => {
    harness.providers.embed = textOnly
    const { put, search } = fresh()
    await put('MEMORY.md', 'heron in general')
    await put('MEMORY.md', 'heron of bob', 'bob')
    const results = await search({ query: 'heron', user_id: 'bob' })
    expect(results).toHaveLength(1)
    expect(results[0]).toMatchObject({ snippet: 'heron of bob', scope: 'personal' })
  })

  it('adds text and vectors with the weights of the agent', async () => {
    harness.providers.embed = providerOfWidth(64)
    const scoreOf = async (config: Record<string, unknown>, query: string) => {
      const { put, search } = fresh(config)
      await put('a.md', 'Grey herons nest in tall trees.')
      return (await search({ query }))[0]!.score
    }
    // No word of "heron nesting" occurs, so the vector side is alone and weighs 1 whatever is set.
    expect(await scoreOf({ vector_weight: 0.1 }, 'heron nesting')).toBeCloseTo(await scoreOf({}, 'heron nesting'), 9)
    const textScore = await scoreOf({ text_weight: 1, vector_weight: 0 }, 'herons')
    const vectorScore = await scoreOf({ text_weight: 0, vector_weight: 1 }, 'herons')
    expect(await scoreOf({}, 'herons')).toBeCloseTo(0.3 * textScore + 0.7 * vectorScore, 6)
  })

  it('gives 6 results, or as many as asked or set; max_results goes before limit', async () => {
    const { put, search } = fresh()
    const limited = fresh({ max_results: 2 })
    for (let i = 0; i < 12; i++) {
      await put(`${i}.md`, `heron number ${i}`)
      await limited.put(`${i}.md`, `heron number ${i}`)
    }
    const query = 'heron'
    expect(await search({ query })).toHaveLength(6)
    expect(await search({ query, limit: 3 })).toHaveLength(3)
    expect(await search({ query, limit: 3, max_results: 4 })).toHaveLength(4)
    expect(await search({ query, max_results: -1 })).toHaveLength(6)
    expect(await search({ query, max_results: 1_000_000 })).toHaveLength(12)
    expect(await limited.search({ query })).toHaveLength(2)
  })

  it('drops what scores below the floor', async () => {
    const { put, search } = fresh()
    await put('a.md', 'heron')
    await put('b.md', 'something else altogether')
    const all = await search({ query: 'heron' })
    const floor = (all[0]!.score + all[1]!.score) / 2
    expect((await search({ query: 'heron', min_score: floor })).map(({ path }) => path)).toEqual(['a.md'])
  })

  it('is best first', async () => {
    const { put, search } = fresh()
    await put('once.md', `heron ${'and many other words '.repeat(20)}`)
    await put('often.md', 'heron heron heron')
    const scores = (await search({ query: 'heron' })).map(({ path, score }) => ({ path, score }))
    expect(scores[0]!.path).toBe('often.md')
    expect(scores[0]!.score).toBeGreaterThanOrEqual(scores[1]!.score)
  })

  it('takes any query as plain words', async () => {
    const { put, search } = fresh()
    await put('a.md', 'heron & (stork | !crane)')
    for (const query of ["'", '& | !', "heron:* <-> 'x'", '"; DROP TABLE memory.chunks; --', '💥', 'a'.repeat(20_000)])
      await search({ query })
    expect(await search({ query: 'heron stork' })).toHaveLength(1)
  })
})
