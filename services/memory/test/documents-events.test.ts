import type { Caller, CloudEvent } from '@clawmesh/contracts'
import { createDeadEvents, newId, outboxRow } from '@clawmesh/chassis'
import { consumeEvents } from '../../../test/support/events.ts'
import { testCaller } from '../../../test/support/service-harness.ts'
import { startMemory, type MemoryHarness } from './support.ts'
import { until } from '../../../test/support/eventually.ts'

let harness: MemoryHarness
const seen: CloudEvent[] = []
beforeAll(async () => {
  harness = await startMemory()
  await consumeEvents(harness.bus, {
    durable: 'test',
    subject: 'mesh.events.*.memory.document.*',
    batchSize: 10,
    handle: async (batch) => void seen.push(...batch),
  })
})
afterAll(() => harness.stop())

/** The types and documents of a tenant's events, once there are as many. */
const eventsOf = async (caller: Caller, count: number) => {
  const own = () => seen.filter(({ tenantid }) => tenantid === caller.tenantId)
  await until(() => own().length >= count)
  return own().map(({ type, data }) => [type, data as { id: string; actorId: string }] as const)
}

const stored = 'clawmesh.memory.document.stored'
const deleted = 'clawmesh.memory.document.deleted'

const agentDeleted = (tenantId: string, id: string) => outboxRow('agentDeleted', tenantId, { id, actorId: 'admin' })

describe('events', () => {
  it('tell of documents written and deleted, and by whom', async () => {
    const caller = testCaller({ userId: 'carol' })
    const agent = harness.addAgent(caller)
    const { body } = await harness.request(caller, 'POST', '/v1/memory', { agent_id: agent.id, content: 'x' })
    await harness.request(caller, 'DELETE', `/v1/memory/${String(body['id'])}`)
    const data = { id: body['id'], actorId: 'carol' }
    expect(await eventsOf(caller, 2)).toEqual([
      [stored, data],
      [deleted, data],
    ])
  })

  it('do not tell of what did not happen', async () => {
    const caller = testCaller()
    const agent = harness.addAgent(caller)
    const url = `/v1/agents/${agent.id}/memory/documents`
    await harness.request(caller, 'DELETE', `${url}/none.md`)
    await harness.request(caller, 'PUT', `${url}/..%2Fx.md`, { content: 'x' })
    await harness.request(caller, 'PUT', `${url}/a.md`, { content: 'x' })
    expect((await eventsOf(caller, 1)).map(([type]) => type)).toEqual([stored])
  })
})

describe('a deleted agent', () => {
  it('takes all its documents with it, and no others', async () => {
    const caller = testCaller()
    const [gone, stays] = [harness.addAgent(caller), harness.addAgent(caller)]
    for (let i = 0; i < 5; i++)
      await harness.request(caller, 'PUT', `/v1/agents/${gone.id}/memory/documents/${i}.md`, {
        content: 'x',
        user_id: 'u',
      })
    await harness.request(caller, 'PUT', `/v1/agents/${stays.id}/memory/documents/a.md`, { content: 'x' })
    const left = async () => (await harness.request<{ agent_id: string }[]>(caller, 'GET', '/v1/memory/documents')).body

    await harness.bus.publishDurable([agentDeleted(testCaller().tenantId, gone.id)])
    expect(await left()).toHaveLength(6)
    await harness.bus.publishDurable([agentDeleted(caller.tenantId, gone.id)])
    expect((await left()).map(({ agent_id }) => agent_id)).toEqual([stays.id])
    const reported = (await eventsOf(caller, 11)).filter(([type]) => type === deleted)
    expect(reported.map(([, data]) => data.actorId)).toEqual(Array.from({ length: 5 }, () => 'admin'))

    await harness.bus.publishDurable([agentDeleted(caller.tenantId, gone.id)])
    expect(await left()).toHaveLength(1)
  })

  it('of more documents than go at once is forgotten whole', async () => {
    const caller = testCaller()
    const agent = harness.addAgent(caller)
    const { pool } = harness.database
    const ids = Array.from({ length: 450 }, () => newId())
    await pool.query(
      `INSERT INTO memory.documents (id, tenant_id, agent_id, path, content, hash)
       SELECT id, $2, $3, id::text, '', '' FROM unnest($1::uuid[]) AS id`,
      [ids, caller.tenantId, agent.id],
    )
    await harness.bus.publishDurable([agentDeleted(caller.tenantId, agent.id)])
    expect((await harness.request(caller, 'GET', '/v1/memory/documents')).body).toEqual([])
    expect(await eventsOf(caller, 450)).toHaveLength(450)
  })

  it('that nobody can read ends with the dead events and does not stop those after it', async () => {
    const caller = testCaller()
    const agent = harness.addAgent(caller)
    await harness.request(caller, 'PUT', `/v1/agents/${agent.id}/memory/documents/a.md`, { content: 'x' })
    const unreadable = agentDeleted(caller.tenantId, 'no-uuid')
    await harness.bus.publishDurable([unreadable, agentDeleted(caller.tenantId, agent.id)])
    expect((await harness.request(caller, 'GET', '/v1/memory/documents')).body).toEqual([])
    const dead = await createDeadEvents(harness.database).list(10)
    expect(dead).toMatchObject([{ consumer: 'memory-agent-deleted', eventId: unreadable.id, state: 'waiting' }])
  })
})
