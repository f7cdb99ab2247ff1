/** Events that a service cannot handle, as an operator sees and replays them: the command beside a running service. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { channelsService } from '@clawmesh/channels'
import { createDeadEvents, newId, outboxRow, type DeadEventSummary } from '@clawmesh/chassis'
import type { CloudEvent } from '@clawmesh/contracts'
import { runClawmesh } from '../support/mesh-process.ts'
import { startServices, testCaller, type ServiceHarness } from '../support/service-harness.ts'
import { until } from '../support/eventually.ts'

let services: ServiceHarness
let dataDir: string

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'clawmesh-dead-events-'))
  services = await startServices({ services: { channels: channelsService } })
})
afterAll(async () => {
  await services.stop()
  await rm(dataDir, { recursive: true, force: true })
})
beforeEach(() => services.mesh.database('channels').pool.query('TRUNCATE channels.dead_events'))

const command = (...args: string[]) =>
  runClawmesh(['events', 'dead', ...args], {
    DATABASE_URL: String(services.mesh.database('channels').pool.options.connectionString),
    CLAWMESH_DATA_DIR: dataDir,
  })

/** Leaves a dead event that says that an agent was deleted. */
const die = async (tenantId: string, agentId: string, error = 'broken'): Promise<string> => {
  const { subject, payload } = outboxRow('agentDeleted', tenantId, { id: agentId, actorId: 'bob' })
  const event = JSON.parse(payload) as CloudEvent
  const deadEvents = createDeadEvents(services.mesh.database('channels'))
  await deadEvents.keep('channels-agent-deleted', { subject, event, payload: () => payload, deliveries: 5 }, error, 100)
  return (await deadEvents.list(100)).find(({ eventId }) => eventId === event.id)!.id
}

const addInstance = async (tenantId: string, agentId: string): Promise<void> => {
  await services.mesh
    .database('channels')
    .pool.query(
      `INSERT INTO channels.channel_instances (id, tenant_id, name, channel_type, agent_id) VALUES ($1, $2, 'bot', 'telegram', $3)`,
      [newId(), tenantId, agentId],
    )
}
const instances = async (tenantId: string): Promise<unknown> =>
  (await services.request(testCaller({ tenantId }), 'GET', '/v1/channels/instances')).body['total']

const listed = async (): Promise<(DeadEventSummary & { service: string })[]> =>
  JSON.parse((await command('list', '--json')).stdout)

it('are listed with their reasons and without what they say', async () => {
  expect(await command('list')).toMatchObject({ code: 0, stdout: 'no dead events\n' })
  const [tenantId, agentId] = [newId(), newId()]
  const first = await die(tenantId, agentId, 'Error: broken \u001b[2J')
  const second = await die(tenantId, newId())
  const { code, stdout } = await command('list', '--service', 'channels')
  expect(code).toBe(0)
  const lines = stdout.trim().split('\n')
  expect(lines[0]).toMatch(
    new RegExp(
      `^channels ${first} waiting clawmesh\\.agents\\.agent\\.deleted tenant ${tenantId} deliveries 5 last .*Z: Error: broken \\[2J$`,
    ),
  )
  expect(lines[1]).toContain(second)
  expect(stdout).not.toContain(agentId)
  expect(await listed()).toMatchObject([
    { service: 'channels', id: first, state: 'waiting', consumer: 'channels-agent-deleted', tenantId, deliveries: 5 },
    { service: 'channels', id: second },
  ])
  expect((await command('list', '--limit', '1')).stdout).toMatch(/\nchannels: 1 more\n$/)
})

it('are replayed by the running service: one by its id, or all that wait', async () => {
  const [tenantId, agentId] = [newId(), newId()]
  await addInstance(tenantId, agentId)
  const id = await die(tenantId, agentId)
  const other = { tenantId: newId(), agentId: newId() }
  await addInstance(other.tenantId, other.agentId)
  await die(other.tenantId, other.agentId)

  expect(await command('replay', id)).toMatchObject({ code: 0, stdout: expect.stringMatching(/^channels: 1 to be/) })
  await until(async () => (await instances(tenantId)) === 0)
  await until(async () => (await listed()).some((row) => row.id === id && row.state === 'replayed'))
  expect(await instances(other.tenantId)).toBe(1)
  expect(await command('replay', id)).toMatchObject({ code: 1, stdout: 'nothing waits that could be replayed\n' })

  expect(await command('replay', '--all', '--service', 'channels')).toMatchObject({ code: 0 })
  await until(async () => (await instances(other.tenantId)) === 0)
})

it.each([
  [['replay'], 'name one dead event, or --all with --service'],
  [['replay', newId(), '--all'], 'name one dead event, or --all with --service'],
  [['replay', '--all'], '--all needs --service'],
  [['replay', 'x'], 'x is no id'],
  [['list', '--service', 'nobody'], 'unknown service nobody'],
  [['list', '--service', 'identity'], 'identity keeps no dead events'],
  [['list', '--limit', '0'], 'a number from 1 on'],
])('%j is refused with what to do', async (args, text) => {
  const { code, stderr } = await command(...args)
  expect(code).toBe(1)
  expect(stderr).toContain(text)
})
