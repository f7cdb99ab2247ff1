import { setTimeout as sleep } from 'node:timers/promises'
import { ChannelsServiceService } from '@clawmesh/contracts/gen/clawmesh/channels/v1/channels.ts'
import type { CloudEvent } from '@clawmesh/contracts'
import { createDeadEvents, newId, outboxRow } from '@clawmesh/chassis'
import { rule } from '../../../test/support/rule.ts'
import { consumeEvents } from '../../../test/support/events.ts'
import { startChannels, type ChannelsHarness } from './support.ts'
import { until } from '../../../test/support/eventually.ts'

let channels: ChannelsHarness
const heard: CloudEvent[] = []
beforeAll(async () => {
  channels = await startChannels()
  await consumeEvents(channels.bus, {
    durable: 'test',
    subject: 'mesh.events.*.channels.>',
    batchSize: 100,
    handle: async (batch) => void heard.push(...batch),
  })
})
afterAll(() => channels.stop())

const path = '/v1/channels/instances'
const receive = async (count: number): Promise<CloudEvent[]> => {
  await until(() => heard.length >= count)
  return heard.splice(0)
}
const deletionOf = (tenantId: string, id: string) => outboxRow('agentDeleted', tenantId, { id, actorId: 'bob' })
const emit = (tenantId: string, id: string) => channels.bus.publishDurable([deletionOf(tenantId, id)])

describe('events', () => {
  const data = (id: string) => ({ id, actorId: 'alice' })
  const names = (events: CloudEvent[]) => events.map(({ type, data }) => [type.split('.').at(-1), data])

  rule('createChannelInstance.recordsTheCreation', async () => {
    const { id } = await channels.create(channels.tenant().admin)
    expect(names(await receive(1))).toEqual([['created', data(id)]])
  })

  rule('updateChannelInstance.recordsTheChange', async () => {
    const { admin } = channels.tenant()
    const { id } = await channels.create(admin)
    await channels.request(admin, 'PUT', `${path}/${id}`, { made_up: true })
    await channels.request(admin, 'PUT', `${path}/${id}`, {})
    await channels.request(admin, 'PUT', `${path}/${id}`, { enabled: false })
    expect(names(await receive(2))).toEqual([
      ['created', data(id)],
      ['updated', data(id)],
    ])
  })

  rule('deleteChannelInstance.recordsTheDeletion', async () => {
    const { admin } = channels.tenant()
    const { id } = await channels.create(admin)
    await channels.request(admin, 'DELETE', `${path}/${id}`)
    expect(names(await receive(2))).toEqual([
      ['created', data(id)],
      ['deleted', data(id)],
    ])
  })

  it('name each change, who made it and nothing of what is in it', async () => {
    const { admin } = channels.tenant()
    const { id } = await channels.create(admin, { credentials: { token: 'hush' }, config: { stt_api_key: 'hush' } })
    await channels.request(admin, 'PUT', `${path}/${id}`, { credentials: { token: 'hush' } })
    await channels.request(admin, 'DELETE', `${path}/${id}`)
    const events = await receive(3)
    expect(events.map(({ type }) => type.split('.').at(-1))).toEqual(['created', 'updated', 'deleted'])
    for (const { tenantid, data } of events) {
      expect(tenantid).toBe(admin.tenantId)
      expect(data).toEqual({ id, actorId: 'alice' })
    }
  })

  it('tell nothing of a change that failed or changed nothing', async () => {
    const { admin } = channels.tenant()
    const { id } = await channels.create(admin, { name: 'telegram' })
    await receive(1)
    await channels.request(admin, 'PUT', `${path}/${id}`, { made_up: 1 })
    await channels.request(admin, 'DELETE', `${path}/${id}`)
    await channels.request(admin, 'POST', path, { name: 'telegram', channel_type: 'telegram', agent_id: 'helper' })
    const outbox = await channels.mesh.database('channels').pool.query('SELECT FROM channels.outbox')
    expect([outbox.rowCount, heard]).toEqual([0, []])
  })
})

describe('an agent that becomes inactive', () => {
  const updateOf = (tenantId: string, id: string, status?: 'active' | 'inactive') => {
    return channels.bus.publishDurable([outboxRow('agentUpdated', tenantId, { id, actorId: 'bob', status })])
  }
  const enabled = async (admin: ReturnType<ChannelsHarness['tenant']>['admin']) => {
    const { body } = await channels.request<{ instances: { enabled: boolean }[] }>(admin, 'GET', path)
    return body.instances.map((instance) => instance.enabled)
  }

  it('has its channel instances switched off, each with an event, and those of others stay on', async () => {
    const { admin, agentId } = channels.tenant()
    channels.addAgent(admin, 'other')
    await channels.create(admin, { name: 'a' })
    await channels.create(admin, { name: 'b', enabled: false })
    await channels.create(admin, { name: 'c', agent_id: 'other' })
    await receive(3)
    await updateOf(admin.tenantId, agentId, 'inactive')
    await updateOf(admin.tenantId, agentId, 'inactive')
    expect(await enabled(admin)).toEqual([false, false, true])
    expect((await receive(1)).map(({ data }) => data)).toEqual([{ id: expect.any(String), actorId: 'bob' }])
  })

  it('keeps them on when it is changed in another way', async () => {
    const { admin, agentId } = channels.tenant()
    await channels.create(admin)
    await receive(1)
    await updateOf(admin.tenantId, agentId)
    await updateOf(admin.tenantId, agentId, 'active')
    expect(await enabled(admin)).toEqual([true])
  })
})

describe('the deletion of an agent', () => {
  it('removes its instances of that tenant, each with one event however often it comes', async () => {
    const { admin, agentId } = channels.tenant()
    channels.addAgent(admin, 'survivor')
    const gone = [await channels.create(admin), await channels.create(admin, { name: 'telegram' })]
    const kept = await channels.create(admin, { agent_id: 'survivor' })
    await receive(3)
    await emit(channels.tenant().admin.tenantId, agentId)
    expect((await channels.request(admin, 'GET', path)).body['total']).toBe(3)

    await Promise.all([emit(admin.tenantId, agentId), emit(admin.tenantId, agentId)])
    const { body } = await channels.request<{ instances: object[] }>(admin, 'GET', path)
    expect(body.instances).toMatchObject([{ id: kept.id }])
    const received = (await receive(2)).map(({ data }) => data)
    expect(received).toHaveLength(2)
    for (const { id } of gone) expect(received).toContainEqual({ id, actorId: 'bob' })
  })

  it('that is unreadable ends with the dead events and does not hold up the next', async () => {
    const { admin, agentId } = channels.tenant()
    await channels.create(admin)
    await receive(1)
    await emit(admin.tenantId, 'not-an-id')
    await emit(admin.tenantId, agentId)
    expect((await channels.request(admin, 'GET', path)).body['total']).toBe(0)
    const dead = await createDeadEvents(channels.mesh.database('channels')).list(10)
    expect(dead).toMatchObject([{ consumer: 'channels-agent-deleted', tenantId: admin.tenantId, state: 'waiting' }])
  })
})

describe('while channels is not set up as it should be', () => {
  it.each([
    [
      'its table is missing',
      'ALTER TABLE channels.channel_instances RENAME TO away',
      'ALTER TABLE channels.away RENAME TO channel_instances',
    ],
    [
      'its column is missing',
      'ALTER TABLE channels.channel_instances RENAME agent_id TO away',
      'ALTER TABLE channels.channel_instances RENAME away TO agent_id',
    ],
    [
      'a right is missing',
      'REVOKE DELETE ON channels.channel_instances FROM clawmesh_app',
      'GRANT DELETE ON channels.channel_instances TO clawmesh_app',
    ],
  ])('events wait and none dies: %s', async (_, spoil, mend) => {
    const { admin, agentId } = channels.tenant()
    await channels.create(admin)
    const { pool } = channels.mesh.database('channels')
    const deadEvents = createDeadEvents(channels.mesh.database('channels'))
    const deadBefore = await deadEvents.count()
    const outgoing = deletionOf(admin.tenantId, agentId)
    const settled = async () => (await channels.bus.publishDurable([outgoing])).length === 0
    await pool.query(spoil)
    try {
      expect(await settled()).toBe(false)
    } finally {
      await pool.query(mend)
    }
    while (!(await settled())) await sleep(50)
    expect((await channels.request(admin, 'GET', path)).body['total']).toBe(0)
    expect(await deadEvents.count()).toBe(deadBefore)
  })
})

describe('the agents open to a user', () => {
  it('are those behind an enabled instance of the tenant whose allow_from names the user', async () => {
    const { admin, agentId } = channels.tenant()
    const [off, loose] = ['off', 'loose'].map((key) => channels.addAgent(admin, key))
    await channels.create(admin, { config: { allow_from: ['bob', 'eve'] } })
    await channels.create(admin, { config: { allow_from: ['bob'] } })
    await channels.create(admin, { agent_id: off, enabled: false, config: { allow_from: ['bob'] } })
    await channels.create(admin, { agent_id: loose, config: { allow_from: 'bob', dm_policy: 'open' } })
    await channels.create(channels.tenant().admin, { config: { allow_from: ['bob'] } })
    const openTo = async (userId: string) => {
      const { agentIds } = await channels.rpc(ChannelsServiceService).listAgentsOpenTo(channels.call(admin), { userId })
      return agentIds
    }
    expect(await openTo('bob')).toEqual([agentId])
    expect(await openTo('eve')).toEqual([agentId])
    expect(await openTo('bo')).toEqual([])
    expect(await openTo('"]}\'')).toEqual([])
    expect(await openTo('')).toEqual([])
    expect(await openTo(newId())).toEqual([])
  })
})
