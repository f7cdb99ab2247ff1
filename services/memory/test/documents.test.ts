import { createHash } from 'node:crypto'
import type { Caller } from '@clawmesh/contracts'
import { rule, ruleName } from '../../../test/support/rule.ts'
import { testCaller } from '../../../test/support/service-harness.ts'
import { noProvider, startMemory, type MemoryHarness } from './support.ts'

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

const hashOf = (content: string) => createHash('sha256').update(content).digest('hex').slice(0, 32)
const read = async (caller: Caller, agent: string, path: string) =>
  (await harness.request(caller, 'GET', documentUrl(agent, path))).body

/** A fresh tenant with one agent. */
const fresh = () => {
  const caller = testCaller()
  return { caller, agent: harness.addAgent(caller) }
}

describe('a document', () => {
  rule('getMemoryDocument.countsChunks', async () => {
    const { caller, agent } = fresh()
    const content = '# Notes\n\nThe deploy key lives in the vault.\n'
    const stored = await put(caller, agent.key, 'memory/notes.md', content)
    expect(stored).toMatchObject({ status: 200, body: { status: 'ok', path: 'memory/notes.md' } })
    const { body } = await harness.request(caller, 'GET', documentUrl(agent.id, 'memory/notes.md'))
    expect(body).toEqual({
      path: 'memory/notes.md',
      content,
      hash: hashOf(content),
      chunk_count: 1,
      embedded_count: 1,
      embedding_status: 'complete',
      failed_count: 0,
      created_at: expect.any(Number),
      updated_at: expect.any(Number),
    })
  })

  rule('putMemoryDocument.hashesTheText', async () => {
    const { caller, agent } = fresh()
    await put(caller, agent.id, 'a.md', 'Đồng hồ 🦩')
    expect((await read(caller, agent.id, 'a.md'))['hash']).toBe(hashOf('Đồng hồ 🦩'))
    await put(caller, agent.id, 'a.md', 'another')
    expect((await read(caller, agent.id, 'a.md'))['hash']).toBe(hashOf('another'))
  })

  rule('putMemoryDocument.replaces', async () => {
    const { caller, agent } = fresh()
    expect((await put(caller, agent.id, 'a.md', 'one')).status).toBe(200)
    const before = await read(caller, agent.id, 'a.md')
    expect((await put(caller, agent.id, 'a.md', 'two')).status).toBe(200)
    const after = await read(caller, agent.id, 'a.md')
    expect(after['content']).toBe('two')
    expect(after['created_at']).toBe(before['created_at'])
    expect(after['updated_at']).toBeGreaterThanOrEqual(Number(before['updated_at']))
  })

  rule('putMemoryDocument.storesMissingContentAsEmpty', async () => {
    const { caller, agent } = fresh()
    expect((await harness.request(caller, 'PUT', documentUrl(agent.id, 'empty.md'), {})).status).toBe(200)
    const { body } = await harness.request(caller, 'GET', documentUrl(agent.id, 'empty.md'))
    expect(body).toMatchObject({ content: '', chunk_count: 0 })
  })

  rule('putMemoryDocument.indexesMarkdown', async () => {
    const { caller, agent } = fresh()
    for (const path of ['a.md', 'b.MD', 'c.txt', 'd.md.bak']) await put(caller, agent.id, path, 'herons')
    const counts = async (path: string) => (await read(caller, agent.id, path))['embedded_count']
    expect(await Promise.all(['a.md', 'b.MD', 'c.txt', 'd.md.bak'].map(counts))).toEqual([1, 1, 0, 0])
  })

  rule('putMemoryDocument.survivesEmbeddingFailures', async () => {
    const { caller, agent } = fresh()
    harness.providers.embed = () => Promise.reject(new Error('away'))
    try {
      expect((await put(caller, agent.id, 'a.md', 'herons')).status).toBe(200)
      expect(await read(caller, agent.id, 'a.md')).toMatchObject({ chunk_count: 1, embedded_count: 0 })
    } finally {
      harness.providers.embed = noProvider
    }
  })

  rule('indexMemoryDocument.rebuildsAtOnce', async () => {
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

  rule('getMemoryDocument.readsOneOwner', async () => {
    const { caller, agent } = fresh()
    await put(caller, agent.id, 'MEMORY.md', 'for all')
    await put(caller, agent.id, 'MEMORY.md', 'for bob', 'bob')
    await put(caller, agent.id, 'own.md', 'for bob', 'bob')
    const ask = (path: string) => harness.request(caller, 'GET', documentUrl(agent.id, path))
    expect((await ask('MEMORY.md')).body).toMatchObject({ content: 'for all' })
    expect((await ask('MEMORY.md?user_id=bob')).body).toMatchObject({ content: 'for bob', user_id: 'bob' })
    expect((await ask('MEMORY.md?user_id=eve')).status).toBe(404)
    expect((await ask('own.md')).status).toBe(404)
  })

  rule('getMemoryDocument.answersUnknown404', async () => {
    const { caller, agent } = fresh()
    const { status, body } = await harness.request(caller, 'GET', documentUrl(agent.id, 'memory/none.md'))
    expect(status).toBe(404)
    expect(body).toMatchObject({ error: 'document not found: memory/none.md', code: 'NOT_FOUND' })
  })

  rule('putMemoryDocument.keepsOwnersApart', async () => {
    const { caller, agent } = fresh()
    await put(caller, agent.id, 'a.md', 'for all')
    await put(caller, agent.id, 'a.md', 'for bob', 'bob')
    await put(caller, agent.id, 'a.md', 'again for bob', 'bob')
    expect((await read(caller, agent.id, 'a.md'))['content']).toBe('for all')
    expect((await read(caller, agent.id, 'a.md?user_id=bob'))['content']).toBe('again for bob')
  })

  rule('putMemoryDocument.checksTheAgent', async () => {
    const [mine, theirs] = [fresh(), fresh()]
    for (const agent of [theirs.agent.id, theirs.agent.key, 'nobody'])
      expect((await put(mine.caller, agent, 'a.md', 'x')).status).toBe(404)
    for (const { caller } of [mine, theirs])
      expect((await harness.request(caller, 'GET', '/v1/memory/documents')).body).toEqual([])
  })

  rule('getMemoryDocument.takesSlashes', async () => {
    const { caller, agent } = fresh()
    await put(caller, agent.id, 'memory/ghi%20ch%C3%BA%2F2026.md', 'x')
    const { body } = await harness.request<Info[]>(caller, 'GET', `/v1/agents/${agent.id}/memory/documents`)
    expect(body.map(({ path }) => path)).toEqual(['memory/ghi chú/2026.md'])
    expect((await harness.request(caller, 'GET', documentUrl(agent.id, 'memory/ghi%20chú/2026.md'))).status).toBe(200)
  })

  rule('deleteMemoryDocument.deletesOneOwner', async () => {
    const { caller, agent } = fresh()
    await put(caller, agent.id, 'a.md', 'for all')
    await put(caller, agent.id, 'a.md', 'for bob', 'bob')
    await put(caller, agent.id, 'a.md', 'for eve', 'eve')
    const remove = (query: string) => harness.request(caller, 'DELETE', documentUrl(agent.id, `a.md${query}`))
    const left = async () =>
      (await harness.request<Info[]>(caller, 'GET', '/v1/memory/documents')).body.map(({ user_id }) => user_id)
    expect((await remove('')).status).toBe(200)
    expect((await left()).toSorted()).toEqual(['bob', 'eve'])
    expect((await remove('?user_id=bob')).status).toBe(200)
    expect(await left()).toEqual(['eve'])
  })

  rule('deleteMemoryDocument.answersUnknown404', async () => {
    const { caller, agent } = fresh()
    const { status, body } = await harness.request(caller, 'DELETE', documentUrl(agent.id, 'memory/none.md'))
    expect(status).toBe(404)
    expect(body).toMatchObject({ error: 'document not found: memory/none.md', code: 'NOT_FOUND' })
  })

  rule('deleteMemoryDocument.removesChunks', async () => {
    const { caller, agent } = fresh()
    await put(caller, agent.id, 'a.md', 'heron', 'bob')
    const remove = () => harness.request(caller, 'DELETE', `${documentUrl(agent.id, 'a.md')}?user_id=bob`)
    expect(await remove()).toMatchObject({ status: 200, body: { status: 'deleted' } })
    expect(await remove()).toMatchObject({ status: 404, body: { error: 'document not found: a.md' } })
    const chunks = await harness.request(caller, 'GET', `/v1/agents/${agent.id}/memory/chunks?path=a.md&user_id=bob`)
    expect(chunks.body).toEqual([])
    const { rows } = await harness.database.pool.query('SELECT 1 FROM memory.chunks WHERE tenant_id = $1', [
      caller.tenantId,
    ])
    expect(rows).toEqual([])
  })
})

describe('lists of documents', () => {
  /** A tenant with two agents and four documents, written one after the other. */
  const filled = async () => {
    const { caller, agent } = fresh()
    const other = harness.addAgent(caller)
    await put(caller, agent.id, 'a.md', 'a')
    await put(caller, agent.id, 'b.md', 'b', 'bob')
    await put(caller, agent.id, 'c.md', 'c', 'eve')
    await put(caller, other.id, 'd.md', 'd')
    return { caller, agent, other }
  }
  const list = async (caller: Caller, url: string) => (await harness.request<Info[]>(caller, 'GET', url)).body
  const pathsOf = (documents: Info[]) => documents.map(({ path }) => path)

  rule('listAllMemoryDocuments.ordersByChange', async () => {
    const { caller, agent } = await filled()
    expect(pathsOf(await list(caller, '/v1/memory/documents'))).toEqual(['d.md', 'c.md', 'b.md', 'a.md'])
    await put(caller, agent.id, 'a.md', 'again')
    expect(pathsOf(await list(caller, '/v1/memory/documents?limit=1'))).toEqual(['a.md', 'd.md', 'c.md', 'b.md'])
  })

  rule('listAllMemoryDocuments.namesAgentAndUser', async () => {
    const { caller, agent, other } = await filled()
    const documents = await list(caller, '/v1/memory/documents')
    expect(documents.map(({ agent_id, user_id }) => [agent_id, user_id])).toEqual([
      [other.id, undefined],
      [agent.id, 'eve'],
      [agent.id, 'bob'],
      [agent.id, undefined],
    ])
    expect(documents[3]).not.toHaveProperty('user_id')
  })

  rule('listAllMemoryDocuments.staysInTheTenant', async () => {
    const [mine, theirs] = [fresh(), fresh()]
    harness.addAgent(theirs.caller, { id: mine.agent.id })
    await put(mine.caller, mine.agent.id, 'mine.md', 'x')
    await put(theirs.caller, mine.agent.id, 'theirs.md', 'x')
    expect(pathsOf(await list(mine.caller, '/v1/memory/documents'))).toEqual(['mine.md'])
    expect(pathsOf(await list(theirs.caller, '/v1/memory/documents'))).toEqual(['theirs.md'])
  })

  rule('listAllMemoryDocuments.answersAnArray', async () => {
    expect(await list(fresh().caller, '/v1/memory/documents')).toEqual([])
  })

  rule('listAllMemoryDocuments.isNoEntry', async () => {
    const { caller } = await filled()
    expect(await list(caller, '/v1/memory/documents')).toHaveLength(4)
    const { status, body } = await harness.request(caller, 'DELETE', '/v1/memory/documents')
    expect({ status, code: body['code'] }).toEqual({ status: 400, code: 'INVALID_REQUEST' })
    expect(await list(caller, '/v1/memory/documents')).toHaveLength(4)
  })

  rule('listAgentMemoryDocuments.ordersByChange', async () => {
    const { caller, agent, other } = await filled()
    const url = `/v1/agents/${agent.id}/memory/documents`
    expect(pathsOf(await list(caller, url))).toEqual(['c.md', 'b.md', 'a.md'])
    await put(caller, agent.id, 'a.md', 'again')
    expect(pathsOf(await list(caller, `${url}?user_id=bob`))).toEqual(['a.md', 'b.md'])
    expect((await list(caller, url)).every(({ agent_id }) => agent_id === agent.id)).toBe(true)
    expect(await list(caller, `/v1/agents/${harness.addAgent(caller).id}/memory/documents`)).toEqual([])
    expect(pathsOf(await list(caller, `/v1/agents/${other.id}/memory/documents`))).toEqual(['d.md'])
  })

  rule('listAgentMemoryDocuments.takesAgentKeys', async () => {
    const { caller, agent } = await filled()
    const url = (name: string) => `/v1/agents/${name}/memory/documents`
    expect(await list(caller, url(agent.key))).toEqual(await list(caller, url(agent.id)))
    expect((await harness.request(caller, 'GET', url('nobody'))).status).toBe(404)
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

  rule('listMemoryChunks.ordersByLine', async () => {
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
  })

  rule('listMemoryChunks.showsTheWholeText', async () => {
    const { caller, agent } = fresh()
    const lines = Array.from({ length: 100 }, (_, i) => `line ${i + 1} ${'y'.repeat(50)}`)
    await put(caller, agent.id, 'a.md', lines.join('\n'))
    const url = `/v1/agents/${agent.id}/memory/chunks?path=a.md`
    const { body } = await harness.request<{ start_line: number; end_line: number; text_preview: string }[]>(
      caller,
      'GET',
      url,
    )
    expect(body.length).toBeGreaterThan(4)
    for (const { start_line, end_line, text_preview } of body)
      expect(text_preview).toBe(lines.slice(start_line - 1, end_line).join('\n'))
  })

  rule('listMemoryChunks.answersUnknownWithNone', async () => {
    const { caller, agent } = fresh()
    const url = `/v1/agents/${agent.id}/memory/chunks?path=none.md`
    expect(await harness.request(caller, 'GET', url)).toMatchObject({ status: 200, body: [] })
  })

  rule('listMemoryChunks.requiresAPath', async () => {
    const { caller, agent } = fresh()
    for (const query of ['', '?path=']) {
      const { status, body } = await harness.request(caller, 'GET', `/v1/agents/${agent.id}/memory/chunks${query}`)
      expect(status).toBe(400)
      expect(body['error']).toContain('path')
    }
  })
})

describe('indexing again', () => {
  rule('indexAllMemoryDocuments.coversWhatTheUserSees', async () => {
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

  rule('indexAllMemoryDocuments.takesAnyBody', async () => {
    const { caller, agent } = fresh()
    await put(caller, agent.id, 'a.txt', 'text')
    const all = `/v1/agents/${agent.id}/memory/index-all`
    const chunks = async () =>
      (await harness.request<unknown[]>(caller, 'GET', `/v1/agents/${agent.id}/memory/chunks?path=a.txt`)).body.length
    for (const body of [undefined, '', '{"user_id": "bo', 'nonsense', '[]', '7', 'null', '"text"']) {
      await put(caller, agent.id, 'a.txt', 'text')
      expect(await chunks()).toBe(0)
      expect(await harness.request(caller, 'POST', all, body)).toMatchObject({
        status: 200,
        body: { status: 'indexed_all' },
      })
      expect(await chunks()).toBe(1)
    }
    for (const refused of [{ user_id: 7 }, { user_id: 'a\0' }, '{"__proto__": {}}'])
      expect((await harness.request(caller, 'POST', all, refused)).status).toBe(400)
  })

  rule('indexAllMemoryDocuments.goesOnAfterFailures', async () => {
    const { caller, agent } = fresh()
    for (const [path, content] of [
      ['a.txt', 'fine'],
      ['b.txt', 'refused'],
      ['c.txt', 'fine'],
    ] as const)
      await put(caller, agent.id, path, content)
    const { pool } = harness.database
    await pool.query(`ALTER TABLE memory.chunks ADD CONSTRAINT refused CHECK (text <> 'refused')`)
    try {
      expect((await harness.request(caller, 'POST', `/v1/agents/${agent.id}/memory/index-all`)).status).toBe(200)
    } finally {
      await pool.query('ALTER TABLE memory.chunks DROP CONSTRAINT refused')
    }
    const counts = ['a.txt', 'b.txt', 'c.txt'].map(async (path) => (await read(caller, agent.id, path))['chunk_count'])
    expect(await Promise.all(counts)).toEqual([1, 0, 1])
  })

  rule('indexMemoryDocument.survivesEmbeddingFailures', async () => {
    const { caller, agent } = fresh()
    await put(caller, agent.id, 'a.txt', 'grey herons')
    harness.providers.embed = () => Promise.reject(new Error('away'))
    try {
      const index = await harness.request(caller, 'POST', `/v1/agents/${agent.id}/memory/index`, { path: 'a.txt' })
      expect(index.status).toBe(200)
      expect(await read(caller, agent.id, 'a.txt')).toMatchObject({ chunk_count: 1, embedded_count: 0 })
      const search = await harness.request(caller, 'POST', `/v1/agents/${agent.id}/memory/search`, { query: 'herons' })
      expect(search.body).toMatchObject({ count: 1, results: [{ path: 'a.txt' }] })
    } finally {
      harness.providers.embed = noProvider
    }
  })

  rule('indexMemoryDocument.answersUnknown404', async () => {
    const { caller, agent } = fresh()
    const { status } = await harness.request(caller, 'POST', `/v1/agents/${agent.id}/memory/index`, { path: 'a.md' })
    expect(status).toBe(404)
  })
})

describe('bad input', () => {
  it.each([
    ['a parent folder', 'memory/..%2Fsecrets.md'],
    ['a leading slash', '%2Fetc/passwd'],
    ['a backslash', 'memory%5Cnotes.md'],
    ['a NUL', 'memory/a%00.md'],
    ['too many letters', 'x'.repeat(501)],
  ])(ruleName('putMemoryDocument.refusesBadPaths', '%s'), async (_, path) => {
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
  })

  rule('searchMemory.needsAnOperator', async () => {
    const { caller, agent } = fresh()
    const search = `/v1/agents/${agent.id}/memory/search`
    const statusOf = async (role: 'viewer' | 'operator') =>
      (await harness.request({ ...caller, role }, 'POST', search, { query: 'x' })).status
    expect(await statusOf('viewer')).toBe(403)
    expect(await statusOf('operator')).toBe(200)
  })
})
