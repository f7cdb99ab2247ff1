/** Usage over HTTP and WebSocket, summed up over traces in a real database. */
import { gunzipSync } from 'node:zlib'
import { MemoryServiceService } from '@clawmesh/contracts/gen/clawmesh/memory/v1/memory.ts'
import { TracesServiceService } from '@clawmesh/contracts/gen/clawmesh/traces/v1/traces.ts'
import { newId, type RpcFunctions } from '@clawmesh/chassis'
import { agentOfKey, type Caller } from '@clawmesh/contracts'
import { fakeRpc } from '../../../test/support/fake-rpc.ts'
import { rule } from '../../../test/support/rule.ts'
import { agentInKey } from '../src/span-store/postgres/session-rows.ts'
import { comparedSpans, hoursWithin } from '../src/usage/span-of-time.ts'
import { callCost, makeSpan, makeTenant, pricedCall, reportOf, startTraces, type TracesHarness } from './support.ts'

/** What memory says that it held; tests replace it. */
let getHeld: RpcFunctions<typeof MemoryServiceService>['getHeld']
const nothing: typeof getHeld = async () => ({ states: [] })

let traces: TracesHarness
beforeAll(async () => {
  const memory = fakeRpc(MemoryServiceService, { getHeld: (call, request) => getHeld(call, request) })
  traces = await startTraces({}, {}, [memory])
})
beforeEach(() => {
  getHeld = nothing
})
afterAll(() => traces.stop())

type Body = Record<string, unknown>
const get = async <B = Body>(caller: Caller, path: string): Promise<B> => {
  const { status, body } = await traces.request<B & Body>(caller, 'GET', path)
  expect({ path, status }).toEqual({ path, status: 200 })
  return body
}
const statusOf = async (caller: Caller, path: string) => (await traces.request(caller, 'GET', path)).status
const method = async <R = Body>(caller: Caller, name: string, params: object = {}): Promise<R> => {
  const { resultJson } = await traces.mesh
    .methods('traces')
    .callMethod(traces.call({ ...caller, credential: 'gateway-token' }), {
      method: name,
      paramsJson: JSON.stringify(params),
    })
  return JSON.parse(resultJson) as R
}

const hourMs = 3_600_000
const hoursAgo = (hours: number, minute = 0): string => {
  const hour = Math.floor(Date.now() / hourMs) * hourMs - hours * hourMs
  return new Date(hour + minute * 60_000).toISOString()
}
/** A trace of a time with its calls; one that costs 0.0125 dollars unless said. */
const tell = (tenantId: string, at: string, trace: object = {}, spans = [pricedCall({ start_time: at })]) =>
  traces.tell(reportOf(tenantId, { start_time: at, created_at: at, channel: 'http', user_id: 'ann', ...trace }, spans))
const settled = (caller: Caller, many: number) => traces.list(caller).then(({ total }) => expect(total).toBe(many))

type Point = Record<string, number> & { bucket_time: string }
type Row = Record<string, number> & { key: string }
const series = async (caller: Caller, query = '') =>
  (await get<{ points: Point[] }>(caller, `/v1/usage/timeseries${query}`)).points
const breakdown = async (caller: Caller, query = '') =>
  (await get<{ rows: Row[] }>(caller, `/v1/usage/breakdown${query}`)).rows
const summary = (caller: Caller, query = '') =>
  get<Record<'current' | 'previous', Record<string, number>>>(caller, `/v1/usage/summary${query}`)
const range = (from: string, to: string) => `?from=${from}&to=${to}`

describe('a series', () => {
  rule('getUsageTimeseries.bucketsByTheHour', async () => {
    const { admin, tenantId } = makeTenant()
    await tell(tenantId, hoursAgo(3, 10), { duration_ms: 100, end_time: hoursAgo(3, 11) })
    await tell(tenantId, hoursAgo(3, 40), { user_id: 'ben', status: 'error' })
    await tell(tenantId, hoursAgo(2, 5))
    await settled(admin, 3)
    const points = await series(admin, range(hoursAgo(3), hoursAgo(1)))
    expect(points).toMatchObject([
      {
        bucket_time: hoursAgo(3).replace('.000Z', 'Z'),
        request_count: 2,
        error_count: 1,
        unique_users: 2,
        llm_call_count: 2,
        input_tokens: 2_000,
        output_tokens: 2_000,
        memory_docs: 0,
      },
      { bucket_time: hoursAgo(2).replace('.000Z', 'Z'), request_count: 1, total_cost: callCost },
    ])
    expect(await series(admin, range(hoursAgo(3, 30), hoursAgo(1)))).toEqual(points.slice(1))
    expect(await series(admin, range(hoursAgo(3), hoursAgo(2)))).toEqual(points.slice(0, 1))
  })

  rule('getUsageTimeseries.choosesTheTime', async () => {
    const { admin, tenantId } = makeTenant()
    for (const hours of [2, 50]) await tell(tenantId, hoursAgo(hours))
    await settled(admin, 2)
    expect(await series(admin)).toHaveLength(1)
    expect(await series(admin, '?period=7d')).toHaveLength(2)
    expect(await series(admin, '?period=never')).toHaveLength(1)
    expect(await series(admin, `${range(hoursAgo(51), hoursAgo(49))}&period=1h`)).toHaveLength(1)
    for (const half of [`?from=${hoursAgo(1)}`, `?to=${hoursAgo(1)}`, `?from=yesterday&to=${hoursAgo(1)}`])
      expect([half, await statusOf(admin, `/v1/usage/timeseries${half}`)]).toEqual([half, 400])
  })

  rule('getUsageTimeseries.groupsByDay', async () => {
    const { admin, tenantId } = makeTenant()
    for (const hour of ['01', '23']) await tell(tenantId, `2026-11-20T${hour}:30:00.000Z`)
    await settled(admin, 2)
    const asked = range('2026-11-20T00:00:00Z', '2026-11-21T00:00:00Z')
    const day = [expect.objectContaining({ bucket_time: '2026-11-20T00:00:00Z', request_count: 2 })]
    for (const by of ['group_by=day', 'interval=day', 'interval=week'])
      expect([by, await series(admin, `${asked}&${by}`)]).toEqual([by, day])
    for (const by of ['group_by=hour', 'group_by=minute', 'interval=hour'])
      expect([by, await series(admin, `${asked}&${by}`)]).toEqual([by, [expect.anything(), expect.anything()]])
  })

  rule('getUsageTimeseries.leavesGaps', async () => {
    const { admin, tenantId } = makeTenant()
    for (const hours of [1, 5, 3]) await tell(tenantId, hoursAgo(hours))
    await settled(admin, 3)
    expect((await series(admin)).map(({ bucket_time }) => Date.parse(bucket_time))).toEqual(
      [5, 3, 1].map((hours) => Date.parse(hoursAgo(hours))),
    )
  })

  rule('getUsageTimeseries.tellsWhatMemoryHeld', async () => {
    const { admin, tenantId } = makeTenant()
    const agentId = newId()
    for (const hours of [5, 4, 3, 1]) await tell(tenantId, hoursAgo(hours))
    await settled(admin, 4)
    const asked: unknown[] = []
    getHeld = async ({ caller }, { agentId: agent, fromMs, toMs }) => {
      asked.push([caller.tenantId, agent, toMs - fromMs])
      const state = (hours: number, documents: number) => ({
        ...{ hourMs: Date.parse(hoursAgo(hours)), documents, chunks: 10 * documents },
        ...{ entities: 2, relations: 3 },
      })
      return { states: [state(4, 1), state(2, 5)] }
    }
    const held = (points: Point[]) => points.map((one) => [one.memory_docs, one.memory_chunks, one.kg_entities])
    const lasted = range(hoursAgo(5), hoursAgo(0))
    expect(held(await series(admin, lasted))).toEqual([
      [0, 0, 0],
      [1, 10, 2],
      [1, 10, 2],
      [5, 50, 2],
    ])
    expect((await series(admin, lasted))[1]!.kg_relations).toBe(3)
    expect(await series(admin, `${lasted}&agent_id=${agentId}`)).toEqual([])
    expect(asked).toEqual([
      [tenantId, '', 5 * hourMs],
      [tenantId, '', 5 * hourMs],
      [tenantId, agentId, 5 * hourMs],
    ])
    const day = await series(admin, `${lasted}&group_by=day`)
    expect(held(day).at(-1)).toEqual([5, 50, 2])

    const noneHeld = await series(admin, `${lasted}&channel=http`)
    expect(held(noneHeld)).toEqual(Array.from({ length: 4 }, () => [0, 0, 0]))
    for (const filter of ['provider=openai', 'model=gpt-4o', 'tag=team:one']) await series(admin, `${lasted}&${filter}`)
    expect(asked).toHaveLength(4)

    getHeld = async () => {
      throw new Error('away')
    }
    expect(await series(admin, lasted)).toEqual(noneHeld)
  })

  rule('getUsageTimeseries.sumsRootRuns', async () => {
    const { admin, tenantId } = makeTenant()
    const id = newId()
    await tell(tenantId, hoursAgo(2), { id })
    await tell(tenantId, hoursAgo(2, 1), { parent_trace_id: id })
    await settled(admin, 2)
    expect(await series(admin)).toMatchObject([{ request_count: 1, llm_call_count: 1 }])
  })

  rule('getUsageTimeseries.countsCallsOnly', async () => {
    const { admin, tenantId } = makeTenant()
    const at = hoursAgo(2)
    const cache = { cache_read_tokens: 300, cache_creation_tokens: 20, thinking_tokens: 7 }
    await tell(tenantId, at, {}, [
      pricedCall({ start_time: at, metadata: cache }),
      pricedCall({ start_time: at, provider: 'other', model: 'small', metadata: { cache_read_tokens: 'many' } }),
      makeSpan({ span_type: 'tool_call', tool_name: 'search' }),
    ])
    await settled(admin, 1)
    const all = { request_count: 1, tool_call_count: 1, llm_call_count: 2, cache_read_tokens: 300 }
    expect(await series(admin)).toMatchObject([{ ...all, cache_create_tokens: 20, thinking_tokens: 7 }])
    const calls = { request_count: 0, tool_call_count: 0, unique_users: 0, llm_call_count: 1 }
    for (const filter of ['provider=other', 'model=small', 'provider=openai'])
      expect([filter, await series(admin, `?${filter}`)]).toMatchObject([filter, [calls]])
    expect(await series(admin, '?provider=nobody')).toEqual([])
    expect(await series(admin, '?channel=telegram')).toEqual([])
    expect(await series(admin, `?agent_id=${newId()}`)).toEqual([])
  })

  rule('getUsageTimeseries.countsInTheirHours', async () => {
    const { admin, tenantId } = makeTenant()
    const [id, early] = [newId(), pricedCall({ start_time: hoursAgo(3, 59) })]
    await tell(tenantId, hoursAgo(3, 58), { id }, [early])
    await tell(tenantId, hoursAgo(3, 58), { id }, [early, pricedCall({ start_time: hoursAgo(2, 1) })])
    await tell(tenantId, hoursAgo(3, 58), { id }, [pricedCall({ start_time: hoursAgo(3, 0) })])
    await settled(admin, 1)
    expect(await series(admin)).toMatchObject([
      { request_count: 1, llm_call_count: 2 },
      { request_count: 0, llm_call_count: 1 },
    ])
  })

  rule('getUsageTimeseries.isOpenToViewers', async () => {
    const [{ viewer, tenantId }, other] = [makeTenant(), makeTenant()]
    await tell(tenantId, hoursAgo(2))
    await tell(other.tenantId, hoursAgo(2))
    await settled(other.admin, 1)
    expect(await series(viewer('zoe'))).toMatchObject([{ request_count: 1 }])
  })
})

describe('a breakdown', () => {
  rule('getUsageBreakdown.groups', async () => {
    const { admin, tenantId } = makeTenant()
    const agentId = newId()
    await tell(tenantId, hoursAgo(2), { agent_id: agentId })
    await tell(tenantId, hoursAgo(1), { channel: 'telegram' })
    await settled(admin, 2)
    const keysBy = async (group: string) => (await breakdown(admin, `?group_by=${group}`)).map(({ key }) => key)
    expect(await keysBy('provider')).toEqual(['openai'])
    expect(await keysBy('colour')).toEqual(['openai'])
    expect(await keysBy('model')).toEqual(['gpt-4o'])
    expect((await keysBy('channel')).sort()).toEqual(['http', 'telegram'])
    expect((await keysBy('agent')).sort()).toEqual(['', agentId].sort())
  })

  rule('getUsageBreakdown.showsOwnUsers', async () => {
    const { admin, viewer, tenantId } = makeTenant()
    await tell(tenantId, hoursAgo(2), { api_key_id: 'one' })
    await tell(tenantId, hoursAgo(2), { api_key_id: 'one', user_id: 'ben' }, [
      pricedCall({ start_time: hoursAgo(2), input_tokens: 5 }),
    ])
    await tell(tenantId, hoursAgo(2), { user_id: 'ben' }, [])
    await settled(admin, 3)
    const by = async (group: string, caller: Caller) =>
      (await breakdown(caller, `?group_by=${group}`)).map(({ key, request_count, input_tokens }) => [
        ...[key, request_count, input_tokens],
      ])
    expect(await by('user', admin)).toEqual([
      ['ann', 1, 1_000],
      ['ben', 2, 5],
    ])
    expect(await by('key', admin)).toEqual([
      ['one', 2, 1_005],
      ['', 1, 0],
    ])
    expect(await by('user', viewer('ben'))).toEqual([['ben', 2, 5]])
    expect(await by('key', viewer('ben'))).toEqual([
      ['one', 1, 5],
      ['', 1, 0],
    ])
    expect(await by('user', viewer(''))).toEqual([])
  })

  rule('getUsageBreakdown.countsCallsOnly', async () => {
    const { admin, tenantId } = makeTenant()
    await tell(tenantId, hoursAgo(2))
    await settled(admin, 1)
    const calls = { llm_call_count: 1, input_tokens: 1_000, total_cost: callCost }
    for (const group of ['provider', 'model'])
      expect(await breakdown(admin, `?group_by=${group}`)).toMatchObject([{ ...calls, request_count: 0 }])
    for (const group of ['agent', 'channel'])
      expect(await breakdown(admin, `?group_by=${group}`)).toMatchObject([{ ...calls, request_count: 1 }])
  })

  rule('getUsageBreakdown.sorts', async () => {
    const { admin, tenantId } = makeTenant()
    const call = (model: string, input_tokens: number) => [pricedCall({ model, input_tokens })]
    await tell(tenantId, hoursAgo(2), { channel: 'cron' }, call('small', 10))
    await tell(tenantId, hoursAgo(2), { channel: 'cron' }, call('small', 10))
    await tell(tenantId, hoursAgo(2), { channel: undefined }, call('large', 500))
    await tell(tenantId, hoursAgo(2), { channel: 'ws' }, call('large', 500))
    await settled(admin, 4)
    expect((await breakdown(admin, '?group_by=model')).map(({ key }) => key)).toEqual(['large', 'small'])
    expect(await breakdown(admin, '?group_by=channel')).toMatchObject([
      { key: 'cron', request_count: 2 },
      { key: 'ws', request_count: 1 },
    ])
  })

  rule('getUsageBreakdown.choosesTheTime', async () => {
    const { admin, tenantId } = makeTenant()
    await tell(tenantId, hoursAgo(50))
    await settled(admin, 1)
    expect(await breakdown(admin)).toEqual([])
    expect(await breakdown(admin, '?period=30d')).toHaveLength(1)
    expect(await breakdown(admin, range(hoursAgo(51), hoursAgo(49)))).toHaveLength(1)
    expect(await statusOf(admin, `/v1/usage/breakdown?from=${hoursAgo(2)}`)).toBe(400)
  })

  rule('getUsageBreakdown.isOpenToViewers', async () => {
    const [{ viewer, tenantId }, other] = [makeTenant(), makeTenant()]
    await tell(tenantId, hoursAgo(2))
    await tell(other.tenantId, hoursAgo(2))
    await settled(other.admin, 1)
    expect(await breakdown(viewer('zoe'))).toMatchObject([{ llm_call_count: 1 }])
  })
})

describe('a summary', () => {
  rule('getUsageSummary.comparesWithTheTimeBefore', async () => {
    const now = new Date('2026-11-20T10:30:00Z')
    const at = (text: string) => new Date(`2026-11-${text}:00Z`)
    expect(comparedSpans({ period: 'today' }, now)).toEqual({
      current: { from: at('20T00:00'), to: now },
      previous: { from: at('19T00:00'), to: at('20T00:00') },
    })
    expect(comparedSpans({ period: '1h' }, now)).toEqual({
      current: { from: at('20T09:30'), to: now },
      previous: { from: at('20T08:30'), to: at('20T09:30') },
    })
    expect(hoursWithin({ from: at('20T09:30'), to: now })).toEqual({ from: at('20T10:00'), to: at('20T11:00') })
    const { admin, tenantId } = makeTenant()
    for (const hours of [2, 30, 31]) await tell(tenantId, hoursAgo(hours))
    await settled(admin, 3)
    expect(await summary(admin)).toMatchObject({
      current: { requests: 1, cost: callCost, input_tokens: 1_000, llm_calls: 1, errors: 0 },
      previous: { requests: 2 },
    })
  })

  rule('getUsageSummary.prefersThePeriod', async () => {
    const { admin, tenantId } = makeTenant()
    await tell(tenantId, hoursAgo(50))
    await settled(admin, 1)
    const asked = range(hoursAgo(51), hoursAgo(49))
    const requests = async (query: string) => (await summary(admin, query)).current['requests']
    for (const query of [asked, `${asked}&period=custom`]) expect([query, await requests(query)]).toEqual([query, 1])
    for (const query of [`${asked}&period=24h`, `${asked}&period=ages`, `?from=${hoursAgo(51)}`, '?from=x&to=y'])
      expect([query, await requests(query)]).toEqual([query, 0])
  })

  rule('getUsageSummary.countsUsersOnce', async () => {
    const { admin, tenantId } = makeTenant()
    for (const hours of [3, 2, 1]) await tell(tenantId, hoursAgo(hours))
    await tell(tenantId, new Date().toISOString(), { user_id: 'ben' })
    await settled(admin, 4)
    expect((await summary(admin)).current).toMatchObject({ requests: 4, unique_users: 2 })
  })

  rule('getUsageSummary.narrowsBoth', async () => {
    const { admin, tenantId } = makeTenant()
    const agent_id = newId()
    for (const hours of [2, 30]) await tell(tenantId, hoursAgo(hours), { agent_id })
    await settled(admin, 2)
    const both = (requests: number, llm_calls: number) => ({
      current: { requests, llm_calls },
      previous: { requests, llm_calls },
    })
    for (const filter of [`agent_id=${agent_id}`, 'channel=http', 'agent_id=no-id'])
      expect(await summary(admin, `?${filter}`)).toMatchObject(both(1, 1))
    for (const filter of [`agent_id=${newId()}`, 'channel=none', 'model=none'])
      expect(await summary(admin, `?${filter}`)).toMatchObject(both(0, 0))
    for (const filter of ['provider=openai', 'model=gpt-4o'])
      expect(await summary(admin, `?${filter}`)).toMatchObject(both(0, 1))
  })

  rule('getUsageSummary.isOpenToViewers', async () => {
    const [{ viewer, tenantId }, other] = [makeTenant(), makeTenant()]
    await tell(tenantId, hoursAgo(2))
    await tell(other.tenantId, hoursAgo(2))
    await settled(other.admin, 1)
    expect((await summary(viewer('zoe'))).current).toMatchObject({ requests: 1 })
  })
})

describe('usage by session', () => {
  interface Page {
    records: Record<string, unknown>[]
    total: number
    limit: number
    offset: number
    totals: Record<string, number>
  }
  const usage = (caller: Caller, query = '') => get<Page>(caller, `/v1/usage${query}`)
  const key = (agent: string, name: string) => `agent:${agent}:${name}`
  /** Two sessions of two users and agents, the second one later; and one without tokens. */
  const fill = async (tenantId: string) => {
    const agentId = newId()
    await tell(tenantId, hoursAgo(4), { session_key: key('helper', 'a'), agent_id: agentId })
    await tell(tenantId, hoursAgo(3), { session_key: key('helper', 'a'), agent_id: agentId }, [
      pricedCall({ model: 'late', start_time: hoursAgo(3), output_tokens: 5 }),
    ])
    await tell(tenantId, hoursAgo(2), { session_key: key('writer', 'b'), user_id: 'ben', channel: 'ws' })
    await tell(tenantId, hoursAgo(1), { session_key: key('idle', 'c') }, [makeSpan({ span_type: 'agent' })])
    return agentId
  }
  const keysOf = ({ records }: Pick<Page, 'records'>) => records.map((record) => record['sessionKey'])

  rule('getUsage.listsSessionsWithTokens', async () => {
    const { admin, tenantId } = makeTenant()
    await fill(tenantId)
    await settled(admin, 4)
    const { records, total } = await usage(admin)
    expect(total).toBe(2)
    expect(records).toMatchObject([
      { agentId: 'writer', sessionKey: key('writer', 'b'), model: 'gpt-4o' },
      {
        agentId: 'helper',
        sessionKey: key('helper', 'a'),
        model: 'late',
        provider: 'openai',
        inputTokens: 2_000,
        outputTokens: 1_005,
        totalTokens: 3_005,
      },
    ])
  })

  rule('getUsage.showsOwnSessionsOnly', async () => {
    const { admin, viewer, tenantId } = makeTenant()
    await fill(tenantId)
    await settled(admin, 4)
    const own = await usage(viewer('ben'))
    expect(keysOf(own)).toEqual([key('writer', 'b')])
    expect(own.totals).toMatchObject({ requests: 1, input_tokens: 1_000 })
    expect(await usage(viewer(''))).toMatchObject({ records: [], total: 0, totals: { requests: 0 } })
  })

  rule('getUsage.takesAgentsByIdOrKey', async () => {
    const { admin, tenantId } = makeTenant()
    const agentId = await fill(tenantId)
    await settled(admin, 4)
    for (const agent of [agentId, 'helper']) {
      const found = await usage(admin, `?agent_id=${agent}`)
      expect(keysOf(found)).toEqual([key('helper', 'a')])
      expect(found.totals).toMatchObject({ requests: 2 })
    }
    expect(await usage(admin, '?agent_id=nobody')).toMatchObject({ records: [], totals: { requests: 0 } })
  })

  rule('getUsage.filters', async () => {
    const { admin, tenantId } = makeTenant()
    await fill(tenantId)
    await settled(admin, 4)
    const found = async (query: string) => keysOf(await usage(admin, `?${query}`))
    expect(await found('channel=ws')).toEqual([key('writer', 'b')])
    expect(await found('model=late')).toEqual([key('helper', 'a')])
    expect(await found('provider=nobody')).toEqual([])
    expect(await found(`from=${hoursAgo(2)}`)).toEqual([key('writer', 'b')])
    expect(await found(`to=${hoursAgo(2)}`)).toEqual([key('helper', 'a')])
    expect(await found('from=yesterday')).toHaveLength(2)
  })

  rule('getUsage.sumsAll', async () => {
    const { admin, tenantId } = makeTenant()
    await fill(tenantId)
    await settled(admin, 4)
    const first = await usage(admin, '?limit=1')
    expect(first).toMatchObject({ total: 2, limit: 1, offset: 0, totals: { requests: 4, input_tokens: 3_000 } })
    expect(keysOf(first)).toEqual([key('writer', 'b')])
    expect(keysOf(await usage(admin, '?limit=1&offset=1'))).toEqual([key('helper', 'a')])
    expect(await usage(admin, '?offset=7')).toMatchObject({ records: [], total: 2, offset: 2, totals: first.totals })
  })

  rule('getUsage.capsThePage', async () => {
    const { admin } = makeTenant()
    expect(await usage(admin, '?limit=1000')).toMatchObject({ limit: 200, records: [] })
    expect(await usage(admin)).toMatchObject({ limit: 20, offset: 0 })
    expect(await statusOf(admin, '/v1/usage?limit=0')).toBe(400)
  })

  rule('usage.get.isAsOverHttp', async () => {
    const { admin, viewer, tenantId } = makeTenant()
    await fill(tenantId)
    await settled(admin, 4)
    const { totals: _totals, ...overHttp } = await usage(admin, '?limit=1&offset=1')
    expect(await method(admin, 'usage.get', { limit: 1, offset: 1 })).toEqual(overHttp)
    expect(keysOf(await method(admin, 'usage.get', { agent_id: 'helper' }))).toEqual([key('helper', 'a')])
    expect(keysOf(await method(viewer('ben'), 'usage.get'))).toEqual([key('writer', 'b')])
  })

  rule('usage.summary.sumsSessions', async () => {
    const { admin, viewer, tenantId } = makeTenant()
    await fill(tenantId)
    await settled(admin, 4)
    const writer = { inputTokens: 1_000, outputTokens: 1_000, totalTokens: 2_000, sessions: 1 }
    expect(await method(admin, 'usage.summary')).toEqual({
      byAgent: { helper: { inputTokens: 2_000, outputTokens: 1_005, totalTokens: 3_005, sessions: 1 }, writer },
      totalRecords: 2,
    })
    expect(await method(viewer('ben'), 'usage.summary')).toEqual({ byAgent: { writer }, totalRecords: 1 })
    expect(await method(viewer(''), 'usage.summary')).toEqual({ byAgent: {}, totalRecords: 0 })
  })
})

it('SQL and the contracts agree on the agent that a session key names', async () => {
  const keys = [
    'agent:a:one',
    'agent:a:one:more',
    'agent:a',
    'agent::one',
    'agent:',
    'agents:a:one',
    'a',
    '',
    ':agent:a:',
    'agent:a:',
  ]
  const { rows } = await traces.mesh
    .database('traces')
    .forTenant(newId())
    .query<{ key: string; agent: string | null }>(
      `SELECT session_key AS key, ${agentInKey} AS agent FROM unnest($1::text[]) AS session_key`,
      [keys],
    )
  expect(rows).toEqual(keys.map((key) => ({ key, agent: agentOfKey(key) ?? null })))
  expect(rows.map(({ agent }) => agent).filter((agent) => agent !== null)).toEqual(['a', 'a', 'a'])
})

describe('cost tags', () => {
  const tagged = async () => {
    const { admin, tenantId } = makeTenant()
    await tell(tenantId, hoursAgo(2), { tags: ['team:blue', 'customer:acme'], session_key: 'agent:a:one' })
    await tell(tenantId, hoursAgo(2), { tags: ['team:blue', 'team:blue', 'otlp'], session_key: 'agent:a:two' })
    await tell(tenantId, hoursAgo(2), { session_key: 'agent:a:three' })
    await settled(admin, 3)
    return admin
  }
  const asked = '?tag=customer:acme&period=24h'

  rule('getUsageBreakdown.countsUnderEachTag', async () => {
    const rows = await breakdown(await tagged(), '?group_by=tag')
    expect(rows.map(({ key, request_count, total_cost }) => [key, request_count, total_cost])).toEqual([
      ['team:blue', 2, 2 * callCost],
      ['customer:acme', 1, callCost],
    ])
  })
  rule('getUsageBreakdown.narrowsToATag', async () => {
    const admin = await tagged()
    expect(await breakdown(admin, asked)).toMatchObject([{ total_cost: callCost }])
    expect(await breakdown(admin, '?tag=customer:none')).toEqual([])
    expect(await breakdown(admin, '?tag=')).toMatchObject([{ llm_call_count: 3 }])
  })
  rule('getUsageTimeseries.narrowsToATag', async () => {
    expect(await series(await tagged(), asked)).toMatchObject([{ request_count: 1, total_cost: callCost }])
  })
  rule('getUsageSummary.narrowsToATag', async () => {
    expect(await summary(await tagged(), asked)).toMatchObject({ current: { requests: 1, cost: callCost } })
  })
  rule('getUsage.narrowsToATag', async () => {
    const { records, total } = await get<{ records: Body[]; total: number }>(await tagged(), '/v1/usage?tag=team:blue')
    expect([total, records.map(({ sessionKey }) => sessionKey).toSorted()]).toEqual([2, ['agent:a:one', 'agent:a:two']])
  })
  rule('listTraces.narrowsToATag', async () => {
    const admin = await tagged()
    expect((await traces.list(admin, '?tag=team:blue')).total).toBe(2)
    expect((await traces.list(admin, '?tag=team')).total).toBe(0)
    expect((await traces.list(admin, '?tag=')).total).toBe(3)
  })
})

describe('the quota', () => {
  rule('quota.usage.countsToday', async () => {
    const { admin, tenantId } = makeTenant()
    const today = new Date().toISOString()
    await tell(tenantId, today)
    await tell(tenantId, today, { user_id: 'ben' })
    await tell(tenantId, hoursAgo(25))
    await settled(admin, 3)
    expect(await method(admin, 'quota.usage')).toMatchObject({
      requestsToday: 2,
      inputTokensToday: 2_000,
      outputTokensToday: 2_000,
      costToday: 2 * callCost,
      uniqueUsersToday: 2,
    })
  })

  rule('quota.usage.isSwitchedOff', async () => {
    const { viewer } = makeTenant()
    const off = { enabled: false, entries: [], requestsToday: 0 }
    expect(await method(viewer('ann'), 'quota.usage')).toMatchObject(off)
    const { admin } = makeTenant()
    // None of them is a hard cap on the runs of users in a day.
    for (const other of [{ mode: 'soft' }, { metric: 'tokens' }, { period: 'month' }, { enabled: false }])
      await cap(admin, { amount: 5, ...other })
    expect(await method(admin, 'quota.usage')).toMatchObject(off)
  })

  const cap = async (admin: Caller, fields: object) => {
    const body = { scope: 'user', metric: 'runs', period: 'day', ...fields }
    expect((await traces.request(admin, 'POST', '/v1/usage-caps', body)).status).toBe(201)
  }
  const entriesOf = async (caller: Caller) => (await method<{ entries: Body[] }>(caller, 'quota.usage')).entries

  rule('quota.usage.listsUsers', async () => {
    const { admin, viewer, tenantId } = makeTenant()
    await cap(admin, { amount: 5, subject: 'nobody' })
    const now = new Date().toISOString()
    await tell(tenantId, now, { user_id: 'ben' })
    for (const hours of [0, 5, 30, 24 * 8])
      await tell(tenantId, new Date(Date.now() - hours * hourMs).toISOString(), { user_id: 'ann' })
    await tell(tenantId, now, { user_id: 'ben', parent_trace_id: newId() })
    await traces.list(admin)
    const windows = (hour: number, day: number, week: number) => ({
      hour: { used: hour, limit: 0 },
      day: { used: day, limit: 0 },
      week: { used: week, limit: 0 },
    })
    const [ann, ben] = [
      { userId: 'ann', ...windows(1, 2, 3) },
      { userId: 'ben', ...windows(1, 1, 1) },
    ]
    expect(await method(admin, 'quota.usage')).toMatchObject({ enabled: true, entries: [ann, ben] })
    expect(await entriesOf(viewer('ben'))).toEqual([ben])
    expect(await entriesOf(viewer('eve'))).toEqual([])
    for (let user = 0; user < 50; user++) await tell(tenantId, now, { user_id: `user-${user}` })
    await traces.list(admin)
    expect(await entriesOf(admin)).toHaveLength(50)
  })

  rule('quota.usage.showsWhatIsEnforced', async () => {
    const { admin, tenantId } = makeTenant()
    await cap(admin, { amount: 5 })
    await cap(admin, { amount: 9, subject: 'ben' })
    const now = new Date().toISOString()
    for (const user_id of ['ann', 'ben']) await tell(tenantId, now, { user_id })
    await traces.list(admin)
    const planned = { apiKey: '', agent: '', provider: 'openai', model: 'gpt-4o', inputTokens: 1, outputTokens: 1 }
    for (let run = 0; run < 2; run++)
      await traces.rpc(TracesServiceService).reserveUsage(traces.call(admin), {
        reservationId: newId(),
        subjects: { ...planned, user: 'ann' },
        ...planned,
        beginsRun: true,
      })
    expect(await entriesOf(admin)).toMatchObject([
      { userId: 'ann', hour: { used: 1, limit: 0 }, day: { used: 2, limit: 5 } },
      { userId: 'ben', day: { used: 0, limit: 9 } },
    ])
  })
})

describe('an export', () => {
  interface Entry {
    trace: { id: string; user_id: string }
    spans: { id: string }[]
    sub_traces?: Entry[]
    exported_at?: string
  }
  const download = async (caller: Caller, id: string) => {
    const answer = await traces.fetch(caller, `/v1/traces/${id}/export`)
    return { answer, bytes: Buffer.from(await answer.arrayBuffer()) }
  }
  const read = (bytes: Buffer) => JSON.parse(gunzipSync(bytes).toString()) as Entry

  describe('of one trace', () => {
    const id = newId()
    let admin: Caller
    let exported: Awaited<ReturnType<typeof download>>
    beforeAll(async () => {
      const { admin: caller, tenantId } = makeTenant()
      admin = caller
      await tell(tenantId, hoursAgo(1), { id })
      await settled(admin, 1)
      exported = await download(admin, id)
    })
    rule('exportTrace.isAGzipFile', async () => {
      const { headers } = exported.answer
      expect([headers.get('content-type'), headers.get('content-encoding')]).toEqual(['application/gzip', null])
      expect(() => gunzipSync(exported.bytes)).not.toThrow()
    })
    rule('exportTrace.namesTheFile', async () => {
      const name = `trace-${id.slice(0, 8)}-${new Date().toISOString().slice(0, 10).replaceAll('-', '')}.json.gz`
      expect(exported.answer.headers.get('content-disposition')).toBe(`attachment; filename="${name}"`)
    })
    rule('exportTrace.holdsWhatIsShown', async () => {
      const { exported_at, ...entry } = read(exported.bytes)
      expect(entry).toEqual((await traces.get(admin, id)).body)
      expect(Date.parse(exported_at!)).toBeGreaterThan(Date.now() - hourMs)
    })
  })

  rule('exportTrace.nestsDescendants', async () => {
    const { admin, tenantId } = makeTenant()
    const ids = Array.from({ length: 13 }, newId)
    for (const [at, id] of ids.entries())
      await tell(tenantId, hoursAgo(2, at), { id, ...(at === 0 ? {} : { parent_trace_id: ids[at - 1] }) })
    const [late, early] = [newId(), newId()]
    await tell(tenantId, hoursAgo(1, 9), { id: late, parent_trace_id: ids[0] })
    await tell(tenantId, hoursAgo(1, 3), { id: early, parent_trace_id: ids[0] })
    await settled(admin, 15)
    const root = read((await download(admin, ids[0]!)).bytes)
    expect(root.sub_traces!.map(({ trace }) => trace.id)).toEqual([ids[1], early, late])
    expect(root.sub_traces![2]).not.toHaveProperty('sub_traces')
    const depthOf = (entry: Entry): number => 1 + Math.max(0, ...(entry.sub_traces ?? []).map(depthOf))
    expect(depthOf(root)).toBe(11)
    expect(root.sub_traces![0]!.spans).toHaveLength(1)
  })

  rule('exportTrace.hidesOthersRuns', async () => {
    const { admin, viewer, tenantId } = makeTenant()
    const [id, child] = [newId(), newId()]
    await tell(tenantId, hoursAgo(2), { id })
    await tell(tenantId, hoursAgo(1), { id: child, parent_trace_id: id, user_id: 'ben' })
    await settled(admin, 2)
    expect((await download(viewer('ben'), id)).answer.status).toBe(404)
    expect((await download(makeTenant().admin, id)).answer.status).toBe(404)
    const { sub_traces } = read((await download(viewer('ann'), id)).bytes)
    expect(sub_traces).toMatchObject([{ trace: { id: child, user_id: 'ben' } }])
  })
})
