/** The activity log as a file. */
import { newId } from '@clawmesh/chassis'
import type { Caller } from '@clawmesh/contracts'
import { rule } from '../../../test/support/rule.ts'
import { exportOf } from '../src/activity/export.ts'
import { createActivityRows } from '../src/activity/rows.ts'
import type { ActivityLog } from '../src/activity/use-cases.ts'
import { PrismaClient } from '../src/db/client/client.ts'
import { changeOf, daysAgo, makeTenant, startTraces, type TracesHarness } from './support.ts'

let traces: TracesHarness
beforeAll(async () => {
  traces = await startTraces()
})
afterAll(() => traces.stop())

const exported = async (caller: Caller, query = '') => {
  const answer = await traces.fetch(caller, `/v1/activity/export${query}`)
  const text = await answer.text()
  return { headers: answer.headers, text, lines: text.split('\r\n').slice(0, -1) }
}
const json = async (caller: Caller, query = '') =>
  JSON.parse((await exported(caller, `?format=json${query}`)).text) as { id: string; created_at: string }[]

rule('exportActivity.hasAllThatMatch', async () => {
  const { admin, viewer, tenantId } = makeTenant()
  // More than are read at once, some of one moment.
  const changes = Array.from({ length: 2_001 }, (_, number) =>
    changeOf(
      'agentCreated',
      tenantId,
      { actorId: 'alice' },
      new Date(Date.now() - Math.floor(number / 3)).toISOString(),
    ),
  )
  await traces.tell(...changes, changeOf('agentDeleted', tenantId, { actorId: 'bob' }))
  const all = await json(admin)
  expect(new Set(all.map(({ id }) => id)).size).toBe(2_002)
  expect(all).toHaveLength(2_002)
  expect(all.map(({ created_at }) => created_at)).toEqual(
    all
      .map(({ created_at }) => created_at)
      .toSorted()
      .reverse(),
  )
  expect(await json(admin, '&action=agent.deleted')).toHaveLength(1)
  expect(await json(viewer('bob'))).toHaveLength(1)
  expect(await json(viewer(''))).toEqual([])
  expect(await json(makeTenant().admin)).toEqual([])
})

it('each portion is read from where the last one ended, by the index', async () => {
  const tenant = newId()
  const noTime = { from: undefined, to: undefined }
  const database = traces.mesh.database('traces')
  const prisma = new PrismaClient({ ...database.tenantClientOptions, log: [{ emit: 'event', level: 'query' }] })
  const asked: { query: string; params: string }[] = []
  prisma.$on('query', (statement) => asked.push(statement))
  const last = { id: newId(), createdAt: new Date() } as unknown as ActivityLog
  await createActivityRows((tenantId) => database.clientOf(prisma, tenantId))(tenant).after(noTime, last, 10)
  const { query, params } = asked.find((statement) => statement.query.startsWith('SELECT'))!
  const { rows } = await database
    .forTenant(tenant)
    .query<Record<'QUERY PLAN', string>>(`EXPLAIN ${query}`, JSON.parse(params) as unknown[])
  const plan = rows.map((row) => row['QUERY PLAN'])
  expect(plan.filter((line) => /Index Cond: .*created_at <= /.test(line))).not.toEqual([])
})

it('what fails before the first byte is answered as an error, not as a file', async () => {
  const failing = async function* (): AsyncGenerator<ActivityLog[]> {
    throw new Error('the database is away')
  }
  for (const format of ['csv', 'json'] as const) {
    const reply = exportOf(failing(), format, new Date()) as unknown as { write: (response: object) => Promise<void> }
    const headers: string[] = []
    const response = { setHeader: (name: string) => headers.push(name), writeHead: () => headers.push('head') }
    await expect(reply.write(response)).rejects.toThrow('the database is away')
    expect(headers).toEqual([])
  }
})

rule('exportActivity.filtersByTime', async () => {
  const { admin, tenantId } = makeTenant()
  const times = [daysAgo(3), daysAgo(2), daysAgo(1)]
  await traces.tell(...times.map((time) => changeOf('agentCreated', tenantId, {}, time)))
  const found = await json(admin, `&from=${times[1]}&to=${times[2]}`)
  expect(found.map(({ created_at }) => created_at)).toEqual([times[1]])
  expect(await json(admin, '&from=yesterday')).toHaveLength(3)
})

rule('exportActivity.isCsv', async () => {
  const { admin, tenantId } = makeTenant()
  const change = changeOf('agentUpdated', tenantId, { id: 'a', actorId: '=HYPERLINK("x")', ipAddress: '::1' })
  const data = { ...(change.event.data as object), note: 'two\nlines' }
  await traces.tell({ ...change, event: { ...change.event, data } })
  const { lines } = await exported(admin)
  expect(lines).toEqual([
    'created_at,action,actor_type,actor_id,entity_type,entity_id,ip_address,details,id',
    `${change.event.time},agent.updated,user,"'=HYPERLINK(""x"")",agent,a,::1,"{""note"":""two\\nlines""}",${change.event.id}`,
  ])
})

rule('exportActivity.isJson', async () => {
  const { admin, tenantId } = makeTenant()
  await traces.tell(changeOf('agentCreated', tenantId), changeOf('agentUpdated', tenantId))
  expect(await json(admin)).toEqual((await traces.activity(admin)).logs)
  expect((await exported(admin, '?format=xml')).lines).toHaveLength(3)
})

rule('exportActivity.isAFile', async () => {
  const { admin } = makeTenant()
  const today = new Date().toISOString().slice(0, 10)
  for (const [format, type] of [
    ['csv', 'text/csv; charset=utf-8'],
    ['json', 'application/json'],
  ]) {
    const { headers } = await exported(admin, `?format=${format}`)
    expect(headers.get('content-type')).toBe(type)
    expect(headers.get('content-disposition')).toBe(`attachment; filename="activity-${today}.${format}"`)
    expect(headers.get('cache-control')).toBe('no-store')
  }
})
