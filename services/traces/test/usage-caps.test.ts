/** Usage caps over HTTP and WebSocket, and the ledger behind them, over a real database. */
import { randomUUID } from 'node:crypto'
import { eventType, type Caller, type CloudEvent, type ErrorCode } from '@clawmesh/contracts'
import { TracesServiceService, type UsageSubjects } from '@clawmesh/contracts/gen/clawmesh/traces/v1/traces.ts'
import { consumeEvents } from '../../../test/support/events.ts'
import { eventually } from '../../../test/support/eventually.ts'
import { rule, ruleName } from '../../../test/support/rule.ts'
import { makeTenant, startTraces, type TracesHarness } from './support.ts'

type Body = Record<string, unknown>
interface Entry {
  cap_id: string
  subject: string
  used: number
  reserved: number
  percent: number
  period_start: string
  renews_at: string
}

let traces: TracesHarness
const heard: CloudEvent[] = []
beforeAll(async () => {
  traces = await startTraces({ CLAWMESH_USAGE_RESERVATION_MS: '1500', CLAWMESH_USAGE_SWEEP_MS: '100' })
  await consumeEvents(traces.bus, {
    durable: 'test',
    subject: 'mesh.events.*.traces.>',
    batchSize: 100,
    handle: async (batch) => void heard.push(...batch),
  })
})
afterAll(() => traces.stop())

const path = '/v1/usage-caps'
const post = (caller: Caller, fields: Body = {}) =>
  traces.request<Body & { id: string }>(caller, 'POST', path, {
    scope: 'tenant',
    metric: 'tokens',
    period: 'day',
    amount: 100,
    ...fields,
  })
const create = async (caller: Caller, fields: Body = {}): Promise<string> => {
  const { status, body } = await post(caller, fields)
  expect({ status, body }).toMatchObject({ status: 201 })
  return body.id
}
const get = async <B = Body>(caller: Caller, suffix = ''): Promise<B> =>
  (await traces.request<B>(caller, 'GET', path + suffix)).body
const utilization = async (caller: Caller, query = ''): Promise<Entry[]> =>
  (await get<{ utilization: Entry[] }>(caller, `/utilization${query}`)).utilization
const method = async <R = Body>(caller: Caller, name: string, params: object = {}): Promise<R> => {
  const call = traces.call({ ...caller, credential: 'gateway-token' })
  const paramsJson = JSON.stringify(params)
  return JSON.parse(
    (await traces.mesh.methods('traces').callMethod(call, { method: name, paramsJson })).resultJson,
  ) as R
}

const rpc = () => traces.rpc(TracesServiceService)
const somebody = { apiKey: 'key', user: 'ann', agent: randomUUID(), provider: 'openai', model: 'gpt-4o' }
interface Planned extends Partial<UsageSubjects> {
  tokens?: number
  beginsRun?: boolean
}
const reserve = async (caller: Caller, { tokens = 10, beginsRun = true, ...subjects }: Planned = {}) => {
  const reservationId = randomUUID()
  const planned = { subjects: { ...somebody, ...subjects }, inputTokens: tokens, outputTokens: 0, beginsRun }
  const { reserved } = await rpc().reserveUsage(traces.call(caller), { reservationId, ...planned })
  return { reservationId, reserved }
}
const settle = (caller: Caller, reservationId: string, input: number, output = 0, model = 'gpt-4o') =>
  rpc().settleUsage(traces.call(caller), {
    reservationId,
    provider: 'openai',
    model: 'gpt-4o',
    servedProvider: 'openai',
    servedModel: model,
    inputTokens: input,
    outputTokens: output,
    cacheReadTokens: 0,
    cacheCreationTokens: 0,
  })
const use = async (caller: Caller, tokens: number, planned: Planned = {}) => {
  const { reservationId } = await reserve(caller, planned)
  await settle(caller, reservationId, tokens)
}
/** The code of the refusal, or that there was none. */
const refusal = (caller: Caller, planned: Planned = {}): Promise<ErrorCode | 'none'> =>
  reserve(caller, planned).then(
    () => 'none' as const,
    (thrown: { code: ErrorCode }) => thrown.code,
  )
const eventsOf = (tenantId: string, name: Parameters<typeof eventType>[0]) =>
  heard.filter(({ tenantid, type }) => tenantid === tenantId && type === eventType(name))
const today = () => new Date().toISOString().slice(0, 10)

describe('caps', () => {
  rule('createUsageCap.checksWhatIsCapped', async () => {
    const { admin } = makeTenant()
    const statusOf = async (fields: Body) => (await post(admin, fields)).status
    expect(await statusOf({ subject: 'acme' })).toBe(400)
    expect(await statusOf({ scope: 'agent', subject: 'helper' })).toBe(400)
    expect(await statusOf({ amount: 1.5 })).toBe(400)
    expect(await statusOf({ metric: 'runs', amount: 0.5 })).toBe(400)
    expect(await statusOf({ amount: 0 })).toBe(400)
    expect(await statusOf({ period: 'week' })).toBe(400)
    expect(await statusOf({ metric: 'cost', amount: 0.5 })).toBe(201)
    expect(await statusOf({ scope: 'agent', subject: randomUUID() })).toBe(201)
  })

  rule('createUsageCap.limitsTheirNumber', async () => {
    const { admin } = makeTenant()
    await create(admin, { amount: 50 })
    await create(admin)
    await use(admin, 60)
    expect(await refusal(admin)).toBe('QUOTA_EXHAUSTED')
    const { tenantId } = admin
    await traces.mesh
      .database('traces')
      .forTenant(tenantId)
      .query(
        `INSERT INTO traces.usage_caps (tenant_id, id, scope, subject, metric, period, amount, mode, unknown_prices, enabled)
       SELECT $1, gen_random_uuid(), 'user', 'user ' || n, 'runs', 'day', 1, 'soft', 'count', false
       FROM generate_series(1, 998) AS n`,
        [tenantId],
      )
    const { status, body } = await post(admin, { scope: 'provider' })
    expect({ status, error: body['error'] }).toEqual({
      status: 409,
      error: 'the tenant has 1000 usage caps, which is as many as it may',
    })
  })

  rule('listUsageCaps.pages', async () => {
    const { admin } = makeTenant()
    const ids = [await create(admin), await create(admin, { period: 'month' }), await create(admin, { scope: 'user' })]
    const page = await get<{ caps: { id: string }[] }>(admin, '?limit=2&offset=1')
    expect(page).toMatchObject({ total: 3, limit: 2, offset: 1 })
    expect(page.caps.map(({ id }) => id)).toEqual(ids.slice(1))
    expect(await get(admin, '?limit=900')).toMatchObject({ limit: 200 })
  })

  rule('getUsageCap.isOfTheTenant', async () => {
    const { admin } = makeTenant()
    const id = await create(admin, { scope: 'user', subject: 'ann', mode: 'soft' })
    expect(await get(admin, `/${id}`)).toMatchObject({ id, scope: 'user', subject: 'ann', amount: 100, mode: 'soft' })
    for (const [caller, asked, status] of [
      [makeTenant().admin, id, 404],
      [admin, randomUUID(), 404],
      [admin, 'x', 400],
    ] as const)
      expect((await traces.request(caller, 'GET', `${path}/${asked}`)).status).toBe(status)
  })

  it.each([
    [ruleName('updateUsageCap.isOfTheTenant'), 'PATCH'],
    [ruleName('deleteUsageCap.isOfTheTenant'), 'DELETE'],
  ])('%s', async (_name, verb) => {
    const { admin } = makeTenant()
    const id = await create(admin)
    const body = verb === 'PATCH' ? { amount: 5 } : undefined
    for (const [caller, asked, status] of [
      [makeTenant().admin, id, 404],
      [admin, randomUUID(), 404],
      [admin, 'x', 400],
    ] as const)
      expect((await traces.request(caller, verb, `${path}/${asked}`, body)).status).toBe(status)
    expect(await get(admin, `/${id}`)).toMatchObject({ amount: 100 })
  })

  rule('updateUsageCap.keepsWhatIsUsed', async () => {
    const { admin } = makeTenant()
    const id = await create(admin)
    await use(admin, 60)
    const change = (fields: Body) => traces.request(admin, 'PATCH', `${path}/${id}`, fields)
    expect((await change({ amount: 2.5 })).status).toBe(400)
    expect((await change({})).body).toMatchObject({ amount: 100 })
    expect((await change({ amount: 50, mode: 'soft' })).body).toMatchObject({ id, amount: 50, mode: 'soft' })
    expect(await utilization(admin)).toMatchObject([{ used: 60, percent: 120 }])
  })

  rule('createUsageCap.hearsOfIt', async () => {
    const { admin, tenantId } = makeTenant()
    const capped = async () => (await rpc().listCappedUsage(traces.call(admin), {})).capped
    expect(await capped()).toEqual([])
    const evicted: unknown[] = []
    traces.bus.subscribe('mesh.cache.usage_caps', (tag) => evicted.push(tag))
    await create(admin)
    await create(admin, { scope: 'user', subject: 'ann', mode: 'soft' })
    expect(await capped()).toEqual([
      { scope: 'tenant', subject: '', hard: true },
      { scope: 'user', subject: 'ann', hard: false },
    ])
    // What the replicas that make model calls are told.
    expect(evicted).toEqual([
      { kind: 'usage_caps', tenantId },
      { kind: 'usage_caps', tenantId },
    ])
  })

  rule('updateUsageCap.hearsOfIt', async () => {
    const { admin } = makeTenant()
    const id = await create(admin)
    await use(admin, 100)
    expect(await refusal(admin)).toBe('QUOTA_EXHAUSTED')
    const change = (fields: Body) => traces.request(admin, 'PATCH', `${path}/${id}`, fields)
    await change({ enabled: false })
    expect(await rpc().listCappedUsage(traces.call(admin), {})).toEqual({ capped: [] })
    expect(await reserve(admin)).toMatchObject({ reserved: false })
    await change({ enabled: true, amount: 200 })
    expect(await reserve(admin)).toMatchObject({ reserved: true })
  })

  rule('deleteUsageCap.hearsOfIt', async () => {
    const { admin } = makeTenant()
    const id = await create(admin)
    await use(admin, 100)
    expect(await traces.request(admin, 'DELETE', `${path}/${id}`)).toMatchObject({ body: { status: 'deleted' } })
    expect(await reserve(admin)).toMatchObject({ reserved: false })
    expect(await utilization(admin)).toEqual([])
  })

  it.each([
    [ruleName('createUsageCap.isAudited'), 'usageCapCreated', 'usage_cap.created'],
    [ruleName('updateUsageCap.isAudited'), 'usageCapUpdated', 'usage_cap.updated'],
    [ruleName('deleteUsageCap.isAudited'), 'usageCapDeleted', 'usage_cap.deleted'],
  ] as const)('%s', async (_name, event, action) => {
    const { admin } = makeTenant()
    const id = await create(admin)
    await traces.request(admin, 'PATCH', `${path}/${id}`, { amount: 5 })
    await traces.request(admin, 'DELETE', `${path}/${id}`)
    await eventually('the record', async () => (await traces.activity(admin, `?action=${action}`)).total === 1)
    expect(eventsOf(admin.tenantId, event)).toMatchObject([{ data: { id, actorId: admin.userId } }])
  })
})

describe('the ledger', () => {
  rule('createUsageCap.countsFromNowOn', async () => {
    const { admin } = makeTenant()
    expect(await reserve(admin)).toMatchObject({ reserved: false })
    await create(admin)
    await use(admin, 30)
    const month = `${today().slice(0, 7)}-01T00:00:00.000Z`
    await create(admin, { period: 'month' })
    await use(admin, 20)
    const [byDay, byMonth] = await utilization(admin)
    expect(byDay).toMatchObject({ used: 50, period_start: `${today()}T00:00:00.000Z` })
    expect(byMonth).toMatchObject({ used: 20, period_start: month })
    expect(Date.parse(byDay!.renews_at) - Date.parse(byDay!.period_start)).toBe(24 * 3_600_000)
  })

  rule('createUsageCap.capsEachOfItsOwn', async () => {
    const { admin } = makeTenant()
    await create(admin, { scope: 'user' })
    await create(admin, { scope: 'user', subject: 'bob', amount: 300 })
    for (const user of ['ann', 'bob', 'cleo']) await use(admin, 150, { user })
    expect(await refusal(admin, { user: 'ann' })).toBe('QUOTA_EXHAUSTED')
    expect(await refusal(admin, { user: 'bob' })).toBe('none')
    expect(await refusal(admin, { user: 'dan' })).toBe('none')
    expect(await reserve(admin, { user: '' })).toMatchObject({ reserved: false })
    expect(await utilization(admin, '?subject=bob')).toMatchObject([{ subject: 'bob', used: 150, percent: 50 }])
  })

  it.each([
    ['api_key', { apiKey: 'k1' }, { apiKey: 'k2' }],
    ['agent', { agent: 'ABCDEF01-0000-4000-8000-000000000000' }, { agent: randomUUID() }],
    ['provider', { provider: 'p1' }, { provider: 'p2' }],
    ['model', { model: 'GPT-4o' }, { model: 'gpt-4' }],
  ])('caps the usage of one %s and of no other', async (scope, mine, other) => {
    const { admin } = makeTenant()
    await create(admin, { scope, subject: Object.values(mine)[0] })
    await use(admin, 100, mine)
    expect(await refusal(admin, mine)).toBe('QUOTA_EXHAUSTED')
    expect(await reserve(admin, other)).toMatchObject({ reserved: false })
  })

  rule('createUsageCap.refusesBeyond', async () => {
    const { admin } = makeTenant()
    await create(admin, { metric: 'cost', amount: 0.02, period: 'month' })
    const { reservationId } = await reserve(admin)
    await settle(admin, reservationId, 1_000, 1_750)
    const renews = (await utilization(admin))[0]!.renews_at
    await expect(reserve(admin)).rejects.toMatchObject({
      code: 'QUOTA_EXHAUSTED',
      message: `the cap on the cost of a month of tenant test is used up: $0.02 of $0.02; it renews at ${renews}`,
    })
    const runs = makeTenant().admin
    await create(runs, { metric: 'runs', amount: 1 })
    await use(runs, 5)
    expect(await refusal(runs)).toBe('QUOTA_EXHAUSTED')
    // A run that has begun goes on.
    expect(await refusal(runs, { beginsRun: false })).toBe('none')
  })

  rule('createUsageCap.reserves', async () => {
    const { admin } = makeTenant()
    await create(admin, { metric: 'runs', amount: 7, period: 'month' })
    await create(admin, { scope: 'user', metric: 'runs', amount: 50 })
    const tried = await Promise.all(Array.from({ length: 40 }, () => reserve(admin).catch(() => undefined)))
    expect(tried.filter((each) => each !== undefined)).toHaveLength(7)
    // None of what was refused is held by the cap that had room.
    expect((await utilization(admin)).map(({ reserved }) => reserved)).toEqual([7, 7])
    const [tenantId, month] = [makeTenant().admin, 'month'] as const
    await create(tenantId, { period: month })
    await reserve(tenantId, { tokens: 99 })
    expect(await refusal(tenantId, { tokens: 99 })).toBe('none')
    expect(await refusal(tenantId, { tokens: 1 })).toBe('RESOURCE_EXHAUSTED')
    expect(await utilization(tenantId)).toMatchObject([{ used: 0, reserved: 198 }])
  })

  rule('createUsageCap.tellsHeldFromSpent', async () => {
    const { admin } = makeTenant()
    await create(admin)
    const { reservationId } = await reserve(admin, { tokens: 100 })
    await expect(reserve(admin)).rejects.toMatchObject({ code: 'RESOURCE_EXHAUSTED', retryAfterMs: 1_000 })
    expect(await settle(admin, reservationId, 40)).toEqual({ settled: true })
    expect(await settle(admin, reservationId, 40)).toEqual({ settled: false })
    expect(await utilization(admin)).toMatchObject([{ used: 40, reserved: 0 }])
    expect(await refusal(admin)).toBe('none')
  })

  it('gives all back, the run too, of a call that used nothing', async () => {
    const { admin } = makeTenant()
    await create(admin, { metric: 'runs', amount: 1 })
    const { reservationId } = await reserve(admin)
    await settle(admin, reservationId, 0)
    expect(await utilization(admin)).toMatchObject([{ used: 0, reserved: 0 }])
  })

  rule('createUsageCap.softCapsOnlyTell', async () => {
    const { admin, tenantId } = makeTenant()
    await create(admin, { mode: 'soft' })
    await use(admin, 500)
    expect(await refusal(admin)).toBe('none')
    await eventually('the event', async () => eventsOf(tenantId, 'usageCapReached').length === 1)
  })

  rule('createUsageCap.tellsAtHalfMostAndAll', async () => {
    const { admin, tenantId } = makeTenant()
    const id = await create(admin, { scope: 'user', mode: 'soft' })
    for (const tokens of [49, 1, 10, 25, 14, 2, 50]) await use(admin, tokens)
    const reached = await eventually('the events', async () => {
      const found = eventsOf(tenantId, 'usageCapReached')
      return found.length >= 3 && found
    })
    const common = { id, scope: 'user', subject: 'ann', metric: 'tokens', period: 'day', mode: 'soft', amount: 100 }
    expect(reached.map(({ data }) => data)).toMatchObject([
      { ...common, percent: 50, used: 50 },
      { ...common, percent: 80, used: 85 },
      { ...common, percent: 100, used: 101 },
    ])
  })

  rule('createUsageCap.refusesUnknownPrices', async () => {
    const { admin } = makeTenant()
    const unpriced = { model: 'nobody-knows', provider: 'own' }
    const strict = await create(admin, { metric: 'cost', amount: 100, unknown_prices: 'refuse' })
    await expect(reserve(admin, unpriced)).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
      message: 'model nobody-knows of provider own has no price, which a cap on the cost of a day of tenant test needs',
    })
    await traces.request(admin, 'PATCH', `${path}/${strict}`, { unknown_prices: 'count' })
    const { reservationId } = await reserve(admin, { ...unpriced, tokens: 1_000 })
    // 15 and 75 dollars a million tokens.
    expect(await utilization(admin)).toMatchObject([{ reserved: 0.015 }])
    await settle(admin, reservationId, 1_000, 1_000, 'nobody-knows')
    // What was asked for has a price.
    expect(await utilization(admin)).toMatchObject([{ used: 0.0125, reserved: 0 }])
  })

  rule('createUsageCap.settlesWhatLeaked', async () => {
    const { admin } = makeTenant()
    await create(admin)
    const { reservationId } = await reserve(admin, { tokens: 70 })
    await eventually('the end of the reservation', async () => (await utilization(admin))[0]!.used === 70)
    expect(await utilization(admin)).toMatchObject([{ used: 70, reserved: 0 }])
    // It ends after all.
    expect(await settle(admin, reservationId, 30)).toEqual({ settled: true })
    expect(await utilization(admin)).toMatchObject([{ used: 30, reserved: 0 }])
  })
})

describe('utilization', () => {
  rule('getUsageCapUtilization.showsWhatIsEnforced', async () => {
    const { admin } = makeTenant()
    const cap = await create(admin)
    await use(admin, 25)
    await reserve(admin, { tokens: 75 })
    expect(await utilization(admin)).toMatchObject([{ cap_id: cap, used: 25, reserved: 75, percent: 25, amount: 100 }])
    expect(await refusal(admin)).toBe('RESOURCE_EXHAUSTED')
  })

  rule('getUsageCapUtilization.listsSubjectsThatUsed', async () => {
    const { admin } = makeTenant()
    await create(admin, { scope: 'user' })
    await create(admin, { scope: 'user', subject: 'zoe' })
    await create(admin, { scope: 'model', enabled: false })
    for (const [user, tokens] of [
      ['ann', 20],
      ['bob', 40],
    ] as const)
      await use(admin, tokens, { user })
    const page = await get<{ utilization: Entry[]; total: number }>(admin, '/utilization?limit=2')
    expect(page.utilization.map(({ subject, percent }) => [subject, percent])).toEqual([
      ['bob', 40],
      ['ann', 20],
    ])
    expect(page.total).toBe(3)
    expect(await utilization(admin, '?offset=2')).toMatchObject([{ subject: 'zoe', used: 0 }])
    expect(await get(admin, '/utilization?offset=9')).toMatchObject({ utilization: [], total: 3 })
  })

  rule('getUsageCapUtilization.filters', async () => {
    const { admin } = makeTenant()
    const cap = await create(admin, { scope: 'user', metric: 'runs' })
    await create(admin, { scope: 'user' })
    for (const user of ['ann', 'bob']) await use(admin, 1, { user })
    expect(await utilization(admin)).toHaveLength(4)
    expect(await utilization(admin, `?cap_id=${cap}`)).toHaveLength(2)
    expect(await utilization(admin, `?cap_id=${cap}&subject=bob`)).toMatchObject([{ cap_id: cap, subject: 'bob' }])
    expect(await utilization(admin, '?cap_id=x')).toHaveLength(4)
    expect(await utilization(makeTenant().admin, `?cap_id=${cap}`)).toEqual([])
  })
})

describe('over WebSocket', () => {
  const methods = [
    ruleName('usage.caps.list.isAsOverHttp'),
    ruleName('usage.caps.get.isAsOverHttp'),
    ruleName('usage.caps.create.isAsOverHttp'),
    ruleName('usage.caps.update.isAsOverHttp'),
    ruleName('usage.caps.delete.isAsOverHttp'),
    ruleName('usage.caps.utilization.isAsOverHttp'),
  ]
  it(methods.join('; '), async () => {
    const { admin } = makeTenant()
    const fields = { scope: 'tenant', metric: 'tokens', period: 'day', amount: 100 }
    await expect(method(admin, 'usage.caps.create', { ...fields, amount: 0.5 })).rejects.toMatchObject({
      code: 'INVALID_REQUEST',
    })
    const { cap } = await method<{ cap: { id: string } }>(admin, 'usage.caps.create', fields)
    const { id } = cap
    expect(cap).toEqual(await get(admin, `/${id}`))
    expect(await method(admin, 'usage.caps.get', { id })).toEqual({ cap })
    expect(await method(admin, 'usage.caps.list')).toEqual(await get(admin))
    await method(admin, 'usage.caps.update', { id, amount: 200 })
    expect(await get(admin, `/${id}`)).toMatchObject({ amount: 200 })
    await use(admin, 20)
    expect(await method(admin, 'usage.caps.utilization')).toEqual(await get(admin, '/utilization'))
    expect(await method(admin, 'usage.caps.delete', { id })).toEqual({ status: 'deleted' })
    await expect(method(admin, 'usage.caps.get', { id })).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })
})
