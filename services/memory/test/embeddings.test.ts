import { evict } from '@clawmesh/chassis'
import { setTimeout as sleep } from 'node:timers/promises'
import { MeshError, type Caller } from '@clawmesh/contracts'
import { rule } from '../../../test/support/rule.ts'
import { testCaller } from '../../../test/support/service-harness.ts'
import { chunkVectors, createWaitingRows } from '../src/embeddings/waiting-rows.ts'
import { contentHash } from '../src/chunks/content-hash.ts'
import { pruneVectorCache } from '../src/embeddings/rows.ts'
import { noProvider, providerOfWidth, startMemory, type MemoryHarness } from './support.ts'
import { until } from '../../../test/support/eventually.ts'

let harness: MemoryHarness
beforeAll(async () => {
  harness = await startMemory({ CLAWMESH_MEMORY_EMBED_RETRY_MS: '50', CLAWMESH_MEMORY_QUERY_EMBED_TIMEOUT_MS: '300' })
})
beforeEach(() => {
  harness.providers.embed = noProvider
  forgetModel()
})
afterAll(() => harness.stop())

/** What the providers service does when a provider changes. */
const forgetModel = () => evict(harness.bus, { kind: 'providers' })

interface Result {
  path: string
  score: number
  snippet: string
  scope: string
}

const fresh = (memoryConfig: Record<string, unknown> = {}) => {
  const caller = testCaller()
  const agent = harness.addAgent(caller, { memoryConfig })
  const base = `/v1/agents/${agent.id}/memory`
  return {
    caller,
    put: (path: string, content: string) => harness.request(caller, 'PUT', `${base}/documents/${path}`, { content }),
    index: (path: string) => harness.request(caller, 'POST', `${base}/index`, { path }),
    search: async (query: string) =>
      (await harness.request<{ results: Result[] }>(caller, 'POST', `${base}/search`, { query })).body.results,
    document: async (path: string) => (await harness.request(caller, 'GET', `${base}/documents/${path}`)).body,
    chunks: async (path: string) =>
      (await harness.request<Record<string, unknown>[]>(caller, 'GET', `${base}/chunks?path=${path}`)).body,
    counts: async (path: string) => {
      const { body } = await harness.request(caller, 'GET', `${base}/documents/${path}`)
      return [body['chunk_count'], body['embedded_count']]
    },
  }
}

const rows = async <R extends object>(caller: Caller, sql: string): Promise<R[]> =>
  (await harness.database.pool.query<R>(sql, [caller.tenantId])).rows

const refuse = async () => {
  throw new MeshError('UNAVAILABLE', 'error.unavailable', { what: 'upstream' })
}

describe('a tenant without an embedding provider', () => {
  it('gets the built-in vectors, labelled as what they are', async () => {
    const { caller, put, search } = fresh()
    await put('birds.md', 'Grey herons nest in tall trees.')
    await put('money.md', 'The invoice is due on Friday.')
    const models = await rows(caller, 'SELECT DISTINCT embedding_model, dims FROM memory.chunks WHERE tenant_id = $1')
    expect(models).toEqual([{ embedding_model: 'term-hashing-256', dims: 256 }])
    // No word of it occurs as it stands, so only vectors can find it.
    expect((await search('heron nesting'))[0]).toMatchObject({ path: 'birds.md', scope: 'global' })
  })
})

describe('a tenant with an embedding provider', () => {
  it.each([8, 256, 1536, 2500, 4096])('finds by vectors of width %i', async (dims) => {
    harness.providers.embed = providerOfWidth(dims)
    const { caller, put, search } = fresh()
    await put('birds.md', 'Grey herons nest in tall trees.')
    await put('money.md', 'The invoice is due on Friday.')
    const models = await rows(caller, 'SELECT DISTINCT embedding_model, dims FROM memory.chunks WHERE tenant_id = $1')
    expect(models).toEqual([{ embedding_model: `test/model-${dims}`, dims }])
    expect((await search('heron nesting in trees'))[0]).toMatchObject({ path: 'birds.md' })
  })

  rule('indexMemoryDocument.embedsOnlyNewTexts', async () => {
    harness.providers.embed = providerOfWidth(16)
    const { put, index, counts } = fresh()
    await put('a.md', 'the same text')
    harness.providers.asked.length = 0
    await put('b.md', 'the same text')
    await index('a.md')
    await put('c.md', 'another text')
    expect(harness.providers.asked).toEqual([['another text']])
    expect(await counts('b.md')).toEqual([1, 1])
  })

  it('sends texts in batches of 50', async () => {
    harness.providers.embed = providerOfWidth(4)
    const { put, counts } = fresh({ max_chunk_len: 100, chunk_overlap: 0 })
    await put('a.md', Array.from({ length: 120 }, (_, i) => `line ${i}`.padEnd(100, '.')).join('\n'))
    expect(harness.providers.asked.map((texts) => texts.length)).toEqual(expect.arrayContaining([50, 50, 20]))
    expect(await counts('a.md')).toEqual([120, 120])
  })

  it('passes on the provider and model that the agent names', async () => {
    const named: string[] = []
    harness.providers.embed = async (call, request) => {
      named.push(`${request.provider}/${request.model}`)
      return providerOfWidth(4)(call, request)
    }
    const { put, search } = fresh({ embedding_provider: 'mine', embedding_model: 'small' })
    await put('a.md', 'text')
    await search('text')
    expect(new Set(named)).toEqual(new Set(['mine/small']))
  })

  it('does not compare vectors of another model, until its documents are indexed again', async () => {
    harness.providers.embed = providerOfWidth(16, 'old')
    const { caller, put, index, search } = fresh()
    await put('birds.md', 'Grey herons nest in tall trees.')
    harness.providers.embed = providerOfWidth(16, 'new')
    forgetModel()
    expect(await search('aheronst anestling')).toEqual([])
    expect(await search('herons')).toHaveLength(1)
    await index('birds.md')
    expect(await search('aheronst anestling')).toHaveLength(1)
    const models = await rows(caller, 'SELECT DISTINCT embedding_model FROM memory.chunks WHERE tenant_id = $1')
    expect(models).toEqual([{ embedding_model: 'test/new' }])
  })

  it('survives a change of model between two calls', async () => {
    harness.providers.embed = providerOfWidth(16, 'old')
    const { caller, put, counts } = fresh()
    await put('a.md', 'one')
    harness.providers.embed = providerOfWidth(32, 'new')
    await put('b.md', 'two')
    await until(async () => (await counts('b.md'))[1] === 1)
    const models = await rows(
      caller,
      'SELECT path, embedding_model FROM memory.chunks WHERE tenant_id = $1 ORDER BY path',
    )
    expect(models).toEqual([
      { path: 'a.md', embedding_model: 'test/old' },
      { path: 'b.md', embedding_model: 'test/new' },
    ])
  })
})

describe('the cache of vectors', () => {
  it('forgets what is old, of any tenant', async () => {
    harness.providers.embed = providerOfWidth(8)
    const { caller, put } = fresh()
    await put('a.md', 'old text')
    await put('b.md', 'new text')
    const age =
      "UPDATE memory.embedding_cache SET created_at = now() - interval '31 days' WHERE tenant_id = $1 AND hash = $2"
    await harness.database.pool.query(age, [caller.tenantId, contentHash('old text')])
    expect(await pruneVectorCache(harness.database, 30)).toBe(1)
    const left = await rows<{ hash: string }>(caller, 'SELECT hash FROM memory.embedding_cache WHERE tenant_id = $1')
    expect(left).toEqual([{ hash: contentHash('new text') }])
  })
})

describe('a provider that fails', () => {
  it('does not fail the writing: chunks are found by text and embedded later', async () => {
    harness.providers.embed = refuse
    const { put, counts, search } = fresh()
    expect((await put('a.md', 'Grey herons nest here.')).status).toBe(200)
    expect(await counts('a.md')).toEqual([1, 0])
    expect((await search('herons'))[0]).toMatchObject({ path: 'a.md' })
    harness.providers.embed = providerOfWidth(16)
    await until(async () => (await counts('a.md'))[1] === 1)
  })

  it('is not hammered', async () => {
    let calls = 0
    harness.providers.embed = async () => {
      calls++
      return refuse()
    }
    const { put } = fresh({ max_chunk_len: 100, chunk_overlap: 0 })
    const startedAt = Date.now()
    await put('a.md', Array.from({ length: 300 }, (_, i) => `line ${i}`.padEnd(100, '.')).join('\n'))
    await sleep(300)
    // Once for the document and once a look, and there is one look in 50 ms.
    expect(calls).toBeLessThanOrEqual(2 + (Date.now() - startedAt) / 50)
  })

  it('leaves a search to text alone, and a slow one too', async () => {
    const { caller, put, search } = fresh()
    await put('a.md', 'Grey herons nest here.')
    harness.providers.embed = refuse
    expect(await search('herons')).toHaveLength(1)
    harness.providers.embed = (call) =>
      call.caller.tenantId === caller.tenantId ? new Promise(() => undefined) : noProvider()
    expect(await search('herons')).toHaveLength(1)
  })

  it('refusing one text, keeps no others from their vectors', async () => {
    harness.providers.embed = async (call, request) => {
      if (request.texts.some((text) => text.includes('forbidden')))
        throw new MeshError('INVALID_REQUEST', 'error.provider_rejected', { provider: 'test', reason: 'no' })
      return providerOfWidth(8)(call, request)
    }
    const { put, counts } = fresh({ max_chunk_len: 100, chunk_overlap: 0 })
    const lines = Array.from({ length: 20 }, (_, i) => (i === 7 ? 'forbidden' : `line ${i}`).padEnd(100, '.'))
    await put('a.md', lines.join('\n'))
    expect(await counts('a.md')).toEqual([20, 19])
  })

  describe.each([
    ['answering 500 for a batch with one text', 'error.provider_request_failed'],
    ['ending its answer for a batch with one text', 'error.stream_cut'],
  ] as const)('%s', (_what, key) => {
    it('gets the others their vectors, and those of every later document; the text itself says why it waits', async () => {
      const reason = 'embedding is null'
      harness.providers.embed = async (call, request) => {
        if (request.texts.some((text) => text.includes('poison')))
          throw new MeshError('UNAVAILABLE', key, { provider: 'test', reason })
        return providerOfWidth(8)(call, request)
      }
      const { put, counts, document, chunks } = fresh({ max_chunk_len: 100, chunk_overlap: 0 })
      const lines = Array.from({ length: 20 }, (_, i) => (i === 7 ? 'poison' : `line ${i}`).padEnd(100, '.'))
      await put('a.md', lines.join('\n'))
      await until(async () => (await counts('a.md'))[1] === 19)
      for (const path of ['b.md', 'c.md']) {
        await put(path, `a later document, ${path}`)
        await until(async () => (await counts(path))[1] === 1)
      }
      const status = await document('a.md')
      expect(status).toMatchObject({ embedding_status: 'failed', failed_count: 1, chunk_count: 20, embedded_count: 19 })
      expect(status['embedding_error']).toContain('test')
      expect(await document('b.md')).toMatchObject({ embedding_status: 'complete', failed_count: 0 })
      const failed = (await chunks('a.md')).filter((chunk) => chunk['embedding_error'] !== undefined)
      expect(failed).toEqual([expect.objectContaining({ has_embedding: false, start_line: 8 })])
      // Once the provider can take it, it gets its vector like any other, and nothing is left of the failure.
      harness.providers.embed = providerOfWidth(8)
      await until(async () => (await document('a.md'))['embedding_status'] === 'complete')
      expect(await document('a.md')).not.toHaveProperty('embedding_error')
    })
  })

  it('failing at a text again and again is asked ever more rarely', async () => {
    const { caller, put } = fresh()
    harness.providers.embed = refuse
    await put('a.md', 'text')
    const [chunk] = await rows<{ id: string }>(caller, 'SELECT id FROM memory.chunks WHERE tenant_id = $1')
    const waiting = createWaitingRows(harness.database, chunkVectors)(caller.tenantId)
    const pauses: number[] = []
    for (let failures = 0; failures < 14; failures++) {
      await waiting.putOffFailed([chunk!.id], 'no \0\ud83d', 60_000)
      const sql = 'SELECT extract(epoch FROM embed_after - now()) AS s FROM memory.chunks WHERE tenant_id = $1'
      pauses.push(Number((await rows<{ s: string }>(caller, sql))[0]!.s))
    }
    const minutes = pauses.map((seconds) => Math.round(seconds / 60))
    expect(minutes.slice(0, 5)).toEqual([1, 4, 16, 64, 256])
    expect(minutes.at(-1)).toBe(7 * 24 * 60)
  })

  it.each([
    ['too few components', [0.1]],
    ['no direction', [0, 0, 0, 0]],
    ['something else than numbers', [Number.NaN, 1, 1, 1]],
    ['numbers beyond single precision', [1e300, 1, 1, 1]],
  ])('giving a vector of %s, has it passed over', async (_, values) => {
    harness.providers.embed = async (call, request) => {
      const answer = await providerOfWidth(4)(call, request)
      return { ...answer, vectors: answer.vectors.map((v, i) => (request.texts[i]!.includes('odd') ? { values } : v)) }
    }
    const { put, counts } = fresh({ max_chunk_len: 100, chunk_overlap: 0 })
    await put('a.md', ['fine', 'odd', 'good'].map((word) => word.padEnd(100, '.')).join('\n'))
    expect(await counts('a.md')).toEqual([3, 2])
  })
})

describe('the background worker', () => {
  it('takes up what a process left behind when it died', async () => {
    const { caller, put, counts } = fresh()
    await put('a.md', 'text')
    const lose = 'UPDATE memory.chunks SET embedding = NULL, dims = NULL, embedding_model = NULL WHERE tenant_id = $1'
    await rows(caller, lose)
    expect(await counts('a.md')).toEqual([1, 0])
    await until(async () => (await counts('a.md'))[1] === 1)
  })

  it('goes on with other tenants when one has a provider that fails', async () => {
    const [broken, fine] = [fresh(), fresh()]
    const answer = providerOfWidth(8)
    harness.providers.embed = refuse
    await broken.put('a.md', 'text')
    await fine.put('a.md', 'text')
    harness.providers.embed = (call, request) =>
      call.caller.tenantId === broken.caller.tenantId ? refuse() : answer(call, request)
    await until(async () => (await fine.counts('a.md'))[1] === 1)
    expect(await broken.counts('a.md')).toEqual([1, 0])
  })
})
