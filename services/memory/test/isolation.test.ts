import { MemoryServiceService } from '@clawmesh/contracts/gen/clawmesh/memory/v1/memory.ts'
import type { Caller } from '@clawmesh/contracts'
import { evict, newId } from '@clawmesh/chassis'
import { memoryTenants } from '../../../test/faults/scenarios/memory-tenants.ts'
import { testCaller } from '../../../test/support/service-harness.ts'
import { providerOfWidth, startMemory, type MemoryHarness } from './support.ts'

let harness: MemoryHarness
/** Two tenants that know an agent of the same id, the worst case. */
const [mine, theirs] = [testCaller(), testCaller()]
const agentId = newId()
const base = `/v1/agents/${agentId}/memory`
let theirEntryId: string

beforeAll(async () => {
  harness = await startMemory()
  for (const caller of [mine, theirs]) harness.addAgent(caller, { id: agentId })
  const { body } = await harness.request(theirs, 'POST', '/v1/memory', {
    agent_id: agentId,
    path: 'secret.md',
    content: 'their heron',
  })
  theirEntryId = String(body['id'])
})
afterAll(() => harness.stop())

const request = (caller: Caller, method: string, path: string, body?: unknown) =>
  harness.request<never>(caller, method, path, body)

describe('another tenant', () => {
  it.each([
    { does: 'lists no documents of the tenant', ask: ['GET', '/v1/memory/documents'], gets: [200, []] },
    { does: 'lists no documents of the agent', ask: ['GET', `${base}/documents`], gets: [200, []] },
    { does: 'reads no document', ask: ['GET', `${base}/documents/secret.md`], gets: [404] },
    { does: 'deletes no document', ask: ['DELETE', `${base}/documents/secret.md`], gets: [404] },
    { does: 'lists no chunks', ask: ['GET', `${base}/chunks?path=secret.md`], gets: [200, []] },
    { does: 'indexes no document', ask: ['POST', `${base}/index`, { path: 'secret.md' }], gets: [404] },
    { does: 'indexes nothing at all', ask: ['POST', `${base}/index-all`, {}], gets: [200, { status: 'indexed_all' }] },
    {
      does: 'finds nothing',
      ask: ['POST', `${base}/search`, { query: 'heron' }],
      gets: [200, { results: [], count: 0 }],
    },
    {
      does: 'lists no entries',
      ask: ['GET', '/v1/memory'],
      gets: [200, { entries: [], total: 0, limit: 50, offset: 0 }],
    },
  ])('$does', async ({ ask, gets: [status, expected] }) => {
    const [method, path, body] = ask as [string, string, unknown]
    const answer = await request(mine, method, path, body)
    expect(answer.status).toBe(status)
    if (expected !== undefined) expect(answer.body).toEqual(expected)
  })

  it('deletes no entry by id', async () => {
    expect((await request(mine, 'DELETE', `/v1/memory/${theirEntryId}`)).status).toBe(404)
  })

  it('finds and reads nothing over gRPC', async () => {
    const memory = harness.rpc(MemoryServiceService)
    const call = harness.call(mine)
    const found = await memory.search(call, { agentId, userId: '', query: 'heron', maxResults: 5, minScore: 0 })
    expect(found.results).toEqual([])
    expect(await memory.getDocument(call, { agentId, userId: '', path: 'secret.md' })).toMatchObject({ found: false })
  })

  it('writes to a document of its own at the same place', async () => {
    await request(mine, 'PUT', `${base}/documents/secret.md`, { content: 'my heron' })
    const memory = harness.rpc(MemoryServiceService)
    await memory.putDocument(harness.call(mine), {
      agentId,
      userId: '',
      path: 'secret.md',
      content: 'more',
      append: true,
      extraction: undefined,
    })
    const read = async (caller: Caller) =>
      (await harness.request(caller, 'GET', `${base}/documents/secret.md`)).body['content']
    expect(await read(mine)).toBe('my heron\n\n---\n\nmore')
    expect(await read(theirs)).toBe('their heron')
    await request(mine, 'DELETE', `${base}/documents/secret.md`)
    expect(await read(theirs)).toBe('their heron')
  })

  it('does not get vectors out of the cache of the first', async () => {
    harness.providers.embed = providerOfWidth(8)
    evict(harness.bus, { kind: 'providers' })
    await request(theirs, 'PUT', `${base}/documents/cached.md`, { content: 'the same text' })
    harness.providers.asked.length = 0
    await request(mine, 'PUT', `${base}/documents/cached.md`, { content: 'the same text' })
    expect(harness.providers.asked).toContainEqual(['the same text'])
  })

  it('has no agents of the first', async () => {
    const { key } = harness.addAgent(theirs)
    expect((await request(mine, 'GET', `/v1/agents/${key}/memory/documents`)).status).toBe(404)
    expect((await request(theirs, 'GET', `/v1/agents/${key}/memory/documents`)).status).toBe(200)
  })
})

it('of random searches and walks not one shows a row of another tenant', async () => {
  const outcome = await memoryTenants(harness, 200)
  expect(outcome).toMatchObject({ asked: 200, foreign: 0 })
  expect(outcome.rows).toBeGreaterThan(200)
})
