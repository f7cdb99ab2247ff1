/** Whose documents a request is about: named in the body or the query, and only by who may name them. */
import type { Caller } from '@clawmesh/contracts'
import { evict } from '@clawmesh/chassis'
import { rule, ruleName } from '../../../test/support/rule.ts'
import { testCaller } from '../../../test/support/service-harness.ts'
import { startMemory, type MemoryHarness } from './support.ts'

let harness: MemoryHarness
beforeAll(async () => {
  harness = await startMemory()
})
afterAll(() => harness.stop())

interface Place {
  admin: Caller
  agentId: string
  /** Ids of the entries by their owner, empty for the shared one. */
  ids: Record<string, string>
}

const owners = ['', 'alice', 'bob']

/** A tenant with an agent that has a document at `a.md` for each owner, in the words of that owner. */
const makePlace = async (): Promise<Place> => {
  const admin = testCaller({ userId: 'admin' })
  const { id: agentId } = harness.addAgent(admin, { isDefault: true })
  const ids: Record<string, string> = {}
  for (const owner of owners) {
    const entry = { path: 'a.md', content: `heron of ${owner}`, user_id: owner }
    ids[owner] = String((await harness.request(admin, 'POST', '/v1/memory', entry)).body['id'])
  }
  return { admin, agentId, ids }
}

type Ask = readonly [method: string, path: string, body?: Record<string, unknown>]

const document = (method: string, body?: Record<string, unknown>) => ({
  ask: ({ agentId }: Place): Ask => [method, `/v1/agents/${agentId}/memory/documents/a.md`, body],
})
const agentPath = (method: string, path: string, body?: Record<string, unknown>) => ({
  ask: ({ agentId }: Place): Ask => [method, `/v1/agents/${agentId}/memory/${path}`, body],
})
const memoryPath = (method: string, path: string, body?: Record<string, unknown>) => ({
  ask: (): Ask => [method, `/v1/memory${path}`, body],
})
const bobsEntry = { ask: ({ ids }: Place): Ask => ['DELETE', `/v1/memory/${ids['bob']}`] }

const send = async (caller: Caller, [method, path, body]: Ask, named: { query?: string; body?: string }) => {
  const at = named.query === undefined ? path : `${path}${path.includes('?') ? '&' : '?'}user_id=${named.query}`
  const sent = named.body === undefined ? body : { ...body, user_id: named.body }
  return harness.request<unknown>(caller, method, at, sent)
}

interface Refused {
  name: string
  ask: (place: Place) => Ask
  /** Whether a viewer may send it too. */
  reads?: true
}

const refusing: Refused[] = [
  { name: ruleName('listAllMemoryDocuments.refusesOtherUsers'), ...memoryPath('GET', '/documents'), reads: true },
  { name: ruleName('listAgentMemoryDocuments.refusesOtherUsers'), ...agentPath('GET', 'documents'), reads: true },
  { name: ruleName('getMemoryDocument.refusesOtherUsers'), ...document('GET'), reads: true },
  { name: ruleName('putMemoryDocument.refusesOtherUsers'), ...document('PUT', { content: 'new' }) },
  { name: ruleName('deleteMemoryDocument.refusesOtherUsers'), ...document('DELETE') },
  { name: ruleName('listMemoryChunks.refusesOtherUsers'), ...agentPath('GET', 'chunks?path=a.md'), reads: true },
  { name: ruleName('indexMemoryDocument.refusesOtherUsers'), ...agentPath('POST', 'index', { path: 'a.md' }) },
  { name: ruleName('indexAllMemoryDocuments.refusesOtherUsers'), ...agentPath('POST', 'index-all') },
  { name: ruleName('searchMemory.refusesOtherUsers'), ...agentPath('POST', 'search', { query: 'heron' }) },
  { name: ruleName('listMemoryEntries.refusesOtherUsers'), ...memoryPath('GET', ''), reads: true },
  { name: ruleName('createMemoryEntry.refusesOtherUsers'), ...memoryPath('POST', '', { content: 'x' }) },
  { name: ruleName('deleteMemoryEntry.refusesOtherUsers'), ...bobsEntry },
]

it.each(refusing)('$name', async ({ ask, reads = false }) => {
  const place = await makePlace()
  const statusOf = async (caller: Partial<Caller>, named: { query?: string; body?: string } = { query: 'bob' }) =>
    (await send({ ...place.admin, ...caller }, ask(place), named)).status
  const bound = { role: 'operator', userId: 'alice', userBound: true } as const
  for (const named of [{ query: 'bob' }, { body: 'bob' }, { query: 'alice', body: 'bob' }])
    expect(await statusOf(bound, named)).toBe(403)
  expect(await statusOf({ ...bound, userId: '' })).toBe(403)
  if (reads) {
    expect(await statusOf({ role: 'viewer', userId: 'alice' })).toBe(403)
    expect(await statusOf({ role: 'viewer', userId: 'bob' })).toBe(200)
    expect(await statusOf({ role: 'admin', userId: 'alice', userBound: true })).toBe(200)
  }
  expect(await statusOf({ ...bound, userBound: false })).toBeLessThan(300)
})

it.each(refusing)('a user may name itself: $name', async ({ ask }) => {
  const place = await makePlace()
  const bob = { ...place.admin, role: 'operator', userId: 'bob', userBound: true } as const
  expect((await send(bob, ask(place), { query: 'bob' })).status).toBeLessThan(300)
})

it('an admin may, whoever its credential is bound to', async () => {
  const place = await makePlace()
  const admin = { ...place.admin, userId: 'alice', userBound: true }
  for (const { ask } of refusing.slice(0, 4))
    expect((await send(admin, ask(place), { query: 'bob' })).status).toBeLessThan(300)
})

/** What is left or found tells whom the request was taken to mean. */
const contentOf = async ({ admin, agentId }: Place, owner: string) =>
  (await harness.request(admin, 'GET', `/v1/agents/${agentId}/memory/documents/a.md?user_id=${owner}`)).body['content']
const chunksOf = async ({ admin, agentId }: Place, owner: string) => {
  const path = `/v1/agents/${agentId}/memory/chunks?path=b.txt&user_id=${owner}`
  return (await harness.request<unknown[]>(admin, 'GET', path)).body.length
}
const textOf = (body: unknown) => JSON.stringify(body)
const namesBob = async (_: Place, body: unknown) => textOf(body).includes('bob') && !textOf(body).includes('alice')

/** Documents that are not indexed when they are written. */
const addPlainTexts = async ({ admin, agentId }: Place) => {
  for (const owner of owners)
    await harness.request(admin, 'PUT', `/v1/agents/${agentId}/memory/documents/b.txt`, {
      content: 'x',
      user_id: owner,
    })
}

interface Case {
  name: string
  ask: (place: Place) => Ask
  prepare?: (place: Place) => Promise<void>
  /** Whether the request was about bob and nobody else. */
  wasBobs: (place: Place, body: unknown) => Promise<boolean>
}

const taking: Case[] = [
  {
    name: ruleName('listAllMemoryDocuments.takesTheUserFromBodyOrQuery'),
    ...memoryPath('GET', '/documents'),
    wasBobs: namesBob,
  },
  {
    name: ruleName('listAgentMemoryDocuments.takesTheUserFromBodyOrQuery'),
    ...agentPath('GET', 'documents'),
    wasBobs: namesBob,
  },
  {
    name: ruleName('getMemoryDocument.takesTheUserFromBodyOrQuery'),
    ...document('GET'),
    wasBobs: namesBob,
  },
  {
    name: ruleName('putMemoryDocument.takesTheUserFromBodyOrQuery'),
    ...document('PUT', { content: 'new' }),
    wasBobs: async (place) =>
      (await contentOf(place, 'bob')) === 'new' && (await contentOf(place, 'alice')) === 'heron of alice',
  },
  {
    name: ruleName('deleteMemoryDocument.takesTheUserFromBodyOrQuery'),
    ...document('DELETE'),
    wasBobs: async (place) =>
      (await contentOf(place, 'bob')) === undefined && (await contentOf(place, 'alice')) === 'heron of alice',
  },
  {
    name: ruleName('listMemoryChunks.takesTheUserFromBodyOrQuery'),
    ...agentPath('GET', 'chunks?path=a.md'),
    wasBobs: namesBob,
  },
  {
    name: ruleName('indexMemoryDocument.takesTheUserFromBodyOrQuery'),
    ...agentPath('POST', 'index', { path: 'b.txt' }),
    prepare: addPlainTexts,
    wasBobs: async (place) => (await chunksOf(place, 'bob')) === 1 && (await chunksOf(place, 'alice')) === 0,
  },
  {
    name: ruleName('indexAllMemoryDocuments.takesTheUserFromBodyOrQuery'),
    ...agentPath('POST', 'index-all'),
    prepare: addPlainTexts,
    wasBobs: async (place) => (await chunksOf(place, 'bob')) === 1 && (await chunksOf(place, 'alice')) === 0,
  },
  {
    name: ruleName('searchMemory.takesTheUserFromBodyOrQuery'),
    ...agentPath('POST', 'search', { query: 'heron' }),
    wasBobs: namesBob,
  },
  {
    name: ruleName('listMemoryEntries.takesTheUserFromBodyOrQuery'),
    ...memoryPath('GET', ''),
    wasBobs: namesBob,
  },
  {
    name: ruleName('createMemoryEntry.takesTheUserFromBodyOrQuery'),
    ...memoryPath('POST', '', { content: 'x' }),
    wasBobs: namesBob,
  },
  {
    name: ruleName('deleteMemoryEntry.takesTheUserFromBodyOrQuery'),
    ...bobsEntry,
    wasBobs: async (place) => (await contentOf(place, 'bob')) === undefined,
  },
]

describe.each([
  ['in the query', { query: 'bob' }],
  ['in the body', { body: 'bob' }],
  ['in both, where the body wins', { query: 'alice', body: 'bob' }],
])('a user named %s', (_, named) => {
  it.each(taking)('$name', async ({ ask, prepare, wasBobs }) => {
    const place = await makePlace()
    await prepare?.(place)
    const { status, body } = await send(place.admin, ask(place), named)
    expect(status).toBeLessThan(300)
    expect(await wasBobs(place, body)).toBe(true)
  })
})

it.each([
  ['too long a name', 'x'.repeat(256)],
  ['no text', 7],
])('%s in a body is refused, whatever the method', async (_, userId) => {
  const { admin, agentId } = await makePlace()
  for (const method of ['GET', 'DELETE', 'PUT']) {
    const path = `/v1/agents/${agentId}/memory/documents/a.md`
    const { status, body } = await harness.request(admin, method, path, { user_id: userId })
    expect(status).toBe(400)
    expect(body['error']).toContain('user_id')
  }
})

describe('a caller that may not name others', () => {
  const callers: [string, Partial<Caller>][] = [
    ['a viewer', { role: 'viewer', userId: 'alice' }],
    ['a bound operator', { role: 'operator', userId: 'alice', userBound: true }],
  ]
  const seen = async (place: Place, caller: Partial<Caller>, path: string): Promise<(string | undefined)[]> => {
    const { body } = await harness.request<unknown>({ ...place.admin, ...caller }, 'GET', path)
    const list = (Array.isArray(body) ? body : (body as { entries: unknown[] }).entries) as { user_id?: string }[]
    return list.map(({ user_id }) => user_id).toSorted()
  }
  /** Checks a list for callers that see their own only, for one without a name, and for those that see all. */
  const hidesOthers = async (pathOf: (place: Place) => string): Promise<void> => {
    const place = await makePlace()
    for (const [, caller] of callers) expect(await seen(place, caller, pathOf(place))).toEqual(['alice', undefined])
    expect(await seen(place, { role: 'viewer', userId: '' }, pathOf(place))).toEqual([undefined])
    for (const caller of [{}, { role: 'operator', userId: 'alice' } as const])
      expect(await seen(place, caller, pathOf(place))).toEqual(['alice', 'bob', undefined])
  }

  rule('listAllMemoryDocuments.hidesPersonalOnes', () => hidesOthers(() => '/v1/memory/documents'))
  rule('listAgentMemoryDocuments.hidesPersonalOnes', () =>
    hidesOthers(({ agentId }) => `/v1/agents/${agentId}/memory/documents`),
  )
  rule('listMemoryEntries.hidesPersonalOnes', () => hidesOthers(() => '/v1/memory'))

  rule('deleteMemoryEntry.hidesPersonalOnes', async () => {
    const place = await makePlace()
    const bound = { ...place.admin, ...callers[1]![1] }
    expect((await harness.request(bound, 'DELETE', `/v1/memory/${place.ids['bob']}`)).status).toBe(404)
    expect(await contentOf(place, 'bob')).toBe('heron of bob')
    expect((await harness.request(bound, 'DELETE', `/v1/memory/${place.ids['alice']}`)).status).toBe(200)
    expect((await harness.request(bound, 'DELETE', `/v1/memory/${place.ids['']}`)).status).toBe(200)
  })
})

rule('listAllMemoryDocuments.narrowsToAUser', async () => {
  const { admin } = await makePlace()
  const { body } = await harness.request<{ user_id?: string }[]>(admin, 'GET', '/v1/memory/documents?user_id=bob')
  expect(body.map(({ user_id }) => user_id)).toEqual(['bob', undefined])
})

rule('listAgentMemoryDocuments.narrowsToAUser', async () => {
  const { admin, agentId } = await makePlace()
  const path = `/v1/agents/${agentId}/memory/documents?user_id=bob`
  const { body } = await harness.request<{ user_id?: string }[]>(admin, 'GET', path)
  expect(body.map(({ user_id }) => user_id)).toEqual(['bob', undefined])
})

rule('listAgentMemoryDocuments.coversAllUsers', async () => {
  const { admin, agentId } = await makePlace()
  const path = `/v1/agents/${agentId}/memory/documents`
  const { body } = await harness.request<{ user_id?: string }[]>(admin, 'GET', path)
  expect(body.map(({ user_id }) => user_id)).toEqual(['bob', 'alice', undefined])
})

rule('deleteMemoryEntry.narrowsToAUser', async () => {
  const place = await makePlace()
  const remove = (owner: string, user: string) =>
    harness.request(place.admin, 'DELETE', `/v1/memory/${place.ids[owner]}?user_id=${user}`)
  expect((await remove('bob', 'alice')).status).toBe(404)
  expect((await remove('', 'bob')).status).toBe(404)
  expect((await remove('bob', 'bob')).status).toBe(200)
})

it.each<{ name: string; ask: (agent: string) => Ask }>([
  { name: 'its documents', ask: (agent) => ['GET', `/v1/agents/${agent}/memory/documents`] },
  { name: 'one of them', ask: (agent) => ['GET', `/v1/agents/${agent}/memory/documents/a.md`] },
  { name: 'one to be written', ask: (agent) => ['PUT', `/v1/agents/${agent}/memory/documents/a.md`, { content: 'x' }] },
  { name: 'one to be deleted', ask: (agent) => ['DELETE', `/v1/agents/${agent}/memory/documents/a.md`] },
  { name: 'chunks', ask: (agent) => ['GET', `/v1/agents/${agent}/memory/chunks?path=a.md`] },
  { name: 'an index', ask: (agent) => ['POST', `/v1/agents/${agent}/memory/index`, { path: 'a.md' }] },
  { name: 'all to be indexed', ask: (agent) => ['POST', `/v1/agents/${agent}/memory/index-all`, {}] },
  { name: 'a search', ask: (agent) => ['POST', `/v1/agents/${agent}/memory/search`, { query: 'heron' }] },
  { name: 'an entry', ask: (agent) => ['POST', '/v1/memory', { agent_id: agent, path: 'a.md', content: 'x' }] },
])('memory of an agent that the caller may not use is refused: $name', async ({ ask }) => {
  const admin = testCaller({ userId: 'admin' })
  const agent = harness.addAgent(admin)
  await harness.request(admin, 'PUT', `/v1/agents/${agent.id}/memory/documents/a.md`, { content: 'heron' })
  agent.hasAccess = false
  evict(harness.bus, { kind: 'agents', tenantId: admin.tenantId })
  for (const named of [agent.id, agent.key])
    expect(await send(admin, ask(named), {})).toMatchObject({ status: 403, body: { code: 'UNAUTHORIZED' } })
})

describe('lists over all agents', () => {
  /** What a tenant has: a document of an agent that may be used, and one of an agent that may not. */
  const makeTwo = async () => {
    const admin = testCaller({ userId: 'admin' })
    const [open, closed] = [harness.addAgent(admin), harness.addAgent(admin)]
    for (const { id } of [open, closed])
      await harness.request(admin, 'POST', '/v1/memory', { agent_id: id, path: 'a.md', content: 'heron' })
    closed.hasAccess = false
    evict(harness.bus, { kind: 'agents', tenantId: admin.tenantId })
    return { admin, open }
  }

  rule('listAllMemoryDocuments.hidesOtherAgents', async () => {
    const { admin, open } = await makeTwo()
    const { body } = await harness.request<{ agent_id: string }[]>(admin, 'GET', '/v1/memory/documents')
    expect(body.map(({ agent_id }) => agent_id)).toEqual([open.id])
  })

  rule('listMemoryEntries.hidesOtherAgents', async () => {
    const { admin, open } = await makeTwo()
    const { body } = await harness.request(admin, 'GET', '/v1/memory')
    expect(body).toMatchObject({ entries: [{ agent_id: open.id }], total: 1 })
  })
})
