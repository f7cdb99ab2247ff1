/** Graphs as agent runs use them: read for their user, and learning from what is written to memory. */
import { MemoryServiceService } from '@clawmesh/contracts/gen/clawmesh/memory/v1/memory.ts'
import type { ChatRequest } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import { newId } from '@clawmesh/chassis'
import { testCaller } from '../../../test/support/service-harness.ts'
import { until } from '../../../test/support/eventually.ts'
import { modelSays, startMemory, type MemoryHarness } from './support.ts'

let harness: MemoryHarness
let asked: ChatRequest[] = []
beforeAll(async () => {
  harness = await startMemory()
})
afterAll(() => harness.stop())

const atlas = JSON.stringify({
  entities: [
    { external_id: 'anna', name: 'Anna', entity_type: 'person', description: 'Leads Atlas', confidence: 1 },
    { external_id: 'atlas', name: 'Atlas', entity_type: 'project', description: 'A project', confidence: 1 },
  ],
  relations: [{ source_entity_id: 'anna', relation_type: 'manages', target_entity_id: 'atlas', confidence: 1 }],
})

beforeEach(() => {
  asked = []
  harness.providers.chat = (request) => {
    asked.push(request)
    return modelSays(atlas)
  }
})

const fresh = (overrides: Parameters<MemoryHarness['addAgent']>[1] = {}) => {
  const caller = testCaller()
  const { id: agentId } = harness.addAgent(caller, overrides)
  const memory = harness.rpc(MemoryServiceService)
  const call = harness.call(caller)
  const kg = `/v1/agents/${agentId}/kg`
  return {
    /** Puts Anna, who manages Atlas, into somebody's graph. */
    learn: (userId: string) =>
      harness.request(caller, 'POST', `${kg}/extract`, { text: 'x', provider: 'p', model: 'm', user_id: userId }),
    write: (content: string, { userId = '', append = false, minConfidence = 0 } = {}) =>
      memory.putDocument(call, {
        agentId,
        userId,
        path: 'memory/a.md',
        content,
        append,
        extraction: { provider: 'p', model: 'm', minConfidence },
      }),
    search: async (query: string, userId = '', more: object = {}) =>
      (await memory.searchGraph(call, { agentId, userId, query, entityType: '', limit: 10, relations: 5, ...more }))
        .entities,
    walk: (entityId: string, userId = '') => memory.walkGraph(call, { agentId, userId, entityId, maxDepth: 2 }),
    entitiesOf: async (userId: string) =>
      (await harness.request<Record<string, unknown>[]>(caller, 'GET', `${kg}/entities?user_id=${userId}`)).body,
  }
}

describe('for agent runs', () => {
  it('entities are found in the graph of the user and the shared one, with their relations', async () => {
    const { learn, search } = fresh()
    await learn('bob')
    expect(await search('atlas', 'eve')).toEqual([])
    const [found] = await search('atlas', 'bob')
    expect(found).toMatchObject({
      entity: { name: 'Atlas', entityType: 'project', description: 'A project' },
      links: [{ relationType: 'manages', incoming: true, other: { name: 'Anna' } }],
    })
    await learn('')
    expect(await search('atlas', 'eve')).toHaveLength(2)
    expect(await search('atlas', 'bob')).toHaveLength(4)
  })

  it('an empty query lists, a type narrows, and relations are as many as wanted', async () => {
    const { learn, search } = fresh()
    await learn('bob')
    expect(await search('', 'bob')).toHaveLength(2)
    expect(await search('', 'bob', { limit: 1 })).toHaveLength(1)
    for (const query of ['', 'anna leads atlas'])
      expect((await search(query, 'bob', { entityType: 'person' })).map(({ entity }) => entity?.name)).toEqual(['Anna'])
    expect((await search('atlas', 'bob', { relations: 0 }))[0]!.links).toEqual([])
  })

  it('a walk names its path; from an entity of another user there is none', async () => {
    const { learn, search, walk } = fresh()
    await learn('bob')
    const [found] = await search('anna', 'bob')
    const { id } = found!.entity!
    expect(await walk(id, 'bob')).toMatchObject({
      start: { entity: { name: 'Anna' }, links: [{ relationType: 'manages', incoming: false }] },
      reached: [{ entity: { name: 'Atlas' }, depth: 2, via: 'manages', path: ['Anna', 'Atlas'] }],
    })
    expect(await walk(id, 'eve')).toEqual({ start: undefined, reached: [] })
    for (const id of [newId(), 'Anna', '']) expect(await walk(id, 'bob')).toEqual({ start: undefined, reached: [] })
  })

  it('an agent that shares its graph knows the shared one only', async () => {
    const { learn, search, write, entitiesOf } = fresh({ shareKnowledgeGraph: true })
    await learn('bob')
    expect(await search('atlas', 'bob')).toEqual([])
    await write('Anna leads Atlas.', { userId: 'bob' })
    await until(async () => (await search('atlas', 'bob')).length > 0)
    expect((await search('atlas', 'eve')).length).toBeGreaterThan(0)
    expect(await entitiesOf('bob')).toHaveLength(2)
  })
})

describe('what is written to memory', () => {
  it('becomes part of the graph of its user, as far as the model is sure, and names its document', async () => {
    const { write, entitiesOf } = fresh()
    await write('Anna leads Atlas.', { userId: 'bob' })
    await until(async () => (await entitiesOf('bob')).length >= 2)
    expect(await entitiesOf('bob')).toMatchObject([{ source_id: 'memory/a.md' }, { source_id: 'memory/a.md' }])
    expect(await entitiesOf('eve')).toEqual([])
    expect(asked[0]).toMatchObject({ provider: 'p', model: 'm' })
    expect(asked[0]!.messages.at(-1)!.content).toBe('Anna leads Atlas.')
  })

  it('is read from its end when it is long', async () => {
    const { write, entitiesOf } = fresh()
    await write(`the beginning ${'x'.repeat(50_000)} the end`)
    await until(async () => (await entitiesOf('')).length >= 2)
    const texts = asked.map(({ messages }) => messages.at(-1)!.content)
    expect(texts).toHaveLength(3)
    expect(texts[0]).not.toContain('the beginning')
    expect(texts.at(-1)).toContain('the end')
  })

  it('is stored whatever becomes of the extraction', async () => {
    harness.providers.chat = () => modelSays('no')
    const { write } = fresh()
    await expect(write('text')).resolves.toEqual({})
  })
})
