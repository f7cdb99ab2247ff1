import { createHash } from 'node:crypto'
import type { Caller } from '@clawmesh/contracts'
import { testCaller } from '../../../test/support/service-harness.ts'
import { startMemory, type MemoryHarness } from './support.ts'

let harness: MemoryHarness
beforeAll(async () => {
  harness = await startMemory()
})
afterAll(() => harness.stop())

interface Info {
  path: string
  hash: string
  agent_id: string
  user_id?: string
  updated_at: number
}

const documentUrl = (agent: string, path: string) => `/v1/agents/${agent}/memory/documents/${path}`
const put = (caller: Caller, agent: string, path: string, content: string, userId = '') =>
  harness.request(caller, 'PUT', documentUrl(agent, path), { content, user_id: userId })

/** A fresh tenant with one agent. */
const fresh = () => {
  const caller = testCaller()
  return { caller, agent: harness.addAgent(caller) }
}

describe('a document', () => {
  it('is stored, cut and embedded by one call, and read back with its counts', async () => {
    const { caller, agent } = fresh()
    const content = '# Notes\n\nThe deploy key lives in the vault.\n'
    const stored = await put(caller, agent.key, 'memory/notes.md', content)
    expect(stored).toMatchObject({ status: 200, body: { status: 'ok', path: 'memory/notes.md' } })
    const { body } = await harness.request(caller, 'GET', documentUrl(agent.id, 'memory/notes.md'))
    expect(body).toEqual({
      path: 'memory/notes.md',
      content,
      hash: createHash('sha256').update(content).digest('hex').slice(0, 32),
      chunk_count: 1,
      embedded_count: 1,
      created_at: expect.any(Number),
      updated_at: expect.any(Number),
    })
  })

  it('keeps its creation time when it is replaced', async () => {
    const { caller, agent } = fresh()
    const read = async () => (await harness.request(caller, 'GET', documentUrl(agent.id, 'a.md'))).body
    await put(caller, agent.id, 'a.md', 'one')
    const before = await read()
    await put(caller, agent.id, 'a.md', 'two')
    const after = await read()
    expect(after['content']).toBe('two')
    expect(after['created_at']).toBe(before['created_at'])
    expect(after['updated_at']).toBeGreaterThanOrEqual(Number(before['updated_at']))
  })

  it('may be empty, and has then no chunks', async () => {
    const { caller, agent } = fresh()
    expect((await harness.request(caller, 'PUT', documentUrl(agent.id, 'empty.md'), {})).status).toBe(200)
    const { body } = await harness.request(caller, 'GET', documentUrl(agent.id, 'empty.md'))
    expect(body).toMatchObject({ content: '', chunk_count: 0 })
  })

  it('is only indexed when it is Markdown, but on demand it is', async () => {
    const { caller, agent } = fresh()
    await put(caller, agent.id, 'data.txt', 'plain text about herons')
    const counts = async () => (await harness.request(caller, 'GET', documentUrl(agent.id, 'data.txt'))).body
    expect(await counts()).toMatchObject({ chunk_count: 0 })
    const index = await harness.request(caller, 'POST', `/v1/agents/${agent.id}/memory/index`, { path: 'data.txt' })
    expect(index.body).toEqual({ status: 'indexed', path: 'data.txt' })
    expect(await counts()).toMatchObject({ chunk_count: 1, embedded_count: 1 })
    await put(caller, agent.id, 'data.txt', 'new text')
    expect(await counts()).toMatchObject({ chunk_count: 0 })
  })

  it('of a user is another one than that of the agent', async () => {
    const { caller, agent } = fresh()
    await put(caller, agent.id, 'MEMORY.md', 'for all')
    await put(caller, agent.id, 'MEMORY.md', 'for bob', 'bob')
    const read = (query: string) => harness.request(caller, 'GET', `${documentUrl(agent.id, 'MEMORY.md')}${query}`)
    expect((await read('')).body).toMatchObject({ content: 'for all' })
    expect((await read('?user_id=bob')).body).toMatchObject({ content: 'for bob', user_id: 'bob' })
    expect((await read('?user_id=eve')).status).toBe(404)
  })

  it('may have slashes, spaces and other letters in its path, raw or encoded', async () => {
    const { caller, agent } = fresh()
    await put(caller, agent.id, 'memory/ghi%20ch%C3%BA%2F2026.md', 'x')
    const { body } = await harness.request<Info[]>(caller, 'GET', `/v1/agents/${agent.id}/memory/documents`)
    expect(body.map(({ path }) => path)).toEqual(['memory/ghi chú/2026.md'])
    expect((await harness.request(caller, 'GET', documentUrl(agent.id, 'memory/ghi%20chú/2026.md'))).status).toBe(200)
  })

  it('goes with its chunks when it is deleted, once', async () => {
    const { caller, agent } = fresh()
    await put(caller, agent.id, 'a.md', 'heron', 'bob')
    const remove = () => harness.request(caller, 'DELETE', `${documentUrl(agent.id, 'a.md')}?user_id=bob`)
    expect(await remove()).toMatchObject({ status: 200, body: { status: 'deleted' } })
    expect(await remove()).toMatchObject({ status: 404, body: { error: 'document not found: a.md' } })
    const chunks = await harness.request(caller, 'GET', `/v1/agents/${agent.id}/memory/chunks?path=a.md&user_id=bob`)
    expect(chunks.body).toEqual([])
  })
})

describe('lists of documents', () => {
  it('show the newest first: all of the tenant, of an agent, or what a user sees', async () => {
    const { caller, agent } = fresh()
    const other = harness.addAgent(caller)
    await put(caller, agent.id, 'a.md', 'a')
    await put(caller, agent.id, 'b.md', 'b', 'bob')
    await put(caller, agent.id, 'c.md', 'c', 'eve')
    await put(caller, other.id, 'd.md', 'd')
    const list = async (url: string) =>
      (await harness.request<Info[]>(caller, 'GET', url)).body.map(({ path, user_id }) => [path, user_id])
    expect(await list('/v1/memory/documents')).toEqual([
      ['d.md', undefined],
      ['c.md', 'eve'],
      ['b.md', 'bob'],
      ['a.md', undefined],
    ])
    expect(await list(`/v1/agents/${agent.key}/memory/documents`)).toHaveLength(3)
    expect(await list(`/v1/agents/${agent.key}/memory/documents?user_id=bob`)).toEqual([
      ['b.md', 'bob'],
      ['a.md', undefined],
    ])
  })

  it('are empty arrays where there is nothing', async () => {
    const { caller, agent } = fresh()
    expect((await harness.request(caller, 'GET', '/v1/memory/documents')).body).toEqual([])
    expect((await harness.request(caller, 'GET', `/v1/agents/${agent.id}/memory/documents`)).body).toEqual([])
  })
})

describe('chunks', () => {
  it('are cut by the sizes of the tenant, or of the agent where it has its own', async () => {
    const caller = testCaller()
    const content = Array.from({ length: 40 }, (_, i) => `line ${i} ${'x'.repeat(40)}`).join('\n')
    const count = async (memoryConfig: Record<string, unknown>) => {
      const agent = harness.addAgent(caller, { memoryConfig })
      await put(caller, agent.id, 'a.md', content)
      const { body } = await harness.request<unknown[]>(caller, 'GET', `/v1/agents/${agent.id}/memory/chunks?path=a.md`)
      return body.length
    }
    harness.systemConfig['embedding.max_chunk_len'] = '500'
    harness.systemConfig['embedding.chunk_overlap'] = '0'
    const ofTenant = await count({})
    const ofAgent = await count({ max_chunk_len: 250, chunk_overlap: 0 })
    delete harness.systemConfig['embedding.max_chunk_len']
    delete harness.systemConfig['embedding.chunk_overlap']
    expect(ofTenant).toBe(4)
    expect(ofAgent).toBe(7)
  })

  it('come in the order of their lines, with all their text', async () => {
    const { caller, agent } = fresh()
    const lines = Array.from({ length: 100 }, (_, i) => `line ${i + 1} ${'y'.repeat(50)}`)
    await put(caller, agent.id, 'a.md', lines.join('\n'))
    const { body } = await harness.request<{ start_line: number; end_line: number; text_preview: string }[]>(
      caller,
      'GET',
      `/v1/agents/${agent.id}/memory/chunks?path=a.md`,
    )
    expect(body.length).toBeGreaterThan(4)
    expect(body.map((c) => c.start_line)).toEqual(body.map((c) => c.start_line).toSorted((a, b) => a - b))
    for (const { start_line, end_line, text_preview } of body)
      expect(text_preview).toBe(lines.slice(start_line - 1, end_line).join('\n'))
  })
})

describe('indexing again', () => {
  it('covers what a user sees, named in the body or by the caller, and leaves other users alone', async () => {
    const { caller, agent } = fresh()
    for (const [path, user] of [
      ['a.txt', ''],
      ['b.txt', 'bob'],
      ['c.txt', 'alice'],
    ] as const)
      await put(caller, agent.id, path, 'text', user)
    const chunks = async (path: string, user: string) =>
      (
        await harness.request<unknown[]>(
          caller,
          'GET',
          `/v1/agents/${agent.id}/memory/chunks?path=${path}&user_id=${user}`,
        )
      ).body.length
    const all = `/v1/agents/${agent.id}/memory/index-all`
    expect((await harness.request(caller, 'POST', all, { user_id: 'bob' })).body).toEqual({ status: 'indexed_all' })
    expect([await chunks('a.txt', ''), await chunks('b.txt', 'bob'), await chunks('c.txt', 'alice')]).toEqual([1, 1, 0])
    expect((await harness.request(caller, 'POST', all)).status).toBe(200)
    expect(await chunks('c.txt', 'alice')).toBe(1)
  })

  it('answers 404 for a document that is not there', async () => {
    const { caller, agent } = fresh()
    const { status } = await harness.request(caller, 'POST', `/v1/agents/${agent.id}/memory/index`, { path: 'a.md' })
    expect(status).toBe(404)
  })
})

describe('entries', () => {
  it('get a dated path of their own, go to the default agent, and can be listed and deleted by id', async () => {
    const caller = testCaller()
    const agent = harness.addAgent(caller, { isDefault: true })
    const { status, body } = await harness.request(caller, 'POST', '/v1/memory', {
      content: 'likes tea',
      user_id: 'bob',
    })
    expect(status).toBe(201)
    expect(body).toMatchObject({ agent_id: agent.id, user_id: 'bob', content: 'likes tea' })
    expect(body['path']).toMatch(/^memory\/\d{4}-\d\d-\d\d-[0-9a-f]{8}\.md$/)

    const listed = await harness.request(caller, 'GET', '/v1/memory?include_content=false&user_id=bob')
    expect(listed.body).toMatchObject({ total: 1, limit: 50, offset: 0, entries: [{ id: body['id'] }] })
    expect(JSON.stringify(listed.body)).not.toContain('likes tea')

    const url = `/v1/memory/${String(body['id'])}`
    expect((await harness.request(caller, 'DELETE', url)).body).toEqual({ status: 'deleted' })
    expect((await harness.request(caller, 'DELETE', url)).status).toBe(404)
  })

  it('replace the one at their path', async () => {
    const caller = testCaller()
    const agent = harness.addAgent(caller)
    const create = (content: string) =>
      harness.request(caller, 'POST', '/v1/memory', { agent_id: agent.key, path: 'memory/a.md', content })
    const first = await create('one')
    const second = await create('two')
    expect([first.status, second.status]).toEqual([201, 200])
    expect(second.body['id']).toBe(first.body['id'])
  })

  it('take the agent of the header when the body names none, and 404 without any', async () => {
    const caller = testCaller()
    const agent = harness.addAgent(caller)
    const headers = { 'x-goclaw-agent-id': agent.key }
    const { body } = await harness.request(caller, 'POST', '/v1/memory', { content: 'x' }, headers)
    expect(body['agent_id']).toBe(agent.id)
    expect((await harness.request(caller, 'POST', '/v1/memory', { content: 'x' })).status).toBe(404)
  })

  it('are paged, newest first, and filtered by agent and path', async () => {
    const { caller, agent } = fresh()
    for (const name of ['a', 'b', 'c']) await put(caller, agent.id, `${name}.md`, name)
    const paths = async (query: string) => {
      const { body } = await harness.request<{ entries: { path: string }[]; total: number }>(
        caller,
        'GET',
        `/v1/memory?${query}`,
      )
      return [...body.entries.map(({ path }) => path), body.total]
    }
    expect(await paths('limit=2')).toEqual(['c.md', 'b.md', 3])
    expect(await paths('limit=2&offset=2')).toEqual(['a.md', 3])
    expect(await paths(`agent_id=${agent.key}&path=b.md`)).toEqual(['b.md', 1])
    expect(await paths('limit=nonsense&offset=9007199254740991')).toEqual([3])
    expect((await harness.request(caller, 'GET', '/v1/memory?agent_id=nobody')).status).toBe(404)
  })
})

describe('bad input', () => {
  it.each([
    ['a parent folder', 'memory/..%2Fsecrets.md'],
    ['a leading slash', '%2Fetc/passwd'],
    ['a backslash', 'memory%5Cnotes.md'],
    ['a NUL', 'memory/a%00.md'],
    ['too many letters', 'x'.repeat(501)],
  ])('answers 400 naming the path for %s', async (_, path) => {
    const { caller, agent } = fresh()
    const { status, body } = await put(caller, agent.id, path, 'x')
    expect(status).toBe(400)
    expect(body['error']).toContain('path')
  })

  it.each([
    ['a content that is no text', 'PUT', 'documents/a.md', { content: 7 }, 'content'],
    ['a user id too long', 'PUT', 'documents/a.md', { content: 'a', user_id: 'x'.repeat(256) }, 'user_id'],
    ['a search without a query', 'POST', 'search', {}, 'query'],
    ['an empty query', 'POST', 'search', { query: '' }, 'query'],
    ['a query of spaces', 'POST', 'search', { query: ' \n' }, 'query'],
    ['a query too long', 'POST', 'search', { query: 'x'.repeat(20_001) }, 'query'],
    ['a result count that is no number', 'POST', 'search', { query: 'x', max_results: 'many' }, 'max_results'],
    ['an index call without a path', 'POST', 'index', {}, 'path'],
    ['an index call with a bad path', 'POST', 'index', { path: '../x' }, 'path'],
    ['chunks without a path', 'GET', 'chunks', undefined, 'path'],
    ['chunks with a bad path', 'GET', 'chunks?path=..%2Fx', undefined, 'path'],
    ['chunks of a user with too long a name', 'GET', `chunks?path=x&user_id=${'x'.repeat(256)}`, undefined, 'user_id'],
  ])('answers 400 naming the field for %s', async (_, method, path, input, field) => {
    const { caller, agent } = fresh()
    const { status, body } = await harness.request(caller, method, `/v1/agents/${agent.id}/memory/${path}`, input)
    expect(status).toBe(400)
    expect(body['error']).toContain(field)
  })

  it.each([
    ['an entry without content', 'POST', '/v1/memory', {}, 'content'],
    ['an entry with a bad path', 'POST', '/v1/memory', { content: 'x', path: '/x' }, 'path'],
    ['an id that is no UUID', 'DELETE', '/v1/memory/nonsense', undefined, 'id'],
  ])('answers 400 naming the field for %s', async (_, method, path, input, field) => {
    const caller = testCaller()
    harness.addAgent(caller, { isDefault: true })
    const { status, body } = await harness.request(caller, method, path, input)
    expect(status).toBe(400)
    expect(body['error']).toContain(field)
  })
})

describe('an unknown agent', () => {
  it.each([
    ['GET', 'documents', undefined],
    ['GET', 'documents/a.md', undefined],
    ['PUT', 'documents/a.md', { content: 'x' }],
    ['DELETE', 'documents/a.md', undefined],
    ['GET', 'chunks?path=a.md', undefined],
    ['POST', 'index', { path: 'a.md' }],
    ['POST', 'index-all', undefined],
    ['POST', 'search', { query: 'x' }],
  ])('is 404 for %s %s', async (method, path, input) => {
    const { status, body } = await harness.request(testCaller(), method, `/v1/agents/nobody/memory/${path}`, input)
    expect(status).toBe(404)
    expect(body).toMatchObject({ error: 'agent not found: nobody', code: 'NOT_FOUND' })
  })
})

describe('roles', () => {
  it('let a viewer read and nothing else', async () => {
    const { caller, agent } = fresh()
    const viewer = { ...caller, role: 'viewer' as const }
    await put(caller, agent.id, 'a.md', 'x')
    expect((await harness.request(viewer, 'GET', documentUrl(agent.id, 'a.md'))).status).toBe(200)
    expect((await put(viewer, agent.id, 'a.md', 'y')).status).toBe(403)
    const search = `/v1/agents/${agent.id}/memory/search`
    expect((await harness.request(viewer, 'POST', search, { query: 'x' })).status).toBe(403)
  })
})
