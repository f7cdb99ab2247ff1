/** What models cost a tenant, over HTTP and WebSocket, and that costs and caps count by it. */
import { randomUUID } from 'node:crypto'
import { eventType, modelCatalogue, type Caller, type CloudEvent } from '@clawmesh/contracts'
import { TracesServiceService } from '@clawmesh/contracts/gen/clawmesh/traces/v1/traces.ts'
import { consumeEvents } from '../../../test/support/events.ts'
import { eventually } from '../../../test/support/eventually.ts'
import { rule, ruleName } from '../../../test/support/rule.ts'
import { mostPrices } from '../src/model-pricing/use-cases.ts'
import { makeTenant, pricedCall, reportOf, startTraces, type TracesHarness } from './support.ts'

interface Pricing {
  name: string
  input_per_million: number | null
  output_per_million: number | null
  cache_read_per_million: number | null
  cache_create_per_million: number | null
  origin: string | null
  listed_as: string | null
  context_window: number | null
  max_output_tokens: number | null
  abilities: string[]
  source: string | null
  as_of: string | null
  updated_at?: string
}

let traces: TracesHarness
const heard: CloudEvent[] = []
beforeAll(async () => {
  traces = await startTraces({
    CLAWMESH_MODEL_PRICES: JSON.stringify({
      'House-Model': { input_per_million: 7, output_per_million: 8 },
      'gpt-4.1': { input_per_million: 5, output_per_million: 6 },
    }),
  })
  await consumeEvents(traces.bus, {
    durable: 'test',
    subject: 'mesh.events.*.traces.model_price.>',
    batchSize: 100,
    handle: async (batch) => void heard.push(...batch),
  })
})
afterAll(() => traces.stop())

const path = '/v1/model-pricing'
const get = async (caller: Caller, name: string): Promise<Pricing> =>
  (await traces.request<Pricing>(caller, 'GET', `${path}/${name}`)).body
const set = (caller: Caller, name: string, body: object = { input_per_million: 1, output_per_million: 2 }) =>
  traces.request<Pricing>(caller, 'PUT', `${path}/${name}`, body)
const remove = (caller: Caller, name: string) => traces.request(caller, 'DELETE', `${path}/${name}`)
const list = async (caller: Caller, query = '') =>
  (await traces.request<{ prices: Pricing[]; total: number; limit: number }>(caller, 'GET', path + query)).body
const method = async <R>(caller: Caller, name: string, params: object): Promise<R> => {
  const call = traces.call({ ...caller, credential: 'gateway-token' })
  const { resultJson } = await traces.mesh.methods('traces').callMethod(call, {
    method: name,
    paramsJson: JSON.stringify(params),
  })
  return JSON.parse(resultJson) as R
}

/** What a call of a thousand tokens in and a thousand out cost, by its trace. */
const costOfCall = async (caller: Caller, fields: object): Promise<number | undefined> => {
  const id = randomUUID()
  await traces.tell(reportOf(caller.tenantId, { id }, [pricedCall(fields)]))
  await eventually('the trace is there', async () => (await traces.get(caller, id)).status === 200)
  return (await traces.get(caller, id)).body.spans[0]!.total_cost
}

describe('the list', () => {
  rule('listModelPricing.listsWhatCounts', async () => {
    const { admin } = makeTenant()
    await set(admin, 'gpt-4o')
    const { prices } = await list(admin, '?limit=500')
    const origins = new Map(prices.map(({ name, origin }) => [name, origin]))
    expect(['gpt-4o', 'gpt-4.1', 'house-model', 'gpt-4o-mini'].map((name) => origins.get(name))).toEqual([
      'tenant',
      'configuration',
      'configuration',
      'catalogue',
    ])
    expect(prices.filter(({ name }) => name === 'gpt-4o')).toMatchObject([{ input_per_million: 1 }])
  })

  rule('listModelPricing.saysWhereFiguresAreFrom', async () => {
    const { admin } = makeTenant()
    const [known] = (await list(admin, '?search=claude-sonnet-4-5')).prices
    expect(known).toMatchObject({ origin: 'catalogue', context_window: 200_000, max_output_tokens: 64_000 })
    expect([known!.source, known!.as_of]).toEqual(['https://platform.claude.com/docs/en/models/overview', '2026-10-07'])
    for (const { name, source, asOf } of modelCatalogue)
      expect([name, URL.canParse(source), Number.isFinite(Date.parse(asOf))]).toEqual([name, true, true])
  })

  rule('listModelPricing.showsUnknownAsNull', async () => {
    const { admin } = makeTenant()
    await set(admin, 'free', { input_per_million: 0, output_per_million: 0 })
    const [free] = (await list(admin, '?search=free')).prices
    expect(free).toMatchObject({ input_per_million: 0, cache_read_per_million: 0, context_window: null })
    const [spark] = (await list(admin, '?search=gpt-5.3-codex-spark')).prices
    const unknown = { input_per_million: null, output_per_million: null, cache_read_per_million: null, origin: null }
    expect(spark).toMatchObject({ ...unknown, context_window: null })
  })

  rule('listModelPricing.pricesCaches', async () => {
    const { admin } = makeTenant()
    const price = { input_per_million: 4, output_per_million: 2, cache_read_per_million: 0.5 }
    expect((await set(admin, 'mine', price)).body).toMatchObject({ ...price, cache_create_per_million: 4 })
    expect((await list(admin, '?search=mine')).prices).toMatchObject([{ ...price, cache_create_per_million: 4 }])
  })

  rule('listModelPricing.pages', async () => {
    const { admin } = makeTenant()
    const whole = await list(admin, '?limit=1000')
    expect(whole.limit).toBe(500)
    const names = whole.prices.map(({ name }) => name)
    expect(names).toEqual(names.toSorted())
    expect(whole.total).toBe(names.length)
    expect((await list(admin)).limit).toBe(100)
    expect((await list(admin, '?limit=2&offset=1')).prices.map(({ name }) => name)).toEqual(names.slice(1, 3))
    const found = (await list(admin, '?search=CLAUDE-opus')).prices.map(({ name }) => name)
    expect(found).toEqual(names.filter((name) => name.includes('claude-opus')))
    expect(found.length).toBeGreaterThan(3)
  })
})

describe('one model', () => {
  rule('getModelPricing.findsAsCallsDo', async () => {
    const { admin } = makeTenant()
    await set(admin, 'own/gpt-4o', { input_per_million: 9, output_per_million: 9 })
    const found = async (name: string) => {
      const { listed_as, origin } = await get(admin, name)
      return [listed_as, origin]
    }
    expect(await found('gpt-4o-2024-11-20')).toEqual(['gpt-4o', 'catalogue'])
    expect(await found('GPT-4o')).toEqual(['gpt-4o', 'catalogue'])
    expect(await found('own/gpt-4o-2024-11-20')).toEqual(['own/gpt-4o', 'tenant'])
    expect(await found('other/gpt-4o')).toEqual(['gpt-4o', 'catalogue'])
    expect(await found('anthropic/claude-sonnet-4.5')).toEqual(['anthropic/claude-sonnet-4.5', 'catalogue'])
    expect((await get(admin, 'gpt-4o-2024-11-20')).context_window).toBe(128_000)
  })

  rule('getModelPricing.answersUnknownModels', async () => {
    const { admin } = makeTenant()
    expect(await get(admin, 'nobody/knows-this')).toEqual({
      name: 'nobody/knows-this',
      input_per_million: null,
      output_per_million: null,
      cache_read_per_million: null,
      cache_create_per_million: null,
      origin: null,
      listed_as: null,
      context_window: null,
      max_output_tokens: null,
      abilities: [],
      source: null,
      as_of: null,
    })
  })
})

describe('setting a price', () => {
  rule('setModelPricing.replaces', async () => {
    const { admin } = makeTenant()
    const first = {
      input_per_million: 4,
      output_per_million: 2,
      cache_read_per_million: 1,
      cache_create_per_million: 6,
    }
    expect((await set(admin, 'Mine', first)).body).toMatchObject({ ...first, name: 'mine', origin: 'tenant' })
    await set(admin, 'mine', { input_per_million: 3, output_per_million: 2 })
    const replaced = await get(admin, 'mine')
    expect(replaced).toMatchObject({ input_per_million: 3, cache_read_per_million: 3, cache_create_per_million: 3 })
    expect(Date.parse(replaced.updated_at!)).toBeGreaterThan(0)
  })

  rule('setModelPricing.checksPrices', async () => {
    const { admin } = makeTenant()
    const good = { input_per_million: 1, output_per_million: 1 }
    const bad = [
      { ...good, input_per_million: -1 },
      { ...good, output_per_million: 100_001 },
      { ...good, cache_read_per_million: 'cheap' },
      { ...good, currency: 'EUR' },
      { input_per_million: 1 },
    ]
    for (const body of bad) expect([body, (await set(admin, 'mine', body)).status]).toEqual([body, 400])
    expect(await get(admin, 'mine')).toMatchObject({ origin: null })
  })

  rule('setModelPricing.winsOverAll', async () => {
    const { admin } = makeTenant()
    await set(admin, 'gpt-4.1')
    await set(admin, 'claude-sonnet-4-5')
    const own = { input_per_million: 1, origin: 'tenant' }
    expect(await get(admin, 'gpt-4.1')).toMatchObject(own)
    expect(await get(admin, 'claude-sonnet-4-5-20250929')).toMatchObject(own)
    expect(await get(admin, 'openrouter/openai/gpt-4.1')).toMatchObject({ ...own, listed_as: 'gpt-4.1' })
    // The catalogue has it by its maker's name, too, which must not come first.
    expect(await get(admin, 'anthropic/claude-sonnet-4-5')).toMatchObject(own)
    const { admin: other } = makeTenant()
    expect(await get(other, 'gpt-4.1')).toMatchObject({ input_per_million: 5, origin: 'configuration' })
  })

  it(ruleName('setModelPricing.countsFromNowOn', 'for the costs of spans'), async () => {
    const { admin } = makeTenant()
    const { admin: other } = makeTenant()
    const call = { provider: 'openai', model: 'gpt-4o' }
    expect(await costOfCall(admin, call)).toBe(0.0125)
    await set(admin, 'gpt-4o')
    // Evicted by a message, which takes its time.
    await eventually('the new price counts', async () => (await costOfCall(admin, call)) === 0.003)
    expect(await costOfCall(other, call)).toBe(0.0125)
    await set(admin, 'house-model', { input_per_million: 0, output_per_million: 0 })
    await eventually('nothing is counted', async () => {
      return (await costOfCall(admin, { model: 'house-model' })) === undefined
    })
  })

  it(ruleName('setModelPricing.countsFromNowOn', 'for caps on costs'), async () => {
    const { admin } = makeTenant()
    const cap = { scope: 'tenant', metric: 'cost', period: 'day', amount: 100, unknown_prices: 'refuse' }
    await traces.request(admin, 'POST', '/v1/usage-caps', cap)
    const nobody = { apiKey: '', user: '', agent: '' }
    const reserve = () =>
      traces.rpc(TracesServiceService).reserveUsage(traces.call(admin), {
        reservationId: randomUUID(),
        subjects: { ...nobody, provider: 'own', model: 'new-model' },
        inputTokens: 1_000,
        outputTokens: 1_000,
        beginsRun: true,
      })
    await expect(reserve()).rejects.toMatchObject({ key: 'error.price_unknown' })
    await set(admin, 'own/new-model')
    await eventually('the price is known', async () => (await reserve().catch(() => undefined))?.reserved === true)
  })

  rule('setModelPricing.limitsTheirNumber', async () => {
    const { admin, tenantId } = makeTenant()
    await traces.mesh
      .database('traces')
      .forTenant(tenantId)
      .query(
        `INSERT INTO traces.model_prices (tenant_id, name, input_per_million, output_per_million)
       SELECT $1, 'model-' || n, 1, 1 FROM generate_series(1, $2::int) AS n`,
        [tenantId, mostPrices],
      )
    const { status, body } = await set(admin, 'one-more')
    expect([status, body]).toMatchObject([409, { error: expect.stringContaining('1000') as string }])
    expect((await set(admin, 'model-1')).status).toBe(200)
  })

  rule('setModelPricing.isAudited', async () => {
    const { admin, tenantId } = makeTenant()
    await set(admin, 'gpt-4o')
    await eventually('it is told', async () =>
      heard.some(({ type, tenantid, data }) => {
        const { id, actorId } = data as { id: string; actorId: string }
        const isIt = type === eventType('modelPriceSet') && tenantid === tenantId
        return isIt && id === 'gpt-4o' && actorId === admin.userId
      }),
    )
  })
})

describe('giving up a price', () => {
  rule('deleteModelPricing.fallsBack', async () => {
    const { admin } = makeTenant()
    await set(admin, 'gpt-4o')
    expect(await remove(admin, 'GPT-4o')).toMatchObject({ status: 200, body: { status: 'deleted' } })
    expect(await get(admin, 'gpt-4o')).toMatchObject({ input_per_million: 2.5, origin: 'catalogue' })
  })

  rule('deleteModelPricing.findsOwnPricesOnly', async () => {
    const { admin } = makeTenant()
    const { admin: other } = makeTenant()
    await set(other, 'theirs')
    expect((await remove(admin, 'gpt-4o')).status).toBe(404)
    expect((await remove(admin, 'theirs')).status).toBe(404)
    expect(await get(other, 'theirs')).toMatchObject({ origin: 'tenant' })
  })

  rule('deleteModelPricing.isAudited', async () => {
    const { admin, tenantId } = makeTenant()
    await set(admin, 'gpt-4o')
    await remove(admin, 'gpt-4o')
    await eventually('it is told', async () =>
      heard.some(({ type, tenantid }) => type === eventType('modelPriceDeleted') && tenantid === tenantId),
    )
  })
})

describe('over WebSocket', () => {
  const { admin } = makeTenant()
  const price = { input_per_million: 1, output_per_million: 2 }

  rule('model.pricing.set.isAsOverHttp', async () => {
    const answer = await method<{ price: Pricing }>(admin, 'model.pricing.set', { name: 'Mine', ...price })
    expect(answer.price).toEqual(await get(admin, 'mine'))
    await expect(
      method(admin, 'model.pricing.set', { name: 'mine', input_per_million: -1, output_per_million: 1 }),
    ).rejects.toMatchObject({ code: 'INVALID_REQUEST' })
  })
  rule('model.pricing.get.isAsOverHttp', async () => {
    const answer = await method<{ price: Pricing }>(admin, 'model.pricing.get', { name: 'gpt-4o-2024-11-20' })
    expect(answer.price).toEqual(await get(admin, 'gpt-4o-2024-11-20'))
  })
  rule('model.pricing.list.isAsOverHttp', async () => {
    expect(await method(admin, 'model.pricing.list', { limit: 3, search: 'gpt' })).toEqual(
      await list(admin, '?limit=3&search=gpt'),
    )
  })
  rule('model.pricing.delete.isAsOverHttp', async () => {
    await set(admin, 'gone')
    expect(await method(admin, 'model.pricing.delete', { name: 'gone' })).toEqual({ status: 'deleted' })
    await expect(method(admin, 'model.pricing.delete', { name: 'gone' })).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })
})
