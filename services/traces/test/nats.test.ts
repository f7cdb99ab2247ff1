/** Two replicas of traces over one database, and a NATS server of their own: no other suite may share their durable. */
import { createLogger, loadConfigs, connectNatsBus, newId, type Bus, type Service } from '@clawmesh/chassis'
import { startNats, type NatsHandle } from '../../../test/support/nats.ts'
import { startServices, type ServiceHarness } from '../../../test/support/service-harness.ts'
import { tracesConfig, tracesService } from '../src/index.ts'
import { callCost, changeOf, makeTenant, pricedCall, reportOf, rowOf } from './support.ts'
import { until } from '../../../test/support/eventually.ts'
import { usageAndRecount } from './usage-recount.ts'

const log = createLogger({ level: process.env['CLAWMESH_TEST_LOG'] ?? 'silent', name: 'test' })
const { traces: config } = loadConfigs({ traces: tracesConfig }, {})
let nats: NatsHandle
let buses: Bus[]
let harness: ServiceHarness
let second: Service

beforeAll(async () => {
  nats = await startNats()
  buses = await Promise.all(['one', 'two', 'agents'].map((name) => connectNatsBus([nats.url], name, log)))
})
afterAll(async () => {
  await Promise.all([harness.stop(), ...second.parts.map(({ stop }) => stop?.())])
  await Promise.all(buses.map((bus) => bus.close()))
  await nats.stop()
})

/** Events that replicas are done with, by the durable position of their consumer. */
const handled: Record<string, number> = {}
const counting = (bus: Bus): Bus => ({
  ...bus,
  consume: (consumer) =>
    bus.consume({
      ...consumer,
      handle: async (batch) => {
        await consumer.handle(batch)
        // NATS knows an event that is emitted again by its id; a batch whose acknowledgement is lost comes again.
        if (handled[consumer.durable] === undefined) {
          handled[consumer.durable] = 0
          throw new Error('the acknowledgement is lost')
        }
        handled[consumer.durable]! += batch.length
      },
    }),
})

it('replicas share the events of JetStream and count each trace and each change once, however often it comes', async () => {
  const { admin, tenantId } = makeTenant()
  const agentId = newId()
  const count = 450
  const tell = (id: string) => reportOf(tenantId, { id, agent_id: agentId }, [pricedCall({ id })])
  const ids = Array.from({ length: count }, newId)
  const changes = Array.from({ length: count }, () => changeOf('agentUpdated', tenantId))
  await buses[2]!.publishDurable([...ids.slice(0, 300).map(tell), ...changes.slice(0, 300)].map(rowOf))

  harness = await startServices({
    services: { traces: (mesh) => tracesService({ ...mesh, bus: counting(buses[0]!) }, config) },
  })
  second = tracesService({ ...harness.mesh, bus: counting(buses[1]!) }, config)
  for (const { start } of second.parts) await start?.()
  await buses[2]!.publishDurable([...ids.slice(150).map(tell), ...changes.slice(300)].map(rowOf))

  const get = async (path: string) => (await harness.request(admin, 'GET', path)).body
  const summary = async () => ((await get('/v1/costs/summary'))['rows'] as Record<string, number>[])[0]
  await until(async () => (await get('/v1/traces'))['total'] === count)
  await until(async () => (handled['traces-intake'] ?? 0) >= 600)
  expect(await summary()).toMatchObject({ agent_id: agentId, trace_count: count, total_input_tokens: count * 1_000 })
  expect((await summary())!['total_cost']).toBeCloseTo(count * callCost, 6)
  const used = await usageAndRecount(harness.mesh.database('traces').pool, [tenantId])
  expect(used.kept).toEqual(used.recount)
  const usage = await get('/v1/usage/summary')
  expect(usage).toMatchObject({ current: { requests: count, llm_calls: count, input_tokens: count * 1_000 } })
  const month = await harness.mesh
    .database('traces')
    .pool.query<{ cost_usd: number }>('SELECT cost_usd FROM traces.agent_costs_monthly')
  expect(month.rows.map(({ cost_usd }) => cost_usd)).toEqual([expect.closeTo(count * callCost, 6)])

  await until(async () => (handled['traces-activity'] ?? 0) >= count)
  // Traces do not even come to it.
  expect(handled['traces-activity']).toBeLessThan(600)
  expect((await get('/v1/activity'))['total']).toBe(count)
})
