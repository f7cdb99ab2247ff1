/** Partitions over a real database: made ahead and on demand, dropped when their time is over. */
import { newId } from '@clawmesh/chassis'
import { dayOf } from '../src/partitions/calendar.ts'
import { createPartitionKeeper, type PartitionKeeper } from '../src/partitions/use-cases.ts'
import { createPartitionRows, tracePartitions } from '../src/partitions/rows.ts'
import { callCost, daysAgo, makeTenant, startTraces, reportOf, type TracesHarness } from './support.ts'

let traces: TracesHarness
let keeper: PartitionKeeper
const retentionDays = 7
const inDays = (days: number) => Date.now() + days * 24 * 3_600_000

beforeEach(async () => {
  traces = await startTraces()
  keeper = createPartitionKeeper(
    createPartitionRows(traces.mesh.database('traces'), tracePartitions),
    retentionDays,
    traces.mesh.log,
  )
})
afterEach(() => traces.stop())

const query = async (sql: string) => (await traces.mesh.database('traces').pool.query<{ name: string }>(sql)).rows
/** Days that have a partition of a table. */
const daysOf = async (table: string) => {
  const rows = await query(
    `SELECT relid::regclass::text AS name FROM pg_partition_tree('traces.${table}') WHERE isleaf AND relid::regclass::text LIKE '%\\_p2%'`,
  )
  return rows.map(({ name }) => name.replace(/^.*_p(\d{4})(\d\d)(\d\d)$/, '$1-$2-$3')).sort()
}
/** The partition that holds a trace, and the one that holds its spans. */
const placeOf = async (id: string) =>
  (
    await query(`SELECT tableoid::regclass::text AS name FROM traces.traces WHERE id = '${id}'
      UNION ALL SELECT tableoid::regclass::text FROM traces.spans WHERE trace_id = '${id}'`)
  ).map(({ name }) => name)
const nameOf = (table: string, time: string) => `traces.${table}_p${dayOf(time).replaceAll('-', '')}`

it('partitions are there for today and the days to come once the service has started', async () => {
  const days = [0, 1, 2, 3].map((ahead) => dayOf(inDays(ahead)))
  expect(await daysOf('traces')).toEqual(days)
  expect(await daysOf('spans')).toEqual(days)
})

it('a trace of an earlier day gets the partition of its day, its spans beside it', async () => {
  const { tenantId } = makeTenant()
  const [id, createdAt] = [newId(), daysAgo(3)]
  await traces.tell(reportOf(tenantId, { id, created_at: createdAt }))
  expect(await placeOf(id)).toEqual([nameOf('traces', createdAt), nameOf('spans', createdAt)])
})

it('a trace from outside the retention is stored all the same, and moves to its day when that is made', async () => {
  const { admin, tenantId } = makeTenant()
  const [old, early] = [newId(), newId()]
  const ahead = new Date(inDays(10)).toISOString()
  await traces.tell(
    reportOf(tenantId, { id: old, created_at: daysAgo(30) }),
    reportOf(tenantId, { id: early, created_at: ahead }),
  )
  for (const id of [old, early]) expect(await placeOf(id)).toEqual(['traces.traces_default', 'traces.spans_default'])
  expect((await traces.list(admin)).total).toBe(2)

  await keeper.sweep(inDays(9))
  expect(await placeOf(old)).toEqual([])
  expect(await placeOf(early)).toEqual([nameOf('traces', ahead), nameOf('spans', ahead)])
})

it('days are dropped once they are older than the retention; what they used and cost is still known', async () => {
  const { admin, tenantId } = makeTenant()
  const agentId = newId()
  const [old, young] = [newId(), newId()]
  await traces.tell(
    reportOf(tenantId, { id: old, agent_id: agentId, created_at: daysAgo(2) }),
    reportOf(tenantId, { id: young, agent_id: agentId }),
  )
  const before = await traces.monthCost(admin, agentId)
  const used = async () =>
    (await traces.request(admin, 'GET', '/v1/usage/breakdown?group_by=agent&period=30d')).body['rows']
  const usedBefore = await used()
  expect(usedBefore).toMatchObject([{ key: agentId, request_count: 2, llm_call_count: 2 }])
  await keeper.sweep(inDays(retentionDays - 0.5))
  expect(await daysOf('traces')).not.toContain(dayOf(daysAgo(2)))
  expect(await daysOf('spans')).not.toContain(dayOf(daysAgo(2)))
  expect((await traces.list(admin)).traces.map(({ id }) => id)).toEqual([young])
  expect((await traces.get(admin, old)).status).toBe(404)
  expect(await traces.monthCost(admin, agentId)).toBe(before)
  expect(await used()).toEqual(usedBefore)
  expect(before).toBeGreaterThanOrEqual(callCost)
})

it('a day that was dropped is made again when it is needed', async () => {
  const { tenantId } = makeTenant()
  await keeper.sweep(inDays(30))
  expect(await daysOf('traces')).not.toContain(dayOf(inDays(0)))
  const id = newId()
  await keeper.ensurePartitions([daysAgo(0)], inDays(0))
  await traces.tell(reportOf(tenantId, { id }))
  expect(await placeOf(id)).toEqual([nameOf('traces', daysAgo(0)), nameOf('spans', daysAgo(0))])
})

it('replicas may sweep and take traces in at the same time', async () => {
  const { admin, tenantId } = makeTenant()
  const database = traces.mesh.database('traces')
  const replicas = Array.from({ length: 4 }, () =>
    createPartitionKeeper(createPartitionRows(database, tracePartitions), retentionDays, traces.mesh.log),
  )
  await Promise.all([
    ...replicas.map((replica) => replica.sweep(inDays(4))),
    ...Array.from({ length: 20 }, (_, index) => traces.tell(reportOf(tenantId, { created_at: daysAgo(index % 3) }))),
  ])
  expect((await traces.list(admin)).total).toBe(20)
})

it('no trace is lost when a partition cannot be made', async () => {
  const { admin, tenantId } = makeTenant()
  const [id, createdAt] = [newId(), daysAgo(5)]
  await traces.mesh.database('traces').pool.query(`CREATE TABLE ${nameOf('spans', createdAt)} (taken int)`)
  await traces.tell(reportOf(tenantId, { id, created_at: createdAt }))
  expect(await placeOf(id)).toEqual(['traces.traces_default', 'traces.spans_default'])
  expect((await traces.get(admin, id)).body.spans).toHaveLength(1)
})
