import { evict } from '@clawmesh/chassis'
import { rule } from '../../../test/support/rule.ts'
import { testCaller } from '../../../test/support/service-harness.ts'
import { noProvider, providerOfWidth, startMemory, type MemoryHarness } from './support.ts'

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

  rule('searchMemory.scopesToAUser', async () => {
    harness.providers.embed = textOnly
    const { put, search } = fresh()
    for (const [path, user] of [
      ['all.md', ''],
      ['bob.md', 'bob'],
      ['eve.md', 'eve'],
    ] as const)
      await put(path, `heron of ${path}`, user)
    expect((await search({ query: 'heron' })).map(({ path }) => path)).toEqual(['all.md'])
    const found = await search({ query: 'heron', user_id: 'bob' })
    expect(found.map(({ path, scope }) => [path, scope])).toEqual([
      ['bob.md', 'personal'],
      ['all.md', 'global'],
    ])
  })

  rule('searchMemory.prefersPersonalOnes', async () => {
    harness.providers.embed = textOnly
    const two = fresh()
    await two.put('all.md', 'heron one')
    await two.put('bob.md', 'heron two', 'bob')
    const [own, general] = await two.search({ query: 'heron', user_id: 'bob' })
    expect(own!.score / general!.score).toBeCloseTo(1.2, 6)
    await two.put('own-copy.md', 'heron one', 'bob')
    const found = await two.search({ query: 'heron', user_id: 'bob' })
    expect(found.map(({ path }) => path).toSorted()).toEqual(['bob.md', 'own-copy.md'])
    const { put, search } = fresh()
    await put('MEMORY.md', 'heron in general')
    await put('MEMORY.md', 'heron of bob', 'bob')
    const results = await search({ query: 'heron', user_id: 'bob' })
    expect(results).toHaveLength(1)
    expect(results[0]).toMatchObject({ snippet: 'heron of bob', scope: 'personal' })
  })

  rule('searchMemory.weighsBothSides', async () => {
    const scoreOf = async (config: Record<string, unknown>, query: string) => {
      const { put, search } = fresh(config)
      await put('a.md', 'Grey herons nest in tall trees.')
      await put('b.md', 'Storks are white.')
      await put('c.md', 'rhythmbook')
      return (await search({ query }))[0]!.score
    }
    const sides = async (query: string) => ({
      text: await scoreOf({ text_weight: 1, vector_weight: 0 }, query),
      vector: await scoreOf({ text_weight: 0, vector_weight: 1 }, query),
    })
    const query = 'storks trees herons'
    for (const [embed, text, vector] of [
      [providerOfWidth(64), 0.3, 0.7],
      [noProvider, 0.7, 0.3],
    ] as const) {
      harness.providers.embed = embed
      evict(harness.bus, { kind: 'providers' })
      const alone = await sides(query)
      expect(await scoreOf({}, query)).toBeCloseTo(text * alone.text + vector * alone.vector, 6)
      expect(await scoreOf({ text_weight: 0.5, vector_weight: 0.5 }, query)).toBeCloseTo(
        (alone.text + alone.vector) / 2,
        6,
      )
    }
    // No word is spelled like this, so the vector side is alone and weighs 1 whatever is set.
    harness.providers.embed = noProvider
    evict(harness.bus, { kind: 'providers' })
    expect(await scoreOf({ vector_weight: 0.1 }, 'arhythmbook')).toBeCloseTo(await scoreOf({}, 'arhythmbook'), 9)
    harness.providers.embed = textOnly
    evict(harness.bus, { kind: 'providers' })
    expect(await scoreOf({ text_weight: 0.1 }, query)).toBeCloseTo(await scoreOf({}, query), 9)
  })

  rule('searchMemory.putsExactTextsFirst', async () => {
    const { put, search } = fresh()
    await put('words.md', 'Herons are grey. Grey is the sky. Sky over herons, and grey herons once more.')
    await put('exact.md', 'In the end we saw it: a Grèy heron sky, over the long and otherwise quite empty river bank.')
    const [first, second] = await search({ query: 'grey HERON sky' })
    expect([first!.path, second!.path]).toEqual(['exact.md', 'words.md'])
  })

  rule('searchMemory.foldsNearDuplicates', async () => {
    const { put, search } = fresh()
    const text = 'Grey herons nest in tall trees near the river, and fish at dawn in the shallow water.'
    await put('a.md', text)
    await put('b.md', `${text.toUpperCase()}\n`)
    await put('c.md', 'Grey herons eat fish.')
    expect((await search({ query: 'grey herons' })).map(({ path }) => path).toSorted()).toEqual([
      expect.stringMatching(/^[ab]\.md$/),
      'c.md',
    ])
  })

  rule('searchMemory.takesEitherLimit', async () => {
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

  rule('searchMemory.dropsLowScores', async () => {
    const { put, search } = fresh()
    await put('a.md', 'heron and stork')
    await put('b.md', 'heron beside a house with a blue roof')
    await put('c.md', 'something else altogether')
    const query = 'heron stork'
    const all = await search({ query, min_score: 0 })
    expect(all.map(({ path }) => path)).toEqual(['a.md', 'b.md'])
    const floor = (all[0]!.score + all[1]!.score) / 2
    expect((await search({ query, min_score: floor })).map(({ path }) => path)).toEqual(['a.md'])
  })

  rule('searchMemory.ordersByScore', async () => {
    const { put, search } = fresh()
    await put('once.md', `heron ${'and many other words '.repeat(20)}`)
    await put('often.md', 'heron heron heron')
    const scores = (await search({ query: 'heron' })).map(({ path, score }) => ({ path, score }))
    expect(scores[0]!.path).toBe('often.md')
    expect(scores[0]!.score).toBeGreaterThanOrEqual(scores[1]!.score)
  })

  rule('searchMemory.requiresAQuery', async () => {
    const caller = testCaller()
    const { id } = harness.addAgent(caller)
    for (const body of [{}, { query: '' }, { query: ' \n' }]) {
      const { status, body: answer } = await harness.request(caller, 'POST', `/v1/agents/${id}/memory/search`, body)
      expect(status).toBe(400)
      expect(answer['error']).toContain('query')
    }
  })

  it('takes any query as plain words', async () => {
    const { put, search } = fresh()
    await put('a.md', 'heron & (stork | !crane)')
    for (const query of ["'", '& | !', "heron:* <-> 'x'", '"; DROP TABLE memory.chunks; --', '💥', 'a'.repeat(20_000)])
      await search({ query })
    expect(await search({ query: 'heron stork' })).toHaveLength(1)
  })
})
