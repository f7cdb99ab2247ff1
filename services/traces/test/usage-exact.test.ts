/** What is known of usage equals what a recount of all spans gives, however they came; and no spans are read for it. */
import { newId } from '@clawmesh/chassis'
import fc from 'fast-check'
import { createPartitionKeeper } from '../src/partitions/use-cases.ts'
import { createPartitionRows, tracePartitions } from '../src/partitions/rows.ts'
import { createAppendRows } from '../src/span-store/postgres/append-rows.ts'
import { createAppend } from '../src/span-store/postgres/append.ts'
import { inHours } from '../src/usage/span-of-time.ts'
import {
  daysAgo,
  makeSpan,
  makeTenant,
  pricedCall,
  reportOf,
  startTraces,
  type Told,
  type TracesHarness,
} from './support.ts'
import { usageAndRecount } from './usage-recount.ts'

let traces: TracesHarness
beforeAll(async () => {
  traces = await startTraces()
})
afterAll(() => traces.stop())

const storeOf = (usageRetentionDays: number) => {
  const database = traces.mesh.database('traces')
  const partitions = createPartitionKeeper(createPartitionRows(database, tracePartitions), 7, traces.mesh.log)
  return createAppend({ store: createAppendRows(database), partitions, usageRetentionDays })
}

const hourMs = 3_600_000
/** Some minutes before or after the turn of an hour of yesterday. */
const at = (minutes: number): string =>
  new Date(Math.floor(Date.now() / hourMs) * hourMs - 24 * hourMs + minutes * 60_000).toISOString()

const agents = [newId(), newId()]
const minutes = fc.integer({ min: -90, max: 90 })
const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined })
const spanOf = fc
  .record({
    place: fc.nat(3),
    minute: minutes,
    status: fc.constantFrom('running' as const, 'completed' as const, 'error' as const),
    type: fc.constantFrom('llm_call' as const, 'llm_call' as const, 'tool_call' as const, 'agent' as const),
    provider: optional(fc.constantFrom('openai', 'house')),
    model: optional(fc.constantFrom('gpt-4o', 'tiny')),
    tokens: fc.nat(5_000),
    cached: optional(fc.nat(5_000)),
  })
  .map((fields) => ({ ...fields, key: fields.place }))
/** What is told of one of few traces: often of one that was told of before, in part, or by another program. */
const tellingOf = fc.record({
  trace: fc.nat(2),
  isOfRun: fc.boolean(),
  isChild: fc.boolean(),
  minute: minutes,
  agent: optional(fc.nat(1)),
  user: optional(fc.constantFrom('ann', 'ben')),
  apiKey: optional(fc.constantFrom('one', 'two')),
  tags: fc.subarray(['team:blue', 'team:red', 'otlp', ':none']),
  status: fc.constantFrom('completed' as const, 'error' as const, 'cancelled' as const),
  recordedMinute: minutes,
  spans: fc.array(spanOf, { maxLength: 4 }),
})

describe('usage', () => {
  it('is that of all spans once each, told late, again, in part and by others, and none of what is erased', async () => {
    const tenants: string[] = []
    await fc.assert(
      fc.asyncProperty(
        fc.array(tellingOf, { minLength: 1, maxLength: 8 }),
        fc.boolean(),
        async (tellings, together) => {
          const { tenantId } = makeTenant()
          tenants.push(tenantId)
          const ids = Array.from({ length: 3 }, newId)
          const spanIds = Array.from({ length: 3 }, () => Array.from({ length: 4 }, newId))
          const events = tellings.map((telling): Told => {
            const { trace, minute, agent, user, apiKey, tags, status, spans, isOfRun, isChild } = telling
            return reportOf(
              tenantId,
              {
                ...{
                  id: ids[trace]!,
                  start_time: at(minute),
                  end_time: at(minute + 1),
                  created_at: at(minute),
                  status,
                },
                ...{ tags, channel: 'http', session_key: 'agent:a:b' },
                ...(isOfRun ? { run_id: ids[trace]! } : {}),
                ...(isChild && trace === 2 ? { parent_trace_id: ids[0]! } : {}),
                ...(agent === undefined ? {} : { agent_id: agents[agent]! }),
                ...(user === undefined ? {} : { user_id: user }),
                ...(apiKey === undefined ? {} : { api_key_id: apiKey }),
              },
              spans.map(({ place, minute: began, type, tokens, cached, provider, model, status: ended }) =>
                makeSpan({
                  ...{ id: spanIds[trace]![place]!, span_type: type, start_time: at(began), status: ended },
                  ...{ input_tokens: tokens, output_tokens: tokens % 7 },
                  ...(provider === undefined ? {} : { provider }),
                  ...(model === undefined ? {} : { model }),
                  ...(cached === undefined ? {} : { metadata: { cache_read_tokens: cached, thinking_tokens: 2 } }),
                }),
              ),
              at(telling.recordedMinute),
            )
          })
          if (together) await Promise.all([traces.tell(...events), traces.tell(...events.toReversed())])
          else for (const each of [...events, events[0]!]) await traces.tell(each)
          const all = await usageAndRecount(traces.mesh.database('traces').pool, [tenantId])
          expect(all.kept).toEqual(all.recount)
          await storeOf(400).erase(tenantId, ids.slice(0, 2))
          const left = await usageAndRecount(traces.mesh.database('traces').pool, [tenantId])
          expect(left.kept).toEqual(left.recount)
        },
      ),
      { numRuns: 40 },
    )
    const { kept } = await usageAndRecount(traces.mesh.database('traces').pool, tenants)
    expect(kept.length).toBeGreaterThan(5)
  })

  it('of what the release before has stored is counted once, by however many replicas', async () => {
    const [one, two] = [makeTenant(), makeTenant()]
    const tenants = [one.tenantId, two.tenantId]
    const reports = tenants.flatMap((tenantId) =>
      Array.from({ length: 30 }, (_, index) => reportOf(tenantId, { created_at: daysAgo(index % 3), user_id: 'ann' })),
    )
    await traces.tell(...reports)
    const before = await usageAndRecount(traces.mesh.database('traces').pool, tenants)
    expect(before.kept).toEqual(before.recount)

    const database = traces.mesh.database('traces')
    await database.pool.query('UPDATE traces.traces SET call_sums = NULL WHERE tenant_id = ANY ($1)', [tenants])
    await database.pool.query('DELETE FROM traces.usage_hours WHERE tenant_id = ANY ($1)', [tenants])
    const store = storeOf(400)
    const countAll = async () => {
      while ((await store.countUncounted(20)) > 0);
    }
    // Told again while it is counted.
    await Promise.all([countAll(), countAll(), traces.tell(...reports.slice(20, 40)), countAll()])
    expect(await usageAndRecount(traces.mesh.database('traces').pool, tenants)).toEqual(before)
  })

  it('is read without a look at spans', async () => {
    const { admin, tenantId } = makeTenant()
    await traces.tell(reportOf(tenantId, { session_key: 'agent:a:b', user_id: 'alice' }))
    const groups = ['provider', 'model', 'channel', 'agent', 'user', 'key', 'tag']
    const paths = [
      ...groups.map((group) => `/v1/usage/breakdown?group_by=${group}`),
      ...['/v1/usage', '/v1/usage/timeseries', '/v1/usage/timeseries?group_by=day', '/v1/usage/summary'],
      ...['/v1/costs/summary', `/v1/costs/summary?from=${daysAgo(1)}&to=${daysAgo(0)}`],
    ]
    const methods = ['usage.get', 'usage.summary', 'quota.usage']
    const call = traces.call({ ...admin, credential: 'gateway-token' })
    const cap = { scope: 'user', metric: 'runs', period: 'day', amount: 5 }
    expect((await traces.request(admin, 'POST', '/v1/usage-caps', cap)).status).toBe(201)
    const { pool } = traces.mesh.database('traces')
    await pool.query('ALTER TABLE traces.spans RENAME TO hidden')
    try {
      for (const path of paths) expect([path, (await traces.request(admin, 'GET', path)).status]).toEqual([path, 200])
      for (const method of methods)
        expect(await traces.mesh.methods('traces').callMethod(call, { method, paramsJson: '{}' })).toBeDefined()
    } finally {
      await pool.query('ALTER TABLE traces.hidden RENAME TO spans')
    }
    expect((await traces.request(admin, 'GET', '/v1/usage/summary')).body).toMatchObject({ current: { llm_calls: 1 } })
  })

  it('is kept for its own time', async () => {
    const { admin, tenantId } = makeTenant()
    await traces.tell(reportOf(tenantId, { created_at: daysAgo(3) }, [pricedCall({ start_time: daysAgo(1) })]))
    await storeOf(2).forgetHours()
    const { body } = await traces.request<{ points: object[] }>(admin, 'GET', '/v1/usage/timeseries?period=7d')
    expect(body.points).toMatchObject([{ request_count: 0, llm_call_count: 1 }])
  })
})

it('a range of time is its whole hours and what it cuts of others, each moment once', () => {
  const time = fc.integer({ min: 0, max: 20 * 60 }).map((minute) => new Date(minute * 60_000))
  fc.assert(
    fc.property(time, optional(time), (from, to) => {
      const { whole, cut } = inHours({ from, to })
      for (const end of [whole.from, whole.to]) expect((end?.getTime() ?? 0) % hourMs).toBe(0)
      const end = new Date(21 * hourMs)
      const minutesOf = (range: { from: Date; to?: Date | undefined }) =>
        Array.from({ length: 20 * 60 }, (_, minute) => minute).filter(
          (minute) => minute * 60_000 >= range.from.getTime() && minute * 60_000 < (range.to ?? end).getTime(),
        )
      const parts = [...cut, whole].flatMap(minutesOf)
      expect(parts.toSorted((a, b) => a - b)).toEqual(minutesOf({ from, to }))
    }),
    { numRuns: 20 },
  )
})
