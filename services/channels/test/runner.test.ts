import { setTimeout as sleep } from 'node:timers/promises'
import { createLifecycle, newId, openServiceDb, type Lifecycle } from '@clawmesh/chassis'
import { PrismaClient } from '../src/db/client/client.ts'
import { createAdapters } from '../src/adapters/table.ts'
import { createLeases } from '../src/runner/rows.ts'
import { createRunner, type LeasedInstance } from '../src/runner/runner.ts'
import { createChannelsService } from '../src/service.ts'
import { startChannels, type ChannelsHarness } from './support.ts'
import { collecting, createTestPlatform } from './test-platform.ts'
import { until } from '../../../test/support/eventually.ts'

const path = '/v1/channels/instances'
const leaseMs = 2_000

let channels: ChannelsHarness
beforeAll(async () => {
  channels = await startChannels()
})
afterAll(() => channels.stop())

/** A replica of channels that runs instances on a platform of its own, over the harness's database. */
const startReplica = async () => {
  const platform = createTestPlatform()
  const { received, receive } = collecting()
  const build = createChannelsService({ table: { telegram: async () => platform.adapter }, receive, leaseMs })
  const life: Lifecycle = createLifecycle(build(channels.mesh).parts, channels.mesh.log)
  await life.start()
  return { ...platform, received, stop: () => life.stop() }
}
type Replica = Awaited<ReturnType<typeof startReplica>>

const onReplicas = async (count: number, work: (...replicas: Replica[]) => Promise<void>): Promise<void> => {
  const replicas = await Promise.all(Array.from({ length: count }, startReplica))
  try {
    await work(...replicas)
  } finally {
    await Promise.all(replicas.map(({ stop }) => stop()))
  }
}

const create = (fields: object = {}) =>
  channels.create(channels.tenant().admin, { credentials: { token: 'first' }, ...fields })

describe('an instance', () => {
  it('is polled by one replica of two, and by the other when that stops', async () => {
    const { id } = await create()
    await onReplicas(2, async (one, other) => {
      const polls = () => [...one.polls(id), ...other.polls(id)]
      await until(() => polls().length > 0)
      const [first, second] = one.polls(id).length > 0 ? [one, other] : [other, one]
      // Both renew several times.
      await sleep(3 * leaseMs)
      expect([first.polls(id), second.polls(id), second.begun]).toEqual([['first'], [], []])
      await first.deliver(id, 'hello')
      expect(first.received).toEqual([`${id} hello`])

      await first.stop()
      await until(() => second.polls(id).length > 0)
      expect(first.polls(id)).toEqual([])
    })
    const { rows } = await channels.mesh
      .database('channels')
      .pool.query('SELECT FROM channels.instance_leases WHERE instance_id = $1', [id])
    expect(rows).toEqual([])
  })

  it('begins anew with its new settings when it is changed, never twice at a time', async () => {
    const { admin } = channels.tenant()
    const { id } = await channels.create(admin, { credentials: { token: 'first' } })
    await onReplicas(1, async (replica) => {
      await until(() => replica.polls(id).length > 0)
      for (const token of ['second', 'third']) {
        await channels.request(admin, 'PUT', `${path}/${id}`, { credentials: { token } })
        await until(() => replica.polls(id).includes(token))
        expect(replica.polls(id)).toEqual([token])
      }
    })
  })

  it.each([
    ['disabled', 'PUT', { enabled: false }],
    ['deleted', 'DELETE', undefined],
    ['turned into one of a type without an adapter', 'PUT', { channel_type: 'slack' }],
  ])('is let go of when it is %s', async (_, method, body) => {
    const { admin } = channels.tenant()
    const { id } = await channels.create(admin, { credentials: { token: 'first' } })
    await onReplicas(1, async (replica) => {
      await until(() => replica.polls(id).length > 0)
      await channels.request(admin, method, `${path}/${id}`, body)
      await until(() => replica.polls(id).length === 0)
    })
  })

  it('without credentials waits for them', async () => {
    const { admin } = channels.tenant()
    const { id } = await channels.create(admin)
    await onReplicas(1, async (replica) => {
      await channels.request(admin, 'PUT', `${path}/${id}`, { credentials: { token: 'later' } })
      await until(() => replica.polls(id).length > 0)
      expect(replica.begun.filter((poll) => poll.startsWith(id))).toEqual([`${id} later`])
    })
  })

  it('whose platform is away is tried again', async () => {
    const { id } = await create()
    await onReplicas(1, async (replica) => {
      await until(() => replica.polls(id).length > 0)
    })
    const platform = createTestPlatform()
    platform.failures.set(id, 2)
    const build = createChannelsService({
      table: { telegram: async () => platform.adapter },
      receive: collecting().receive,
      leaseMs,
    })
    const life = createLifecycle(build(channels.mesh).parts, channels.mesh.log)
    await life.start()
    await until(() => platform.polls(id).length > 0)
    await life.stop()
    expect(platform.begun.filter((poll) => poll.startsWith(id))).toHaveLength(3)
  })
})

describe('leases', () => {
  const leasesOf = (holder: string) =>
    createLeases(openServiceDb(channels.mesh, 'channels', PrismaClient), channels.mesh.secrets, holder)

  it('have one holder each, however many replicas reach for them', async () => {
    const ids = (await Promise.all(Array.from({ length: 12 }, () => create({ channel_type: 'feishu' })))).map(
      ({ id }) => id,
    )
    const replicas = Array.from({ length: 6 }, () => leasesOf(newId()))
    const held = await Promise.all(replicas.map((leases) => leases.hold(['feishu'], 60_000)))
    expect(
      held
        .flat()
        .map(({ id }) => id)
        .sort(),
    ).toEqual(ids.sort())
    // Holding again gives each what it has.
    const again = await Promise.all(replicas.map((leases) => leases.hold(['feishu'], 60_000)))
    expect(again.map((own) => own.length)).toEqual(held.map((own) => own.length))
  })

  it('pass on when their holder is silent, and do not come back to it', async () => {
    const { id } = await create({ channel_type: 'discord' })
    const [one, other] = [leasesOf('one'), leasesOf('other')]
    const ids = (held: LeasedInstance[]) => held.map((instance) => instance.id)
    expect(ids(await one.hold(['discord'], 60_000))).toEqual([id])
    expect(ids(await other.hold(['discord'], 60_000))).toEqual([])
    await channels.mesh
      .database('channels')
      .pool.query(`UPDATE channels.instance_leases SET expires_at = now() - interval '1 second'`)
    const held = await other.hold(['discord'], 60_000)
    expect([ids(held), held[0]!.credentials()]).toEqual([[id], { token: 'first' }])
    expect(ids(await one.hold(['discord'], 60_000))).toEqual([])
    await one.release([id])
    expect(ids(await one.hold(['discord'], 60_000))).toEqual([])
    await other.release([id])
    expect(ids(await one.hold(['discord'], 60_000))).toEqual([id])
  })
})

describe('a replica that cannot renew its leases', () => {
  it('lets go before they expire, and begins again when it can', async () => {
    const platform = createTestPlatform()
    const instance: LeasedInstance = {
      id: newId(),
      tenantId: newId(),
      name: 'bot',
      agentId: newId(),
      channelType: 'telegram',
      config: {},
      credentials: () => ({ token: 'first' }),
      version: '1',
    }
    let isAway = false
    const runner = createRunner({
      adapters: createAdapters({ telegram: async () => platform.adapter }),
      leases: {
        hold: () => (isAway ? Promise.reject(new Error('the database is away')) : Promise.resolve([instance])),
        release: () => Promise.reject(new Error('the database is away')),
      },
      receive: collecting().receive,
      log: channels.mesh.log,
      leaseMs: 300,
    })
    await runner.start!()
    await until(() => platform.polls(instance.id).length > 0)
    isAway = true
    await until(() => platform.polls(instance.id).length === 0)
    isAway = false
    await until(() => platform.polls(instance.id).length > 0)
    await runner.stop!().catch(() => {})
    expect(platform.polls(instance.id)).toEqual([])
  })
})

it('is not built without anybody to receive the messages of its adapters', () => {
  const table = { telegram: async () => createTestPlatform().adapter }
  expect(() => createChannelsService({ table })(channels.mesh)).toThrow('nobody receives the messages of telegram')
})
