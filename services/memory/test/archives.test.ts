/** All that an agent remembers, out of one agent and into another, over a real database. */
import type { ArchivedEntity, ReadGraphResponse } from '@clawmesh/contracts/gen/clawmesh/memory/v1/archives.ts'
import { ArchivesServiceService } from '@clawmesh/contracts/gen/clawmesh/memory/v1/archives.ts'
import { rule } from '../../../test/support/rule.ts'
import { testCaller } from '../../../test/support/service-harness.ts'
import { startMemory, type MemoryHarness } from './support.ts'

let memory: MemoryHarness
beforeAll(async () => {
  memory = await startMemory()
})
afterAll(() => memory.stop())

const all = async <T>(values: AsyncIterable<T>): Promise<T[]> => Array.fromAsync(values)
const archives = () => memory.rpc(ArchivesServiceService)
const entity = (externalId: string, userId = ''): ArchivedEntity => ({
  userId,
  externalId,
  name: externalId,
  entityType: 'person',
  description: `about ${externalId}`,
  propertiesJson: '{"born":"1990"}',
  confidence: 0.5,
})
const relation = (source: string, target: string, userId = '') => ({
  userId,
  sourceExternalId: source,
  targetExternalId: target,
  relationType: 'knows',
  confidence: 0.25,
  propertiesJson: '{"since":"2020"}',
})
const valuesOf = (parts: readonly ReadGraphResponse[]) => parts.map(({ part }) => part!.value)

rule('mergeImportAgent.replacesDocuments', async () => {
  const caller = testCaller({ role: 'admin' })
  const { id: agentId } = memory.addAgent(caller)
  const call = memory.call(caller)
  const documents = [
    { userId: '', path: 'MEMORY.md', content: 'The harbour opens at nine.' },
    { userId: '', path: 'empty.txt', content: '' },
    { userId: 'bob', path: 'notes.md', content: 'x\n'.repeat(5_000) },
  ]
  const old = { userId: '', path: 'MEMORY.md', content: 'The harbour is closed.' }
  await archives().writeDocuments(call, { agentId, documents: [old, ...documents.slice(1)] })
  await archives().writeDocuments(call, { agentId, documents: documents.slice(0, 1) })
  expect((await all(archives().readDocuments(call, { agentId }))).map(({ document }) => document)).toEqual(documents)
  expect(await archives().countMemory(call, { agentId })).toEqual({
    globalDocuments: 2,
    personalDocuments: 1,
    entities: 0,
    relations: 0,
  })
  const found = await memory.request<{ results: unknown[] }>(caller, 'POST', `/v1/agents/${agentId}/memory/search`, {
    query: 'harbour',
  })
  expect(found.body.results).toEqual([expect.objectContaining({ snippet: expect.stringContaining('opens at nine') })])
})

test('a graph is read again with its relations, of which those without ends are left out', async () => {
  const caller = testCaller({ role: 'admin' })
  const { id: agentId } = memory.addAgent(caller)
  const call = memory.call(caller)
  const entities = [entity('ann'), entity('bob'), entity('ann', 'carol')]
  expect(await archives().writeGraph(call, { agentId, archivedEntities: entities, archivedRelations: [] })).toEqual({
    entities: 3,
    relations: 0,
  })
  const relations = [
    relation('ann', 'bob'),
    relation('ann', 'nobody'),
    relation('ann', 'bob', 'carol'),
    relation('ann', 'bob'),
  ]
  expect(await archives().writeGraph(call, { agentId, archivedEntities: [], archivedRelations: relations })).toEqual({
    entities: 0,
    relations: 1,
  })
  const read = valuesOf(await all(archives().readGraph(call, { agentId })))
  expect(read).toHaveLength(4)
  expect(read.slice(0, 3)).toEqual(expect.arrayContaining(entities))
  expect(read[3]).toEqual(relation('ann', 'bob'))
})

test('more than a page of a graph is read', async () => {
  const caller = testCaller({ role: 'admin' })
  const { id: agentId } = memory.addAgent(caller)
  const call = memory.call(caller)
  const names = Array.from({ length: 1_001 }, (_, index) => `e${index}`)
  await archives().writeGraph(call, {
    agentId,
    archivedEntities: names.slice(0, 1_000).map((name) => entity(name)),
    archivedRelations: [],
  })
  await archives().writeGraph(call, { agentId, archivedEntities: [entity('e1000')], archivedRelations: [] })
  const read = valuesOf(await all(archives().readGraph(call, { agentId }))) as ArchivedEntity[]
  expect(new Set(read.map(({ externalId }) => externalId))).toEqual(new Set(names))
})

test('another tenant has nothing of it, and too much at once is refused', async () => {
  const caller = testCaller({ role: 'admin' })
  const { id: agentId } = memory.addAgent(caller)
  await archives().writeDocuments(memory.call(caller), {
    agentId,
    documents: [{ userId: '', path: 'a.md', content: 'x' }],
  })
  const stranger = memory.call(testCaller({ role: 'admin' }))
  await expect(archives().countMemory(stranger, { agentId })).rejects.toMatchObject({ code: 'NOT_FOUND' })
  await expect(all(archives().readDocuments(stranger, { agentId }))).rejects.toMatchObject({ code: 'NOT_FOUND' })
  const documents = Array.from({ length: 101 }, (_, index) => ({ userId: '', path: `${index}.md`, content: 'x' }))
  await expect(archives().writeDocuments(memory.call(caller), { agentId, documents })).rejects.toMatchObject({
    code: 'INVALID_REQUEST',
  })
})
