import { MemoryServiceService } from '@clawmesh/contracts/gen/clawmesh/memory/v1/memory.ts'
import { testCaller } from '../../../test/support/service-harness.ts'
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
