import fc from 'fast-check'
import { mergeReports } from '../src/intake/merge.ts'
import { monthlyCosts } from '../src/intake/monthly-costs.ts'
import { days, months } from '../src/partitions/calendar.ts'
import { isExpired, planPeriods } from '../src/partitions/use-cases.ts'
import { costOf } from '../src/intake/prices.ts'
import { createPriceTable } from '../src/model-pricing/price-table.ts'
import { maxCount } from '../src/intake/count.ts'
import { totalsOf } from '../src/intake/totals.ts'
import type { TraceReport, TraceSpan } from '../src/intake/types.ts'

const span = (fields: Partial<TraceSpan> = {}): TraceSpan => ({
  id: 'a',
  span_type: 'llm_call',
  start_time: '2026-11-20T00:00:00.000Z',
  status: 'completed',
  ...fields,
})

describe('the cost of a span', () => {
  const prices = createPriceTable({
    m: { input_per_million: 2, output_per_million: 10, cache_read_per_million: 0.5, cache_create_per_million: 4 },
    'acme/M': { input_per_million: 1, output_per_million: 1 },
    'free/m': { input_per_million: 0, output_per_million: 0 },
  })
  const used = { input_tokens: 1_000_000, output_tokens: 100_000 }

  it('is tokens by price, cached ones as parts of the input, at its price unless they have their own', () => {
    const metadata = { cache_read_tokens: 200_000, cache_creation_tokens: 50_000 }
    expect(costOf(prices, span({ model: 'm', ...used, metadata }))).toBe(2.8)
    expect(costOf(prices, span({ provider: 'acme', model: 'm', ...used, metadata }))).toBe(1.1)
  })

  it('of 100,000 tokens to gpt-4o, of which 90,000 came from the cache, and 100 from it is $0.1385', () => {
    const call = { model: 'gpt-4o', input_tokens: 100_000, output_tokens: 100, metadata: { cache_read_tokens: 90_000 } }
    expect(costOf(createPriceTable({}), span({ provider: 'openai', ...call }))).toBe(0.1385)
  })

  it('of a call to Claude counts what it read from and wrote to the cache once', () => {
    const metadata = { cache_read_tokens: 90_000, cache_creation_tokens: 5_000 }
    const call = { model: 'claude-sonnet-4-5', input_tokens: 100_000, output_tokens: 100, metadata }
    // 5,000 x 3 + 90,000 x 0.3 + 5,000 x 3.75 + 100 x 15
    expect(costOf(createPriceTable({}), span({ provider: 'anthropic', ...call }))).toBe(0.06225)
  })

  it('never counts more cached tokens than there was input', () => {
    const call = { model: 'gpt-4o', input_tokens: 10, output_tokens: 0, metadata: { cache_read_tokens: 1_000 } }
    expect(costOf(createPriceTable({}), span(call))).toBe(0.0000125)
  })

  it('takes the price of provider and model before that of the model, in any case of letters', () => {
    expect(costOf(prices, span({ provider: 'ACME', model: 'M', ...used }))).toBe(1.1)
    expect(costOf(prices, span({ provider: 'other', model: 'M', ...used }))).toBe(3)
  })

  it('is absent without a price, without a model and when it is nothing', () => {
    expect(costOf(prices, span({ model: 'unknown', ...used }))).toBeUndefined()
    expect(costOf(prices, span(used))).toBeUndefined()
    expect(costOf(prices, span({ provider: 'free', model: 'm', ...used }))).toBeUndefined()
    expect(costOf(prices, span({ model: 'm' }))).toBeUndefined()
  })

  it('is that of the model for a dated name, unless that has its own', () => {
    const table = createPriceTable({
      'gpt-x': { input_per_million: 3, output_per_million: 0 },
      'gpt-x-2025-01-01': { input_per_million: 1, output_per_million: 0 },
    })
    const million = { input_tokens: 1_000_000, output_tokens: 0 }
    const costs = ['gpt-x-2024-11-20', 'gpt-x-20241120', 'gpt-x-2025-01-01', 'gpt-x-2024', 'gpt-x-mini-2024-11-20']
    expect(costs.map((model) => costOf(table, span({ model, ...million })))).toEqual([3, 3, 1, undefined, undefined])
    expect(costOf(createPriceTable({}), span({ model: 'gpt-4o-2024-11-20', ...million }))).toBe(2.5)
  })

  it('is that of the model by its own name where a router calls it by another, and less than a price of that other', () => {
    const own = { 'gpt-4o': { input_per_million: 7, output_per_million: 0 } }
    const routed = { 'openai/gpt-4o': { input_per_million: 8, output_per_million: 0 } }
    const million = { provider: 'openrouter', input_tokens: 1_000_000, output_tokens: 0 }
    const costs = (table: Parameters<typeof createPriceTable>[0]) =>
      ['openai/gpt-4o', 'openai/gpt-4o-2024-11-20', 'openai/gpt-4o-mini'].map((model) =>
        costOf(createPriceTable(table), span({ ...million, model })),
      )
    expect(costs(own)).toEqual([7, 7, 0.15])
    expect(costs({ ...own, ...routed })).toEqual([8, 8, 0.15])
  })

  it('is not counted twice by the agent span above it', () => {
    expect(costOf(prices, span({ span_type: 'agent', model: 'm', ...used }))).toBeUndefined()
  })

  it('is known for default models, and configuration overrides what is known', () => {
    const sonnet = span({ provider: 'anthropic', model: 'claude-sonnet-4-5-20250929', ...used })
    expect(costOf(createPriceTable({}), sonnet)).toBe(4.5)
    const override = { 'claude-sonnet-4-5-20250929': { input_per_million: 1, output_per_million: 0 } }
    expect(costOf(createPriceTable(override), sonnet)).toBe(1)
  })

  it('never is negative nor endless, whatever the tokens', () => {
    const metadata = fc.record({ cache_read_tokens: fc.anything(), cache_creation_tokens: fc.anything() })
    const tokens = fc.integer({ min: Number.MIN_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER })
    fc.assert(
      fc.property(tokens, tokens, metadata, (input_tokens, output_tokens, meta) => {
        const cost = costOf(prices, span({ model: 'm', input_tokens, output_tokens, metadata: meta })) ?? 1
        return cost > 0 && Number.isFinite(cost)
      }),
    )
  })
})

describe('the totals of a trace', () => {
  it('count tokens of model calls only, and the cost of every span', () => {
    const totals = totalsOf([
      span({ span_type: 'agent', input_tokens: 30, output_tokens: 3 }),
      span({ input_tokens: 10, output_tokens: 1, total_cost: 0.1, metadata: { cache_read_tokens: 7 } }),
      span({ input_tokens: 20, output_tokens: 2, total_cost: 0.2, metadata: { cache_read_tokens: 5 } }),
      span({ span_type: 'tool_call', input_tokens: 99, total_cost: 0.3, metadata: { cache_read_tokens: 9 } }),
    ])
    expect(totals).toEqual({
      total_input_tokens: 30,
      total_output_tokens: 3,
      total_cost: 0.6,
      span_count: 4,
      llm_call_count: 2,
      tool_call_count: 1,
      metadata: { total_cache_read_tokens: 12 },
    })
  })

  it('do not depend on the order of the spans and stay within what can be stored', () => {
    const anySpan = fc.record({
      span_type: fc.constantFrom('llm_call' as const, 'tool_call' as const, 'agent' as const),
      input_tokens: fc.nat(),
      output_tokens: fc.nat(),
      total_cost: fc.nat(1_000_000).map((millionths) => millionths / 1e6),
    })
    fc.assert(
      fc.property(fc.array(anySpan), (spans) => {
        const totals = totalsOf(spans)
        expect(totalsOf(spans.toReversed())).toEqual(totals)
        expect(totals.total_input_tokens).toBeLessThanOrEqual(maxCount)
      }),
    )
  })
})

describe('a trace reported twice', () => {
  const reported = (minute: number, fields: Partial<TraceReport['trace']>, spans: TraceSpan[] = []): TraceReport => ({
    tenantId: 't',
    recordedAt: `2026-11-20T00:0${minute}:00.000Z`,
    trace: {
      id: 'x',
      start_time: '2026-11-20T00:00:00.000Z',
      created_at: '2026-11-20T00:00:00.000Z',
      status: 'completed',
      ...fields,
    },
    spans,
  })

  it('ends as the later event says, whichever came first, and keeps what only the earlier one knew', () => {
    const early = reported(1, { status: 'completed', output_preview: 'half', metadata: { a: 1 } })
    const late = reported(2, { status: 'error', error: 'lost', metadata: { b: 2 } })
    for (const batch of [
      [early, late],
      [late, early],
    ])
      expect(mergeReports(batch).map(({ trace }) => trace)).toMatchObject([
        { status: 'error', error: 'lost', output_preview: 'half', metadata: { a: 1, b: 2 } },
      ])
  })

  it('has the spans of both; one that ended stays, one that ran is as it ended', () => {
    const first = reported(1, {}, [span({ id: '1', status: 'running' }), span({ id: '2', name: 'first' })])
    const second = reported(2, {}, [span({ id: '1' }), span({ id: '2', name: 'second' }), span({ id: '3' })])
    const [merged] = mergeReports([second, first])
    expect(merged!.spans).toMatchObject([{ id: '1', status: 'completed' }, { id: '2', name: 'first' }, { id: '3' }])
  })
})

describe('monthly costs', () => {
  it('are summed by tenant, agent and UTC month, of root traces that have an agent', () => {
    const base = { tenantId: 't', agentId: 'a', parentTraceId: null, createdAt: '2026-11-30T23:59:59.999Z', usd: 0.1 }
    expect(
      monthlyCosts([
        { ...base, createdAt: '2026-12-01T00:00:00.000Z' },
        base,
        { ...base, usd: 0.2 },
        { ...base, parentTraceId: 'p' },
        { ...base, agentId: null },
        { ...base, usd: 0 },
      ]),
    ).toEqual([
      { tenant_id: 't', agent_id: 'a', month: '2026-11-01', cost_usd: 0.3 },
      { tenant_id: 't', agent_id: 'a', month: '2026-12-01', cost_usd: 0.1 },
    ])
  })
})

describe('days', () => {
  const noon = Date.UTC(2026, 10, 20, 12)

  it('are made ahead and dropped once all they hold is too old', () => {
    const existing = ['2026-11-12', '2026-11-13', '2026-11-19', '2026-11-20']
    expect(planPeriods(days, existing, noon, 7)).toEqual({
      drop: ['2026-11-12'],
      create: ['2026-11-21', '2026-11-22', '2026-11-23'],
    })
  })

  it('outlive every row that is younger than the retention', () => {
    expect(isExpired(days, '2026-11-12', Date.UTC(2026, 10, 20) - 1, 7)).toBe(false)
    expect(isExpired(days, '2026-11-12', Date.UTC(2026, 10, 20), 7)).toBe(true)
  })
})

describe('months', () => {
  it('are made before they begin and dropped once all they hold is too old', () => {
    const turn = Date.UTC(2026, 11, 30)
    expect(planPeriods(months, ['2025-11-01', '2025-12-01', '2026-12-01'], turn, 365)).toEqual({
      drop: ['2025-11-01'],
      create: ['2027-01-01'],
    })
    expect(planPeriods(months, ['2026-11-01'], Date.UTC(2026, 10, 20), 365)).toEqual({ drop: [], create: [] })
    expect(isExpired(months, '2024-02-01', Date.UTC(2024, 2, 2) - 1, 1)).toBe(false)
    expect(isExpired(months, '2024-02-01', Date.UTC(2024, 2, 2), 1)).toBe(true)
  })
})
