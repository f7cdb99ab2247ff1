import { MemoryServiceService } from '@clawmesh/contracts/gen/clawmesh/memory/v1/memory.ts'
import { testCaller } from '../../../test/support/service-harness.ts'
import { countHeld } from '../src/held/rows.ts'
import { startMemory, type MemoryHarness } from './support.ts'

let harness: MemoryHarness
beforeAll(async () => {
  harness = await startMemory()
})
afterAll(() => harness.stop())

const fresh = (overrides: Parameters<MemoryHarness['addAgent']>[1] = {}) => {
  const caller = testCaller()
  const agent = harness.addAgent(caller, overrides)
  const memory = harness.rpc(MemoryServiceService)
  const call = harness.call(caller)
  const agentId = agent.id
  return {
    put: (path: string, content: string, { userId = '', append = false } = {}) =>
      memory.putDocument(call, { agentId, userId, path, content, append, extraction: undefined }),
    get: (path: string, userId = '') => memory.getDocument(call, { agentId, userId, path }),
    search: async (query: string, userId = '', minScore = 0) =>
      (await memory.search(call, { agentId, userId, query, maxResults: 0, minScore })).results,
    chunks: async (path: string) =>
      (await harness.request<unknown[]>(caller, 'GET', `/v1/agents/${agentId}/memory/chunks?path=${path}`)).body.length,
  }
}

describe('for agent runs', () => {
  it('a document is the own one of the user, else that of the agent', async () => {
    const { put, get } = fresh()
    await put('MEMORY.md', 'for all')
    await put('MEMORY.md', 'for bob', { userId: 'bob' })
    expect(await get('MEMORY.md', 'bob')).toEqual({ found: true, content: 'for bob', scope: 'personal' })
    expect(await get('MEMORY.md', 'eve')).toEqual({ found: true, content: 'for all', scope: 'global' })
    expect(await get('memory/none.md')).toEqual({ found: false, content: '', scope: '' })
  })

  it('appending joins with a blank line, a rule and a blank line', async () => {
    const { put, get } = fresh()
    await put('a.md', 'one', { append: true })
    await put('a.md', 'two', { append: true })
    expect((await get('a.md')).content).toBe('one\n\n---\n\ntwo')
  })

  it('appending at once loses nothing, and everything is found', async () => {
    const { put, get, search } = fresh()
    const words = ['heron', 'stork', 'crane', 'egret', 'ibis', 'bittern']
    await Promise.all(words.map((word) => put('a.md', word, { append: true })))
    const { content } = await get('a.md')
    expect(content.split('\n\n---\n\n').toSorted()).toEqual(words.toSorted())
    for (const word of words) expect((await search(word))[0]!.snippet).toContain(word)
  })

  it('only Markdown is indexed', async () => {
    const { put, chunks } = fresh()
    await put('a.md', 'text')
    await put('a.json', '{}')
    expect([await chunks('a.md'), await chunks('a.json')]).toEqual([1, 0])
  })

  it('an agent that shares its memory has no personal documents', async () => {
    for (const overrides of [{ shareMemory: true }, { memoryConfig: { share_memory: true } }]) {
      const { put, get, search } = fresh(overrides)
      await put('a.md', 'heron', { userId: 'bob' })
      expect(await get('a.md', 'eve')).toEqual({ found: true, content: 'heron', scope: 'global' })
      expect((await search('heron', 'eve'))[0]).toMatchObject({ scope: 'global' })
    }
  })

  it('searches have the floor of the agent unless they bring one', async () => {
    const { put, search } = fresh({ memoryConfig: { min_score: 0.95 } })
    await put('a.md', 'heron stork crane')
    expect(await search('heron')).toEqual([])
    expect(await search('heron', '', 0.001)).toHaveLength(1)
  })

  it.each([
    ['a path that leads out', { path: '../a.md' }, 'path'],
    ['no path', { path: '' }, 'path'],
    ['a NUL in the path', { path: 'a\0.md' }, 'path'],
    ['a NUL in the content', { content: 'a\0' }, 'content'],
    ['a NUL in the user id', { userId: 'a\0' }, 'user_id'],
    ['a user id too long', { userId: 'x'.repeat(256) }, 'user_id'],
    ['no agent', { agentId: '' }, 'agent_id'],
  ])('refuses to write with %s', async (_, wrong, field) => {
    const caller = testCaller()
    const { id: agentId } = harness.addAgent(caller, { isDefault: true })
    const request = { agentId, userId: '', path: 'a.md', content: 'x', append: false, extraction: undefined, ...wrong }
    const put = harness.rpc(MemoryServiceService).putDocument(harness.call(caller), request)
    await expect(put).rejects.toMatchObject({ code: 'INVALID_REQUEST', message: expect.stringContaining(field) })
  })

  it('documents do not grow for ever', async () => {
    const { put, get } = fresh()
    const sixMegabytes = 'x'.repeat(6_000_000)
    await put('a.txt', sixMegabytes)
    await expect(put('a.txt', sixMegabytes, { append: true })).rejects.toMatchObject({ code: 'PAYLOAD_TOO_LARGE' })
    await expect(put('b.txt', 'x'.repeat(11_000_000))).rejects.toMatchObject({ code: 'PAYLOAD_TOO_LARGE' })
    expect((await get('a.txt')).content).toHaveLength(6_000_000)
  })

  it('a search without a query is refused', async () => {
    const { search } = fresh()
    await expect(search('')).rejects.toMatchObject({ code: 'INVALID_REQUEST' })
    await expect(search('a\0')).rejects.toMatchObject({ code: 'INVALID_REQUEST' })
  })
})

describe('what was held', () => {
  const hourMs = 3_600_000
  const thisHour = Math.floor(Date.now() / hourMs) * hourMs

  /** Counts, as if so many hours ago. */
  const count = async (hoursAgo: number): Promise<void> => {
    await countHeld(harness.database, 400)
    await harness.database.pool.query(`UPDATE memory.held_changes SET hour = $1 WHERE hour >= $2`, [
      new Date(thisHour - hoursAgo * hourMs),
      new Date(thisHour),
    ])
  }

  it('is told by the hour in which it changed, of the tenant or one agent, after all is deleted too', async () => {
    const caller = testCaller()
    const [one, other] = [harness.addAgent(caller), harness.addAgent(caller)]
    const put = (agentId: string, path: string) =>
      harness.request(caller, 'PUT', `/v1/agents/${agentId}/memory/documents/${path}`, {
        content: 'a stork\n\nan ibis',
      })
    const entity = (agentId: string, name: string) =>
      harness.request(caller, 'POST', `/v1/agents/${agentId}/kg/entities`, {
        external_id: name,
        name,
        entity_type: 'person',
      })
    const held = async (fromHoursAgo: number, agentId = '') => {
      const span = { fromMs: thisHour - fromHoursAgo * hourMs, toMs: thisHour + hourMs }
      const { states } = await harness.rpc(MemoryServiceService).getHeld(harness.call(caller), { agentId, ...span })
      return states.map(({ hourMs: at, documents, chunks, entities }) => [
        // The hour may have turned meanwhile.
        Math.max(0, (thisHour - at) / hourMs),
        ...[documents, chunks, entities],
      ])
    }
    expect(await held(9)).toEqual([])
    await put(one.id, 'a.md')
    await count(6)
    await put(one.id, 'b.md')
    await put(other.id, 'a.md')
    await entity(other.id, 'anna')
    await count(3)
    // Nothing has changed.
    await count(2)
    expect(await held(9)).toEqual([
      [6, 1, 1, 0],
      [3, 3, 3, 1],
    ])
    expect(await held(4)).toEqual([
      [4, 1, 1, 0],
      [3, 3, 3, 1],
    ])
    expect(await held(9, other.id)).toEqual([[3, 1, 1, 1]])
    await harness.request(caller, 'DELETE', `/v1/agents/${one.id}/memory/documents/a.md`)
    await harness.request(caller, 'DELETE', `/v1/agents/${one.id}/memory/documents/b.md`)
    // Counted twice in an hour.
    await countHeld(harness.database, 400)
    await entity(other.id, 'ben')
    await countHeld(harness.database, 400)
    expect(await held(1)).toEqual([
      [1, 3, 3, 1],
      [0, 1, 1, 2],
    ])
    expect(await held(1, one.id)).toEqual([
      [1, 2, 2, 0],
      [0, 0, 0, 0],
    ])
    expect(
      (
        await harness
          .rpc(MemoryServiceService)
          .getHeld(harness.call(testCaller()), { agentId: '', fromMs: 0, toMs: Date.now() })
      ).states,
    ).toEqual([])
  })

  it('is one change where it is older than it is kept, and as much as before', async () => {
    const caller = testCaller()
    const { id } = harness.addAgent(caller)
    for (const [at, path] of ['a.md', 'b.md', 'c.md'].entries()) {
      await harness.request(caller, 'PUT', `/v1/agents/${id}/memory/documents/${path}`, { content: 'a stork' })
      await count(24 * (5 - at))
    }
    await countHeld(harness.database, 3)
    const { rows } = await harness.database.pool.query(
      'SELECT hour, documents FROM memory.held_changes WHERE agent_id = $1 ORDER BY hour',
      [id],
    )
    expect(rows).toEqual([{ hour: new Date(thisHour - 72 * hourMs), documents: 3 }])
  })
})
