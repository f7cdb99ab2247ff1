/** Traces on the embedded database, which has one session for everybody. */
import { newId } from '@clawmesh/chassis'
import { startEmptyPglite, type PgliteProcess } from '../../../test/support/pglite.ts'
import { dayOf } from '../src/domain/calendar.ts'
import { createPartitionKeeper } from '../src/domain/partitions.ts'
import { createPartitionStore, tracePartitions } from '../src/store/partitions.ts'
import { callCost, daysAgo, makeTenant, pricedCall, startTraces, toldOf, type TracesHarness } from './support.ts'

let database: PgliteProcess
let traces: TracesHarness

beforeAll(async () => {
  database = await startEmptyPglite()
  traces = await startTraces({}, { traces: database.url })
})
afterAll(async () => {
  await traces.stop()
  await database.stop()
})

it('are taken in once, listed, summed and dropped', async () => {
  const { admin, tenantId } = makeTenant()
  const agentId = newId()
  const events = Array.from({ length: 30 }, (_, index) =>
    toldOf(tenantId, { agent_id: agentId, created_at: daysAgo(index % 3), user_id: 'alice' }, [
      pricedCall({ input_preview: 'x'.repeat(60_000) }),
    ]),
  )
  await Promise.all([traces.tell(...events), traces.tell(...events), traces.list(admin), traces.costs(admin)])
  expect((await traces.list(admin, '?user_id=alice&limit=5')).traces).toHaveLength(5)
  expect(await traces.costs(admin)).toMatchObject([{ agent_id: agentId, trace_count: 30 }])
  expect((await traces.costs(admin))[0]!['total_cost']).toBeCloseTo(30 * callCost, 8)
  const { body } = await traces.get(admin, (await traces.list(admin)).traces[0]!.id)
  expect(body.spans).toHaveLength(1)

  const keeper = createPartitionKeeper(
    createPartitionStore(traces.mesh.database('traces'), tracePartitions),
    7,
    traces.mesh.log,
  )
  await keeper.sweep(Date.now() + 6.5 * 24 * 3_600_000)
  const left = (await traces.list(admin)).traces.map(({ created_at }) => dayOf(created_at))
  expect(left).not.toContain(dayOf(daysAgo(2)))
  expect(left.length).toBeGreaterThanOrEqual(10)
})
