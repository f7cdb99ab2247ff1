import { setTimeout as sleep } from 'node:timers/promises'
import { ChannelsServiceService } from '@clawmesh/contracts/gen/clawmesh/channels/v1/channels.ts'
import { eventSubject, type CloudEvent, type EventName } from '@clawmesh/contracts'
import { newId, outboxRow } from '@clawmesh/chassis'
import { startChannels, type ChannelsHarness } from './support.ts'
import { hangLimitMs } from '../../../test/support/limits.ts'

let channels: ChannelsHarness
const heard: CloudEvent[] = []
beforeAll(async () => {
  channels = await startChannels()
  await channels.bus.consume({
    durable: 'test',
    subject: 'mesh.events.*.channels.>',
    batchSize: 100,
    handle: async (batch) => void heard.push(...batch),
  })
})
afterAll(() => channels.stop())

const path = '/v1/channels/instances'
const hear = async (count: number): Promise<CloudEvent[]> => {
  for (const until = Date.now() + hangLimitMs; heard.length < count && Date.now() < until;) await sleep(10)
  return heard.splice(0)
}
const emit = (name: EventName & 'agentDeleted', tenantId: string, id: string) => {
  const event = JSON.parse(outboxRow(name, tenantId, { id, actorId: 'bob' }).payload) as CloudEvent
  return channels.bus.publishDurable([{ subject: eventSubject(name, tenantId), event }])
}

describe('events', () => {
  it('tell of each change, who made it and nothing of what is in it', async () => {
    const { admin } = channels.tenant()
    const { id } = await channels.create(admin, { credentials: { token: 'hush' }, config: { stt_api_key: 'hush' } })
    await channels.request(admin, 'PUT', `${path}/${id}`, { credentials: { token: 'hush' } })
    await channels.request(admin, 'DELETE', `${path}/${id}`)
    const events = await hear(3)
    expect(events.map(({ type }) => type.split('.').at(-1))).toEqual(['created', 'updated', 'deleted'])
    for (const { tenantid, data } of events) {
      expect(tenantid).toBe(admin.tenantId)
      expect(data).toEqual({ id, actorId: 'alice' })
    }
  })

  it('tell nothing of a change that failed or changed nothing', async () => {
    const { admin } = channels.tenant()
    const { id } = await channels.create(admin, { name: 'telegram' })
    await hear(1)
    await channels.request(admin, 'PUT', `${path}/${id}`, { made_up: 1 })
    await channels.request(admin, 'DELETE', `${path}/${id}`)
    await channels.request(admin, 'POST', path, { name: 'telegram', channel_type: 'telegram', agent_id: 'helper' })
    const outbox = await channels.mesh.database('channels').pool.query('SELECT FROM channels.outbox')
    expect([outbox.rowCount, heard]).toEqual([0, []])
  })
})

describe('the deletion of an agent', () => {
  it('removes its instances of that tenant, told of once however often it comes', async () => {
    const { admin, agentId } = channels.tenant()
    channels.addAgent(admin, 'survivor')
    const gone = [await channels.create(admin), await channels.create(admin, { name: 'telegram' })]
    const kept = await channels.create(admin, { agent_id: 'survivor' })
    await hear(3)
    await emit('agentDeleted', channels.tenant().admin.tenantId, agentId)
    expect((await channels.request(admin, 'GET', path)).body['total']).toBe(3)

    await Promise.all([emit('agentDeleted', admin.tenantId, agentId), emit('agentDeleted', admin.tenantId, agentId)])
    const { body } = await channels.request<{ instances: object[] }>(admin, 'GET', path)
    expect(body.instances).toMatchObject([{ id: kept.id }])
    const told = (await hear(2)).map(({ data }) => data)
    expect(told).toHaveLength(2)
    for (const { id } of gone) expect(told).toContainEqual({ id, actorId: 'bob' })
  })

  it('that is unreadable does not hold up the next', async () => {
    const { admin, agentId } = channels.tenant()
    await channels.create(admin)
    await hear(1)
    await emit('agentDeleted', admin.tenantId, 'not-an-id')
    await emit('agentDeleted', admin.tenantId, agentId)
    expect((await channels.request(admin, 'GET', path)).body['total']).toBe(0)
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
