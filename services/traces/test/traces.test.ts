/** The contract of traces over a real database, fed by events. */
import { StatusServiceService } from '@clawmesh/contracts/gen/clawmesh/agents/v1/status.ts'
import { newId, type RpcFunctions } from '@clawmesh/chassis'
import { storedTraces, storedTracesSubject } from '@clawmesh/contracts'
import { until } from '../../../test/support/eventually.ts'
import { fakeRpc } from '../../../test/support/fake-rpc.ts'
import { rule, ruleName } from '../../../test/support/rule.ts'
import {
  badEvent,
  callCost,
  daysAgo,
  makeSpan,
  makeTenant,
  pricedCall,
  startTraces,
  reportOf,
  rowOf,
  type TracesHarness,
} from './support.ts'
import { usageAndRecount } from './usage-recount.ts'

let traces: TracesHarness
type ListRunning = RpcFunctions<typeof StatusServiceService>['listRunning']
const noRuns: ListRunning = async () => ({ runs: [] })
/** What agents tell of runs that are on. */
let listRunning = noRuns
beforeAll(async () => {
  traces = await startTraces(
    {
      CLAWMESH_MODEL_PRICES:
        '{"house/tiny": {"input_per_million": 1, "output_per_million": 2, "cache_read_per_million": 0.5}}',
    },
    {},
    [fakeRpc(StatusServiceService, { listRunning: (call, request) => listRunning(call, request) })],
  )
})
afterAll(() => traces.stop())

const stored = async (table: string, tenantId: string) =>
  (await traces.mesh.database('traces').pool.query(`SELECT * FROM traces.${table} WHERE tenant_id = $1`, [tenantId]))
    .rows

describe('a recorded trace', () => {
  it('is answered with its root first of the spans that began with it', async () => {
    const { admin, tenantId } = makeTenant()
    const [first, id, root] = [newId(), newId(), newId()]
    const at = { start_time: daysAgo(0), end_time: daysAgo(0) }
    const spans = [
      makeSpan({ id: first, parent_span_id: root, ...at }),
      makeSpan({ id: root, span_type: 'agent', ...at }),
      makeSpan({ parent_span_id: root, ...at }),
    ]
    await traces.tell(reportOf(tenantId, { id }, spans))
    const { body } = await traces.get(admin, id)
    expect((body.spans as { id: string }[]).slice(0, 2).map((span) => span.id)).toEqual([root, first])
  })

  it('is answered with its spans in the order of their start, counted and priced', async () => {
    const { admin, tenantId } = makeTenant()
    const [id, root, agentId] = [newId(), newId(), newId()]
    const at = (second: number) => `2026-11-20T10:00:0${second}.000Z`
    const createdAt = daysAgo(0)
    const spans = [
      makeSpan({
        parent_span_id: root,
        span_type: 'tool_call',
        tool_name: 'search',
        start_time: at(2),
        end_time: at(3),
        input_preview: '{"q":"x"}',
      }),
      pricedCall({ parent_span_id: root, start_time: at(1), end_time: at(2), metadata: { cache_read_tokens: 400 } }),
      makeSpan({ id: root, span_type: 'agent', name: 'chat helper', start_time: at(0), end_time: at(4) }),
      makeSpan({ provider: 'house', model: 'tiny', input_tokens: 500_000, output_tokens: 0, start_time: at(3) }),
    ]
    await traces.tell(
      reportOf(
        tenantId,
        {
          id,
          agent_id: agentId,
          user_id: 'alice',
          start_time: at(0),
          end_time: at(4),
          created_at: createdAt,
          tags: ['a'],
        },
        spans,
      ),
    )

    const { status, body } = await traces.get(admin, id)
    expect(status).toBe(200)
    expect(body.trace).toEqual({
      id,
      agent_id: agentId,
      user_id: 'alice',
      start_time: at(0),
      end_time: at(4),
      duration_ms: 4_000,
      total_input_tokens: 501_000,
      total_output_tokens: 1_000,
      // 400 of the 1,000 tokens came from the cache, at half the price.
      total_cost: callCost - 0.0005 + 0.5,
      span_count: 4,
      llm_call_count: 2,
      tool_call_count: 1,
      status: 'completed',
      metadata: { total_cache_read_tokens: 400 },
      tags: ['a'],
      created_at: createdAt,
    })
    expect(body.spans.map(({ start_time }) => start_time)).toEqual([at(0), at(1), at(2), at(3)])
    expect(body.spans[1]).toEqual({
      ...spans[1],
      trace_id: id,
      tenant_id: tenantId,
      duration_ms: 1_000,
      level: 'DEFAULT',
      total_cost: callCost - 0.0005,
      created_at: createdAt,
    })
    expect(body.spans[2]).toMatchObject({ tool_name: 'search', input_preview: '{"q":"x"}' })
    expect(body.spans[2]).not.toHaveProperty('total_cost')
  })

  it('shows no credentials and no more of a preview than is kept', async () => {
    const { admin, tenantId } = makeTenant()
    const id = newId()
    const key = `sk-${'a1B2'.repeat(10)}`
    const span = makeSpan({
      input_preview: `my key is ${key} ${'x'.repeat(50_000)}`,
      output_preview: `{"api_key":"hunter2hunter2"}`,
      error: `401 for ${key}`,
      model_params: { headers: { authorization: key } },
      metadata: { note: key },
    })
    await traces.tell(reportOf(tenantId, { id, input_preview: key, output_preview: key, error: key }, [span]))
    const { body } = await traces.get(admin, id)
    expect(JSON.stringify(body)).not.toContain(key)
    expect(JSON.stringify(body)).not.toContain('hunter2')
    expect(body.spans[0]!.input_preview!.length).toBeLessThanOrEqual(40_000)
    expect(body.spans[0]!.input_preview).toContain('characters omitted')
    expect(body.spans[0]!.model_params).toEqual({ headers: { authorization: '[REDACTED]' } })
  })

  it('is stored whatever PostgreSQL thinks of its texts and numbers', async () => {
    const { admin, tenantId } = makeTenant()
    const id = newId()
    const [nul, half] = ['a\0b', 'a\ud800b']
    const span = makeSpan({
      name: 'n'.repeat(100_000),
      tool_name: nul,
      input_preview: nul,
      output_preview: half,
      metadata: { [nul]: half, cache_read_tokens: Number.MAX_SAFE_INTEGER },
      input_tokens: Number.MAX_SAFE_INTEGER,
      output_tokens: -5,
      duration_ms: Number.MAX_SAFE_INTEGER,
      model: 'gpt-4o',
    })
    await traces.tell(
      reportOf(tenantId, { id, session_key: `${nul}${'k'.repeat(10_000)}`, channel: nul.repeat(50), tags: [half] }, [
        span,
        span,
      ]),
    )
    const { body } = await traces.get(admin, id)
    expect(body.trace).toMatchObject({ total_input_tokens: 2_147_483_647, total_output_tokens: 0, span_count: 1 })
    const query = `?session_key=${encodeURIComponent(body.trace.session_key!)}`
    expect((await traces.list(admin, query)).total).toBe(1)
  })
})

describe('intake', () => {
  it('tells whoever watches of what is stored, each user by itself', async () => {
    const { tenantId } = makeTenant()
    const signals: unknown[] = []
    const stop = traces.mesh.bus.subscribe(storedTracesSubject(tenantId), (message) => void signals.push(message))
    const [first, second, nobodys] = [newId(), newId(), newId()]
    await traces.tell(
      reportOf(tenantId, { id: first, user_id: 'alice' }),
      reportOf(tenantId, { id: nobodys }),
      reportOf(tenantId, { id: second, user_id: 'alice' }),
    )
    const idsOf = (userId: string) =>
      signals.flatMap((message) => {
        const { userId: whose, traceIds } = storedTraces.parse(message)
        return whose === userId ? traceIds : []
      })
    await until(() => idsOf('alice').length === 2 && idsOf('').length === 1)
    expect([idsOf('alice').sort(), idsOf('')]).toEqual([[first, second].sort(), [nobodys]])
    stop()
  })

  it('leaves the same rows and the same costs when events come again', async () => {
    const { admin, tenantId } = makeTenant()
    const agentId = newId()
    const events = Array.from({ length: 5 }, () =>
      reportOf(tenantId, { agent_id: agentId }, [pricedCall(), makeSpan()]),
    )
    const look = async () => {
      const rows = (await stored('traces', tenantId)).map(({ revision: _, ...row }) => row)
      return { rows, spans: await stored('spans', tenantId), month: await traces.monthCost(admin, agentId) }
    }
    await traces.tell(...events)
    const once = await look()
    await traces.tell(...events.toReversed())
    await traces.tell(events[2]!, events[2]!)
    const again = await look()
    const byId = (rows: { id: string }[]) => rows.toSorted((a, b) => (a.id < b.id ? -1 : 1))
    expect({ ...again, rows: byId(again.rows), spans: byId(again.spans) }).toEqual({
      ...once,
      rows: byId(once.rows),
      spans: byId(once.spans),
    })
    expect(once.month).toBeCloseTo(5 * callCost, 8)
    expect(once.spans).toHaveLength(10)
  })

  it('counts once when two replicas handle the same batch at the same time', async () => {
    const { admin, tenantId } = makeTenant()
    const agentId = newId()
    const events = Array.from({ length: 40 }, () => reportOf(tenantId, { agent_id: agentId }))
    // The same runs, reported by someone whose clock is off.
    const others = events.map(({ subject, event }) => {
      const { trace, spans } = event.data as { trace: object; spans: object[] }
      return { subject, event: { ...event, data: { trace: { ...trace, created_at: daysAgo(0.1) }, spans } } }
    })
    await Promise.all([traces.tell(...events), traces.tell(...others.toReversed()), traces.tell(...events)])
    expect((await traces.list(admin)).total).toBe(40)
    expect(await traces.monthCost(admin, agentId)).toBeCloseTo(40 * callCost, 8)
  })

  it.each([
    ['in the order they were reported', [0, 1]],
    ['in the other order', [1, 0]],
  ])('lets the later word on a run stand and keeps the spans of both, %s', async (_, order) => {
    const { admin, tenantId } = makeTenant()
    const [id, agentId] = [newId(), newId()]
    const running = pricedCall({ status: 'running' })
    const ran = { id, agent_id: agentId, output_preview: 'partly' }
    const words = [
      reportOf(tenantId, ran, [running, pricedCall()], '2026-11-20T10:00:00Z'),
      // Reported by another replica, which read the time from elsewhere.
      reportOf(
        tenantId,
        { id, agent_id: agentId, status: 'error', error: 'lost', created_at: daysAgo(0.5) },
        [{ ...running, status: 'error' }, makeSpan({ span_type: 'tool_call' })],
        '2026-11-20T10:05:00Z',
      ),
    ]
    for (const index of order) await traces.tell(words[index]!)
    const { body } = await traces.get(admin, id)
    expect(body.trace).toMatchObject({ status: 'error', error: 'lost', output_preview: 'partly', span_count: 3 })
    expect(body.trace).toMatchObject({ llm_call_count: 2, tool_call_count: 1, total_cost: 2 * callCost })
    expect(body.spans.find((span) => span.id === running.id)!.status).toBe('error')
    expect((await traces.list(admin)).total).toBe(1)
    expect(await traces.monthCost(admin, agentId)).toBeCloseTo(2 * callCost, 8)
  })

  it('takes the others of a batch with events that are no traces, which end with the dead ones', async () => {
    const { admin, tenantId } = makeTenant()
    // Deeper than it could be written down.
    const deep = `${'{"deep":'.repeat(50_000)}"x"${'}'.repeat(50_000)}`
    const good = reportOf(tenantId)
    const reported = [
      reportOf(tenantId),
      badEvent(tenantId, { trace: { id: 'no uuid' }, spans: [] }),
      badEvent(tenantId, null),
      badEvent(tenantId, {
        trace: (good.event.data as { trace: object }).trace,
        spans: [makeSpan({ metadata: { deep: 'DEEP' } })],
      }),
      { ...good, event: { ...good.event, tenantid: 'nobody' } },
      reportOf(tenantId, { created_at: '0000-01-01T00:00:00Z' }),
      reportOf(tenantId, { start_time: '9999-12-31T23:59:59-12:00' }),
      reportOf(tenantId),
    ]
    await traces.bus.publishDurable(
      reported.map(rowOf).map((row) => ({ ...row, payload: row.payload.replace('"DEEP"', deep) })),
    )
    expect((await traces.list(admin)).total).toBe(2)
    expect(await traces.dead('traces-intake', tenantId)).toHaveLength(6)
  })

  it('leaves out only the trace that the database itself refuses, which comes again', async () => {
    const { admin, tenantId } = makeTenant()
    const { pool } = traces.mesh.database('traces')
    await pool.query(`ALTER TABLE traces.traces ADD CONSTRAINT refused CHECK (name <> 'refused')`)
    try {
      const events = ['a', 'b', 'refused', 'c', 'd'].map((name) => reportOf(tenantId, { name }))
      expect(await traces.bus.publishDurable(events.map(rowOf))).toMatchObject([{ id: events[2]!.event.id }])
    } finally {
      await pool.query(`ALTER TABLE traces.traces DROP CONSTRAINT refused`)
    }
    const { traces: found } = await traces.list(admin)
    expect(found.map(({ name }) => name).sort()).toEqual(['a', 'b', 'c', 'd'])
  })
})

describe('listing', () => {
  const { admin, viewer, tenantId } = makeTenant()
  const [agentId, otherAgent] = [newId(), newId()]
  beforeAll(() =>
    traces.tell(
      ...Array.from({ length: 7 }, (_, index) =>
        reportOf(tenantId, {
          name: `run ${index}`,
          created_at: daysAgo((6 - index) / 10),
          user_id: index < 4 ? 'alice' : 'bob',
          agent_id: index % 2 === 0 ? agentId : otherAgent,
          session_key: index === 0 ? 'agent:helper:s' : 'other',
          channel: index === 0 ? 'telegram' : 'http',
          status: index === 5 ? 'error' : 'completed',
        }),
      ),
    ),
  )
  const names = async (query: string, caller = admin) =>
    (await traces.list(caller, query)).traces.map(({ name }) => Number(name!.slice(4)))

  rule('listTraces.ordersByTime', async () => {
    expect(await names('')).toEqual([6, 5, 4, 3, 2, 1, 0])
    expect((await traces.list(makeTenant().admin)).total).toBe(0)
  })

  rule('listTraces.countsAllMatches', async () => {
    const page = await traces.list(admin, '?limit=3&offset=3')
    expect(page).toMatchObject({ total: 7, limit: 3, offset: 3 })
    expect(page.traces.map(({ name }) => name)).toEqual(['run 3', 'run 2', 'run 1'])
    expect(await traces.list(admin, '?offset=9007199254740991')).toMatchObject({ traces: [], total: 7 })
  })

  rule('listTraces.capsThePage', async () => {
    const statusOf = async (query: string) => (await traces.request(admin, 'GET', `/v1/traces${query}`)).status
    expect(await traces.list(admin, '?limit=201')).toMatchObject({ total: 7, limit: 200 })
    expect(await traces.list(admin, '?offset=-1')).toMatchObject({ limit: 50, offset: 0 })
    for (const limit of ['0', '-1', 'many', '']) expect(await statusOf(`?limit=${limit}`)).toBe(400)
  })

  it.each(['?agent_id=none', '?from=yesterday', '?to=never', '?user_id='])(
    ruleName('listTraces.ignoresUnreadableFilters', '%s'),
    async (query) => {
      expect(await traces.list(admin, query)).toMatchObject({ total: 7, limit: 50, offset: 0 })
    },
  )

  it.each([
    [`?agent_id=${agentId}`, [6, 4, 2, 0]],
    ['?user_id=bob', [6, 5, 4]],
    ['?session_key=agent%3Ahelper%3As', [0]],
    ['?channel=telegram', [0]],
    ['?status=error', [5]],
    ['?status=running', []],
    [`?user_id=alice&agent_id=${otherAgent}`, [3, 1]],
    ['?from=0001-01-01T00:00:00Z&to=9999-12-31T23:59:59-14:00', [6, 5, 4, 3, 2, 1, 0]],
  ])('narrows by %s', async (query, expected) => {
    expect(await names(query)).toEqual(expected)
  })

  rule('listTraces.takesSuccess', async () => {
    expect(await names('?status=success')).toEqual([6, 4, 3, 2, 1, 0])
    expect(await names('?status=success')).toEqual(await names('?status=completed'))
  })

  rule('listTraces.filtersByTime', async () => {
    const { traces: all } = await traces.list(admin)
    const [from, to] = [all[4]!.created_at, all[1]!.created_at].map(encodeURIComponent)
    expect(await names(`?from=${from}&to=${to}`)).toEqual([4, 3, 2])
  })

  it.each(['odd', '', 'COMPLETED'])(ruleName('listTraces.refusesUnknownStatuses', '"%s"'), async (status) => {
    const { status: answered, body } = await traces.request(admin, 'GET', `/v1/traces?status=${status}`)
    expect(answered).toBe(400)
    expect(body['error']).toContain('status')
  })

  it('refuses a NUL', async () => {
    expect((await traces.request(admin, 'GET', '/v1/traces?channel=%00')).status).toBe(400)
  })

  rule('listTraces.continuesBehindACursor', async () => {
    const mine = makeTenant()
    const at = daysAgo(0.1)
    const tellMany = (count: number, time: string) =>
      traces.tell(...Array.from({ length: count }, () => reportOf(mine.tenantId, { created_at: time })))
    await tellMany(7, at)
    const seen: string[] = []
    for (let cursor: string | undefined = ''; cursor !== undefined;) {
      const page = await traces.list(mine.admin, `?limit=3${cursor === '' ? '' : `&cursor=${cursor}`}`)
      seen.push(...page.traces.map(({ id }) => id))
      cursor = page.next_cursor
      await tellMany(1, daysAgo(0))
    }
    const all = (await traces.list(mine.admin, `?to=${daysAgo(0.05)}`)).traces.map(({ id }) => id)
    expect(seen).toEqual(all)
    expect(seen).toHaveLength(7)
    for (const cursor of ['odd', '1.2', `${'9'.repeat(50)}.${newId()}`])
      expect((await traces.request(admin, 'GET', `/v1/traces?cursor=${cursor}`)).status).toBe(400)
  })

  rule('listTraces.searches', async () => {
    const mine = makeTenant()
    const said = [
      { name: 'chat Helper', input_preview: 'where is the 100% invoice?' },
      { name: 'chat helper', output_preview: `${'x'.repeat(1_000)} Invoice found` },
      { name: 'cron', error: '账单 not found', user_id: 'bob' },
      { name: 'cron', input_preview: `${'x'.repeat(3_000)} invoice` },
    ]
    await traces.tell(...said.map((fields, at) => reportOf(mine.tenantId, { created_at: daysAgo(at / 10), ...fields })))
    await traces.tell(reportOf(makeTenant().tenantId, { name: 'invoice' }))
    const found = async (query: string, caller = mine.admin) => {
      const { traces: page, total } = await traces.list(caller, `?q=${encodeURIComponent(query)}`)
      expect(total).toBe(page.length)
      return page.map(({ name, error }) => error ?? name)
    }
    expect(await found('invoice HELPER')).toEqual(['chat Helper', 'chat helper'])
    expect(await found('found')).toEqual(['chat helper', '账单 not found'])
    expect(await found('账单')).toEqual(['账单 not found'])
    expect(await found('100%')).toEqual(['chat Helper'])
    expect(await found('10_%')).toEqual([])
    expect(await found(' ')).toHaveLength(4)
    expect(await found('found', mine.viewer('alice'))).toEqual([])
    expect(await found('found', mine.viewer('bob'))).toHaveLength(1)
    const nine = 'chat h e l p e r i nonsense'
    expect(await found(nine)).toEqual(['chat Helper', 'chat helper'])
    expect((await traces.request(admin, 'GET', `/v1/traces?q=${'x'.repeat(201)}`)).status).toBe(400)
  })

  rule('listTraces.searchesTheNewest', async () => {
    const mine = makeTenant()
    const { pool } = traces.mesh.database('traces')
    await pool.query(
      `INSERT INTO traces.traces (tenant_id, id, created_at, start_time, name, total_input_tokens, total_output_tokens,
         total_cost, span_count, llm_call_count, tool_call_count, status, tags, recorded_at, call_sums)
       SELECT $1, gen_random_uuid(), now() - at * interval '1 second', now(), CASE WHEN at % 2000 = 0 THEN 'rare' ELSE 'often' END,
         0, 0, 0, 0, 0, 0, 'completed', '{}', now(), '[]' FROM generate_series(1, 8000) AS at`,
      [mine.tenantId],
    )
    const page = await traces.list(mine.admin, '?q=rare')
    expect([page.traces.length, page.total]).toEqual([2, 2])
    const rest = await traces.list(mine.admin, `?q=rare&cursor=${page.next_cursor}`)
    expect([rest.traces.length, rest.next_cursor]).toEqual([2, undefined])
    expect(await traces.list(mine.admin, '?q=often&limit=2')).toMatchObject({ total: 4_998 })
    const one = await traces.list(mine.admin, '?q=rare&limit=1')
    const next = await traces.list(mine.admin, `?q=rare&limit=1&cursor=${one.next_cursor}`)
    expect([...one.traces, ...next.traces]).toEqual(page.traces)
  })

  describe('while runs are on', () => {
    const mine = makeTenant()
    const minute = 60_000
    const now = Date.now()
    const agoMs = (minutes: number) => now - minutes * minute
    const on = (minutes: number, userId: string, input = 'hello') => ({
      ...{ runId: newId(), agentId: newId(), userId, sessionKey: `agent:helper:${minutes}`, channel: 'http' },
      ...{ name: `on ${minutes}`, input, startedAtMs: agoMs(minutes) },
    })
    const runs = [on(3, 'alice', 'my key is sk-abcdefghijklmnopqrstuvwxyz123456'), on(6, 'bob'), on(9, 'alice')]
    beforeAll(async () => {
      const stored = [2, 4, 5, 7, 8]
      await traces.tell(
        ...stored.map((minutes) =>
          reportOf(mine.tenantId, { name: `at ${minutes}`, created_at: new Date(agoMs(minutes)).toISOString() }),
        ),
      )
      listRunning = async ({ caller }, { runId, userId, agentId }) => ({
        runs: runs.filter(
          (run) =>
            caller.tenantId === mine.tenantId &&
            (runId === '' || run.runId === runId) &&
            (userId === '' || run.userId === userId) &&
            (agentId === '' || run.agentId === agentId),
        ),
      })
    })
    afterAll(() => (listRunning = noRuns))
    const namesOf = async (query: string, caller = mine.admin) =>
      (await traces.list(caller, query)).traces.map(({ name }) => name)
    const all = ['at 2', 'on 3', 'at 4', 'at 5', 'on 6', 'at 7', 'at 8', 'on 9']

    rule('listTraces.showsRunsThatAreOn', async () => {
      const { traces: listed, total } = await traces.list(mine.admin)
      expect([listed.map(({ name }) => name), total]).toEqual([all, 8])
      expect(listed[1]).toEqual({
        ...{ id: runs[0]!.runId, run_id: runs[0]!.runId, agent_id: runs[0]!.agentId, user_id: 'alice', name: 'on 3' },
        ...{ session_key: 'agent:helper:3', channel: 'http', status: 'running' },
        input_preview: expect.not.stringContaining('sk-abcdef'),
        ...{ total_input_tokens: 0, total_output_tokens: 0, total_cost: 0 },
        ...{ span_count: 1, llm_call_count: 0, tool_call_count: 0 },
        start_time: new Date(runs[0]!.startedAtMs).toISOString(),
        created_at: new Date(runs[0]!.startedAtMs).toISOString(),
      })
      expect(await namesOf('?status=running')).toEqual(['on 3', 'on 6', 'on 9'])
      expect(await namesOf('?status=completed')).toEqual(all.filter((name) => name.startsWith('at')))
      expect(await namesOf('?tag=team%3Asales')).toEqual([])
      expect(await namesOf('?q=ON%203')).toEqual(['on 3'])
      expect(await namesOf(`?agent_id=${runs[2]!.agentId}`)).toEqual(['on 9'])
      const time = (minutes: number) => encodeURIComponent(new Date(agoMs(minutes)).toISOString())
      expect(await namesOf(`?from=${time(6.5)}&to=${time(2.5)}`)).toEqual(['on 3', 'at 4', 'at 5', 'on 6'])
      expect(await namesOf('', mine.viewer('alice'))).toEqual(['on 3', 'on 9'])
      expect(await namesOf('', mine.viewer(''))).toEqual([])
      expect(await namesOf('', makeTenant().admin)).toEqual([])
    })

    it.each([1, 2, 3, 5])('pages of %i show each once', async (limit) => {
      const byOffset: unknown[] = []
      for (let offset = 0; offset < all.length; offset += limit) {
        const page = await traces.list(mine.admin, `?limit=${limit}&offset=${offset}`)
        expect([page.total, page.traces.length]).toEqual([8, Math.min(limit, 8 - offset)])
        byOffset.push(...page.traces.map(({ name }) => name))
      }
      const byCursor: unknown[] = []
      for (let cursor: string | undefined = ''; cursor !== undefined;) {
        const page = await traces.list(mine.admin, `?limit=${limit}${cursor === '' ? '' : `&cursor=${cursor}`}`)
        byCursor.push(...page.traces.map(({ name }) => name))
        cursor = page.next_cursor
      }
      expect([byOffset, byCursor]).toEqual([all, all])
    })

    rule('getTrace.showsARunThatIsOn', async () => {
      const { runId } = runs[0]!
      const { body } = await traces.get(mine.admin, runId)
      expect(body.trace).toMatchObject({ id: runId, status: 'running', name: 'on 3' })
      expect(body.spans).toEqual([
        expect.objectContaining({ trace_id: runId, span_type: 'agent', status: 'running', tenant_id: mine.tenantId }),
      ])
      const statusFor = async (caller = mine.admin) => (await traces.get(caller, runId)).status
      expect(await statusFor(mine.viewer('alice'))).toBe(200)
      expect(await statusFor(mine.viewer('bob'))).toBe(404)
      expect(await statusFor(makeTenant().admin)).toBe(404)
    })

    it('one that has just ended is shown as it ended, and once', async () => {
      const { runId, startedAtMs } = runs[1]!
      const created_at = new Date(startedAtMs).toISOString()
      await traces.tell(reportOf(mine.tenantId, { id: runId, name: 'ended 6', created_at }))
      expect(await namesOf('')).toEqual(all.map((name) => (name === 'on 6' ? 'ended 6' : name)))
      expect((await traces.list(mine.admin)).total).toBe(8)
      expect((await traces.get(mine.admin, runId)).body.trace).toMatchObject({ name: 'ended 6', status: 'completed' })
    })

    it.each([
      ['are away', () => Promise.reject(new Error('away'))],
      ['hang', () => new Promise<never>(() => {})],
    ])('traces are listed without them while agents %s', async (_, answer) => {
      listRunning = answer
      expect(await namesOf('?to=')).toEqual(['at 2', 'at 4', 'at 5', 'ended 6', 'at 7', 'at 8'])
      expect((await traces.get(mine.admin, runs[0]!.runId)).status).toBe(404)
    })
  })

  rule('listTraces.listsChildren', async () => {
    const family = makeTenant()
    const [root, child] = [newId(), newId()]
    await traces.tell(
      reportOf(family.tenantId, { id: root, created_at: daysAgo(0.1) }),
      reportOf(family.tenantId, { id: child, parent_trace_id: root }),
    )
    expect((await traces.list(family.admin)).traces.map(({ id }) => id)).toEqual([child, root])
  })

  rule('listTraces.showsOwnRunsOnly', async () => {
    expect(await names('?user_id=bob', viewer('alice'))).toEqual([3, 2, 1, 0])
    expect(await traces.list({ ...viewer('bob'), role: 'operator' })).toMatchObject({ total: 3 })
    expect(await traces.list(viewer(''))).toEqual({ traces: [], total: 0, limit: 50, offset: 0 })
  })

  rule('listTraces.answersAnArray', async () => {
    expect(await traces.list(makeTenant().admin)).toEqual({ traces: [], total: 0, limit: 50, offset: 0 })
  })
})

describe('reading one trace', () => {
  rule('getTrace.hidesOthersRuns', async () => {
    const { admin, viewer, tenantId } = makeTenant()
    const [id, ownerless] = [newId(), newId()]
    await traces.tell(reportOf(tenantId, { id, user_id: 'alice' }), reportOf(tenantId, { id: ownerless }))
    const statuses = (traceId: string) =>
      Promise.all(
        [admin, viewer('alice'), viewer('bob'), viewer(''), makeTenant().admin].map(
          async (caller) => (await traces.get(caller, traceId)).status,
        ),
      )
    expect(await statuses(id)).toEqual([200, 200, 404, 404, 404])
    expect(await statuses(ownerless)).toEqual([200, 404, 404, 404, 404])
    expect((await traces.get(admin, newId())).status).toBe(404)
    expect((await traces.get(admin, 'odd')).status).toBe(400)
  })

  rule('getTrace.leavesChildrenOut', async () => {
    const { admin, tenantId } = makeTenant()
    const [root, child] = [newId(), newId()]
    await traces.tell(reportOf(tenantId, { id: root }), reportOf(tenantId, { id: child, parent_trace_id: root }))
    const { body } = await traces.get(admin, root)
    expect(Object.keys(body).sort()).toEqual(['spans', 'trace'])
    expect(JSON.stringify(body)).not.toContain(child)
  })

  rule('getTrace.pricesSpans', async () => {
    const { admin, tenantId } = makeTenant()
    const id = newId()
    await traces.tell(reportOf(tenantId, { id }, [pricedCall(), makeSpan({ span_type: 'tool_call' })]))
    const { spans } = (await traces.get(admin, id)).body
    expect(spans.map(({ tenant_id }) => tenant_id)).toEqual([tenantId, tenantId])
    expect(spans.map(({ total_cost }) => total_cost).toSorted()).toEqual([callCost, undefined])
  })

  rule('getTrace.boundsSpans', async () => {
    const { admin, tenantId } = makeTenant()
    const at = (ms: number) => new Date(Date.UTC(2026, 10, 20, 10, 0, 0, ms)).toISOString()
    const texts = Object.fromEntries(Array.from({ length: 24 }, (_, place) => [`t${place}`, 'x'.repeat(40_000)]))
    const id = newId()
    const spans = Array.from({ length: 30 }, (_, place) =>
      makeSpan({
        ...{ name: `s${place}`, start_time: at(place), end_time: at(place), input_preview: 'said' },
        metadata: place < 9 ? texts : { noted: place },
      }),
    )
    await traces.tell(reportOf(tenantId, { id }, spans))
    const shown = (await traces.get(admin, id)).body.spans
    expect(shown.map(({ name }) => name)).toEqual(spans.map(({ name }) => name))
    expect(Object.keys(shown[8]!['metadata'] as object)).toHaveLength(24)
    const whole = shown.filter((span) => span['input_preview'] === 'said' && span['metadata'] !== undefined)
    expect(whole).toEqual(shown.slice(0, 20))
    for (const span of shown.slice(20)) expect(span).toMatchObject({ span_type: 'llm_call', status: 'completed' })
  })

  rule('getTrace.ordersSpans', async () => {
    const { admin, tenantId } = makeTenant()
    const at = (ms: number) => new Date(Date.UTC(2026, 10, 20, 10, 0, 0, ms)).toISOString()
    // Ids in the order in which they are made: the root's is the last, its child's the one before.
    const [early, grandchild, child, root, lost, loop] = Array.from({ length: 6 }, newId)
    const span = (id: string | undefined, start: number, parent?: string) =>
      makeSpan({
        id: id!,
        start_time: at(start),
        end_time: at(9),
        ...(parent === undefined ? {} : { parent_span_id: parent }),
      })
    const id = newId()
    await traces.tell(
      reportOf(tenantId, { id }, [
        span(grandchild, 1, child),
        span(child, 1, root),
        span(root, 1),
        span(early, 0, root),
        span(lost, 2, newId()),
        span(loop, 3, loop),
      ]),
    )
    const { spans } = (await traces.get(admin, id)).body
    expect(spans.map((each) => each.id)).toEqual([early, root, child, grandchild, lost, loop])
  })

  it('keeps tenants apart even where their traces have the same id', async () => {
    const [one, two] = [makeTenant(), makeTenant()]
    const id = newId()
    await traces.tell(
      reportOf(one.tenantId, { id, name: 'one' }, [pricedCall()]),
      reportOf(two.tenantId, { id, name: 'two' }, [makeSpan(), makeSpan()]),
    )
    expect((await traces.get(one.admin, id)).body).toMatchObject({ trace: { name: 'one', span_count: 1 } })
    const { body } = await traces.get(two.admin, id)
    expect(body.trace).toMatchObject({ name: 'two', span_count: 2 })
    expect(body.spans.map(({ tenant_id }) => tenant_id)).toEqual([two.tenantId, two.tenantId])
  })
})

describe('costs', () => {
  const row = (agentId: string, calls: number, count: number) => ({
    agent_id: agentId,
    total_cost: expect.closeTo(calls * callCost, 8) as number,
    total_input_tokens: calls * 1_000,
    total_output_tokens: calls * 1_000,
    trace_count: count,
  })
  const nobody = { total_cost: 0, total_input_tokens: 0, total_output_tokens: 0, trace_count: 1 }
  const { viewer, tenantId } = makeTenant()
  const [cheap, dear] = [newId(), newId()]
  beforeAll(async () => {
    const root = newId()
    await traces.tell(
      reportOf(tenantId, { agent_id: cheap }),
      reportOf(tenantId, { agent_id: dear, id: root }, [pricedCall(), pricedCall()]),
      reportOf(tenantId, { agent_id: dear, created_at: daysAgo(2) }),
      reportOf(tenantId, { agent_id: cheap, parent_trace_id: root }),
      reportOf(tenantId, {}, [makeSpan()]),
    )
  })

  rule('getCostSummary.sumsRootTraces', async () => {
    expect((await traces.costs(viewer(''))).slice(0, 2)).toEqual([row(dear, 3, 2), row(cheap, 1, 1)])
    expect(await traces.costs(viewer(''), `?agent_id=${cheap}`)).toEqual([row(cheap, 1, 1)])
  })

  rule('getCostSummary.sumsAgentlessTraces', async () => {
    expect((await traces.costs(viewer(''))).at(-1)).toEqual(nobody)
  })

  rule('getCostSummary.filtersByTime', async () => {
    const { traces: all } = await traces.list({ ...viewer(''), role: 'admin' }, `?agent_id=${dear}`)
    const [now, before] = all.map(({ created_at }) => created_at)
    expect(await traces.costs(viewer(''), `?to=${now}&agent_id=${dear}`)).toEqual([row(dear, 1, 1)])
    expect(await traces.costs(viewer(''), `?from=${before}&to=${now}&agent_id=${dear}`)).toEqual([row(dear, 1, 1)])
    expect(await traces.costs(viewer(''), `?from=${now}&agent_id=${dear}`)).toEqual([row(dear, 2, 1)])
  })

  rule('getCostSummary.ignoresUnreadableFilters', async () => {
    expect(await traces.costs(viewer(''), '?agent_id=odd&from=odd&to=odd')).toHaveLength(3)
  })

  rule('getCostSummary.isOpenToViewers', async () => {
    expect(await traces.costs(viewer('bob'))).toEqual(await traces.costs({ ...viewer(''), role: 'admin' }))
    expect(await traces.costs(makeTenant().viewer('bob'))).toEqual([])
  })

  rule('getCostSummary.answersAnArray', async () => {
    expect(await traces.costs(makeTenant().admin)).toEqual([])
    expect(await traces.costs(viewer(''), `?agent_id=${newId()}`)).toEqual([])
  })

  it("of an agent this month are those of its root traces in the caller's tenant", async () => {
    const { admin, tenantId } = makeTenant()
    const agentId = newId()
    const lastMonth = new Date()
    lastMonth.setUTCDate(0)
    await traces.tell(
      reportOf(tenantId, { agent_id: agentId }),
      reportOf(tenantId, { agent_id: agentId, status: 'error' }),
      reportOf(tenantId, { agent_id: agentId, parent_trace_id: newId() }),
      reportOf(tenantId, { agent_id: agentId, created_at: lastMonth.toISOString() }),
      reportOf(makeTenant().tenantId, { agent_id: agentId }),
    )
    expect(await traces.monthCost(admin, agentId)).toBeCloseTo(2 * callCost, 8)
    expect(await traces.monthCost(admin, newId())).toBe(0)
    await expect(traces.monthCost(admin, 'odd')).rejects.toMatchObject({ code: 'INVALID_REQUEST' })
  })
})

describe('erasing the runs of a user', () => {
  const erase = (caller: Parameters<TracesHarness['get']>[0], query: string) =>
    traces.request(caller, 'DELETE', `/v1/traces${query}`)
  const runsOf = async (tenantId: string, users: readonly string[]) =>
    traces.tell(...users.map((user_id) => reportOf(tenantId, { user_id }, [pricedCall()])))

  describe('who is not alone', () => {
    const [here, there] = [makeTenant(), makeTenant()]
    let answer: Awaited<ReturnType<typeof erase>>
    beforeAll(async () => {
      await runsOf(here.tenantId, ['ann', 'ann', 'ben'])
      await runsOf(there.tenantId, ['ann'])
      answer = await erase(here.admin, '?user_id=ann')
    })

    rule('eraseTraces.erasesAUsersRuns', async () => {
      expect(answer).toMatchObject({ status: 200, body: { erased: 2, more: false } })
      expect((await traces.list(here.admin)).traces.map(({ user_id }) => user_id)).toEqual(['ben'])
      expect(await stored('spans', here.tenantId)).toHaveLength(1)
      expect((await traces.list(there.admin)).total).toBe(1)
    })

    rule('eraseTraces.takesBackUsage', async () => {
      expect((await traces.costs(here.admin))[0]).toMatchObject({ trace_count: 1, total_cost: callCost })
      const { kept, recount } = await usageAndRecount(traces.mesh.database('traces').pool, [here.tenantId])
      expect(kept).toEqual(recount)
    })

    rule('eraseTraces.isAudited', async () => {
      await erase(here.admin, '?user_id=nobody')
      await until(async () => (await traces.activity(here.admin)).total > 0)
      expect((await traces.activity(here.admin)).total).toBe(1)
      const { action, entity_id, actor_id } = (await traces.activity(here.admin)).logs[0]!
      expect({ action, entity_id, actor_id }).toEqual({
        ...{ action: 'trace.erased', entity_id: 'ann', actor_id: here.admin.userId },
      })
    })
  })

  rule('eraseTraces.goesOnWhereItEnded', async () => {
    const { admin, tenantId } = makeTenant()
    const runs = 1_001
    await traces.tell(...Array.from({ length: runs }, () => reportOf(tenantId, { user_id: 'ann' }, [])))
    expect((await erase(admin, '?user_id=ann')).body).toEqual({ erased: 1_000, more: true })
    expect((await erase(admin, '?user_id=ann')).body).toEqual({ erased: 1, more: false })
  })

  rule('eraseTraces.refusesNobody', async () => {
    const { admin, tenantId } = makeTenant()
    await runsOf(tenantId, ['ann'])
    for (const query of ['', '?user_id=', `?user_id=${'a'.repeat(256)}`])
      expect((await erase(admin, query)).status).toBe(400)
    expect((await traces.list(admin)).total).toBe(1)
  })
})
