import type { Caller } from '@clawmesh/contracts'
import { evict } from '@clawmesh/chassis'
import { rule } from '../../../test/support/rule.ts'
import { testCaller } from '../../../test/support/service-harness.ts'
import { noProvider, startMemory, type MemoryHarness } from './support.ts'

let harness: MemoryHarness
beforeAll(async () => {
  harness = await startMemory()
})
afterAll(() => harness.stop())

interface Entry {
  id: string
  agent_id: string
  user_id?: string
  path: string
  content?: string
}

const create = (caller: Caller, body: object, headers?: Record<string, string>) =>
  harness.request<Entry>(caller, 'POST', '/v1/memory', body, headers)
const list = async (caller: Caller, query = '') =>
  (
    await harness.request<{ entries: Entry[]; total: number; limit: number; offset: number }>(
      caller,
      'GET',
      `/v1/memory${query}`,
    )
  ).body
const put = (caller: Caller, agent: string, path: string, content: string) =>
  harness.request(caller, 'PUT', `/v1/agents/${agent}/memory/documents/${path}`, { content })

/** A tenant with a default agent. */
const fresh = () => {
  const caller = testCaller()
  return { caller, agent: harness.addAgent(caller, { isDefault: true }) }
}

describe('a new entry', () => {
  rule('createMemoryEntry.makesUpAPath', async () => {
    const { caller } = fresh()
    const { status, body } = await create(caller, { content: 'likes tea', user_id: 'bob' })
    expect(status).toBe(201)
    expect(body).toMatchObject({ user_id: 'bob', content: 'likes tea' })
    expect(body.path).toMatch(/^memory\/\d{4}-\d\d-\d\d-[0-9a-f]{8}\.md$/)
    expect((await create(caller, { content: 'likes tea', user_id: 'bob' })).body.path).not.toBe(body.path)
  })

  rule('createMemoryEntry.choosesTheAgent', async () => {
    const { caller, agent } = fresh()
    const [named, inHeader] = [harness.addAgent(caller), harness.addAgent(caller)]
    const agentOf = async (body: object, headers = {}) =>
      (await create(caller, { content: 'x', ...body }, headers)).body.agent_id
    const header = { 'x-goclaw-agent-id': inHeader.key }
    expect(await agentOf({ agent_id: named.key }, header)).toBe(named.id)
    expect(await agentOf({}, header)).toBe(inHeader.id)
    expect(await agentOf({})).toBe(agent.id)
    expect((await create(testCaller(), { content: 'x' })).status).toBe(404)
    expect((await create(caller, { content: 'x', agent_id: 'nobody' })).status).toBe(404)
  })

  rule('createMemoryEntry.answersCreatedOrReplaced', async () => {
    const { caller } = fresh()
    const write = (content: string, userId?: string) =>
      create(caller, { path: 'memory/a.md', content, user_id: userId })
    const [first, second, third] = [await write('one'), await write('two'), await write('three', 'bob')]
    expect([first.status, second.status, third.status]).toEqual([201, 200, 201])
    expect(second.body).toMatchObject({ id: first.body.id, content: 'two' })
    expect(third.body.id).not.toBe(first.body.id)
  })

  rule('createMemoryEntry.survivesEmbeddingFailures', async () => {
    const { caller } = fresh()
    harness.providers.embed = () => Promise.reject(new Error('away'))
    try {
      expect((await create(caller, { content: 'x' })).status).toBe(201)
    } finally {
      harness.providers.embed = noProvider
    }
  })
})

rule('deleteMemoryEntry.deletesById', async () => {
  const { caller, agent } = fresh()
  const { id, path } = (await create(caller, { content: 'x' })).body
  const remove = (which: string) => harness.request(caller, 'DELETE', `/v1/memory/${which}`)
  const chunks = () => harness.request(caller, 'GET', `/v1/agents/${agent.id}/memory/chunks?path=${path}`)
  expect((await chunks()).body).toHaveLength(1)
  expect((await remove(id)).body).toEqual({ status: 'deleted' })
  expect((await chunks()).body).toEqual([])
  expect((await remove(id)).status).toBe(404)
  expect((await remove('nonsense')).status).toBe(400)
})

rule('deleteMemoryEntry.needsAccessToTheAgent', async () => {
  const { caller, agent } = fresh()
  const { id } = (await create(caller, { content: 'x' })).body
  agent.hasAccess = false
  expect((await harness.request({ ...caller, userId: 'eve' }, 'DELETE', `/v1/memory/${id}`)).status).toBe(403)
  agent.hasAccess = true
  evict(harness.bus, { kind: 'agents', tenantId: caller.tenantId })
  expect((await list(caller)).total).toBe(1)
})

describe('the list of entries', () => {
  rule('listMemoryEntries.listsDocuments', async () => {
    const { caller, agent } = fresh()
    await put(caller, agent.id, 'empty.txt', '')
    const { body } = await create(caller, { content: 'x' })
    const { entries } = await list(caller)
    expect(entries[0]).toEqual(body)
    expect(entries[1]).toMatchObject({ path: 'empty.txt', agent_id: agent.id, content: '' })
    expect(await list(testCaller())).toEqual({ entries: [], total: 0, limit: 50, offset: 0 })
  })

  rule('listMemoryEntries.ordersByChange', async () => {
    const { caller, agent } = fresh()
    for (const name of ['a', 'b', 'c']) await put(caller, agent.id, `${name}.md`, name)
    const paths = async (query: string) => {
      const { entries, total } = await list(caller, query)
      return [...entries.map(({ path }) => path), total]
    }
    expect(await paths('?limit=2')).toEqual(['c.md', 'b.md', 3])
    expect(await paths('?limit=2&offset=2')).toEqual(['a.md', 3])
    await put(caller, agent.id, 'a.md', 'again')
    expect(await paths('?limit=1')).toEqual(['a.md', 3])
    expect(await paths('?offset=9007199254740991')).toEqual([3])
  })

  rule('listMemoryEntries.filters', async () => {
    const { caller, agent } = fresh()
    const other = harness.addAgent(caller)
    await create(caller, { path: 'a.md', content: '1' })
    await create(caller, { path: 'a.md', content: '2', user_id: 'bob' })
    await create(caller, { path: 'b.md', content: '3', user_id: 'bob' })
    await create(caller, { path: 'a.md', content: '4', agent_id: other.id })
    const contents = async (query: string) => (await list(caller, query)).entries.map(({ content }) => content)
    expect(await contents(`?agent_id=${agent.key}`)).toEqual(['3', '2', '1'])
    expect(await contents('?user_id=bob')).toEqual(['3', '2'])
    expect(await contents('?path=a.md')).toEqual(['4', '2', '1'])
    expect(await contents(`?agent_id=${agent.id}&user_id=bob&path=a.md`)).toEqual(['2'])
    expect(await contents('?agent_id=&user_id=&path=')).toHaveLength(4)
    expect((await harness.request(caller, 'GET', '/v1/memory?agent_id=nobody')).status).toBe(404)
  })

  rule('listMemoryEntries.leavesContentOut', async () => {
    const { caller } = fresh()
    await create(caller, { content: 'likes tea' })
    expect(JSON.stringify(await list(caller))).toContain('likes tea')
    const { entries } = await list(caller, '?include_content=false')
    expect(entries).toHaveLength(1)
    expect(entries[0]).not.toHaveProperty('content')
  })

  rule('listMemoryEntries.boundsThePage', async () => {
    const { caller, agent } = fresh()
    for (const [path, chars] of [
      ['a.txt', 1],
      ['b.txt', 6_000_000],
      ['c.txt', 6_000_000],
    ] as const)
      await put(caller, agent.id, path, 'é'.repeat(chars / 2) || 'x')
    await put(caller, agent.id, 'd.txt', '')
    const { entries, total } = await list(caller)
    expect(total).toBe(4)
    expect(entries.map(({ path, content }) => [path, content?.length])).toEqual([
      ['d.txt', 0],
      ['c.txt', 3_000_000],
      ['b.txt', undefined],
      ['a.txt', undefined],
    ])
    expect((await list(caller, '?path=b.txt')).entries[0]!.content).toHaveLength(3_000_000)
  })

  rule('listMemoryEntries.capsThePage', async () => {
    const { caller } = fresh()
    const statusOf = async (query: string) => (await harness.request(caller, 'GET', `/v1/memory${query}`)).status
    expect(await list(caller, '?limit=201')).toMatchObject({ limit: 200, offset: 0 })
    expect(await list(caller, '?offset=-1')).toMatchObject({ limit: 50, offset: 0 })
    for (const limit of ['0', '-1', 'nonsense', '']) expect(await statusOf(`?limit=${limit}`)).toBe(400)
  })
})

describe('bad input', () => {
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
