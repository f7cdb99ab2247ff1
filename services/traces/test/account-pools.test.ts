/** What the accounts of a pool did, counted over traces in a real database. */
import { newId } from '@clawmesh/chassis'
import { TracesServiceService } from '@clawmesh/contracts/gen/clawmesh/traces/v1/traces.ts'
import type { Caller } from '@clawmesh/contracts'
import { eventually } from '../../../test/support/eventually.ts'
import { rule } from '../../../test/support/rule.ts'
import { countPool, type PoolCall } from '../src/account-pools/count.ts'
import {
  daysAgo,
  makeSpan,
  makeTenant,
  reportOf,
  startTraces,
  type RecordedSpan,
  type TracesHarness,
} from './support.ts'

const pool = ['codex', 'second']
const at = (minute: number) => new Date(Date.UTC(2026, 0, 1, 0, minute))
const call = (fields: Partial<PoolCall> = {}): PoolCall => ({
  ...{ id: newId(), traceId: newId(), startedAt: at(0), status: 'completed', durationMs: 5, model: 'gpt-5.4' },
  ...{ provider: 'codex', agentId: 'a', agentKey: 'helper', evidence: null },
  ...fields,
})
const routed = (selected: string, serving: string, attempted: string[], fields: Partial<PoolCall> = {}) =>
  call({
    evidence: {
      selected_provider: selected,
      ...(serving === '' ? {} : { serving_provider: serving }),
      attempted_providers: attempted,
      failover_providers: attempted.slice(1),
      attempt_count: attempted.length,
    },
    ...(serving === '' ? { status: 'error' } : {}),
    ...fields,
  })
const countsOf = (calls: PoolCall[], name: string) =>
  countPool(calls, pool, 50).providerCounts.find(({ providerName }) => providerName === name)!

rule('getAgentCodexPoolActivity.countsSelectionsAndServes', async () => {
  const calls = [
    call({ startedAt: at(9), status: 'running' }),
    routed('codex', '', ['codex', 'second'], { startedAt: at(8) }),
    routed('codex', 'second', ['codex', 'second'], { startedAt: at(7) }),
    call({ startedAt: at(6) }),
  ]
  expect(countsOf(calls, 'codex')).toMatchObject({
    ...{ requestCount: 4, directSelectionCount: 4, failoverServeCount: 0 },
    ...{ successCount: 1, failureCount: 2, consecutiveFailures: 2, successRate: 33 },
    ...{ lastSelectedAt: at(9).toISOString(), lastUsedAt: at(9).toISOString() },
    ...{ lastSuccessAt: at(6).toISOString(), lastFailureAt: at(8).toISOString(), lastFailoverAt: undefined },
  })
  expect(countsOf(calls, 'second')).toMatchObject({
    ...{ requestCount: 0, failoverServeCount: 1, successCount: 1, failureCount: 1, consecutiveFailures: 1 },
    ...{ lastSelectedAt: undefined, lastFailoverAt: at(7).toISOString(), lastUsedAt: at(7).toISOString() },
  })
  const { recentRequests, statsSampleSize } = countPool(calls, pool, 3)
  expect(statsSampleSize).toBe(4)
  expect(recentRequests.map((one) => [one.providerName, one.attemptCount, one.usedFailover])).toEqual([
    ['', 1, false],
    ['', 2, true],
    ['second', 2, true],
  ])
})

rule('getAgentCodexPoolActivity.scoresHealth', async () => {
  /** Outcomes of the account, newest first. */
  const health = (outcomes: string) => {
    const calls = [...outcomes].map((one) => call({ status: one === '+' ? 'completed' : 'error' }))
    const { healthScore, healthState } = countsOf(calls, 'codex')
    return [outcomes, healthScore, healthState]
  }
  for (const expected of [
    ['', 0, 'idle'],
    ['+', 100, 'healthy'],
    ['++++-', 80, 'healthy'],
    ['+++-', 75, 'degraded'],
    ['-++++', 65, 'degraded'],
    ['--+++', 30, 'critical'],
    ['---++++++++++++++++', 39, 'critical'],
    ['----++++++++++++++++++++++++++++++++++++', 45, 'critical'],
    ['-', 0, 'critical'],
  ])
    expect(health(String(expected[0]))).toEqual(expected)
})

describe('over traces', () => {
  let traces: TracesHarness
  let admin: Caller
  let tenantId: string
  beforeAll(async () => {
    traces = await startTraces()
  })
  afterAll(() => traces.stop())
  beforeEach(() => {
    ;({ admin, tenantId } = makeTenant())
  })

  const tell = (agentId: string, spans: Partial<RecordedSpan>[], trace: object = {}) => {
    const base = { agent_id: agentId, session_key: 'agent:helper:main', ...trace }
    return traces.tell(reportOf(tenantId, base, spans.map(makeSpan)))
  }
  const sum = (fields: object = {}) =>
    traces.rpc(TracesServiceService).sumPoolActivity(traces.call(admin), {
      ...{ poolProviders: pool, agentId: '', days: 0, sample: 120, limit: 18 },
      ...fields,
    })
  const evidence = (selected: string) => ({ chatgpt_oauth_routing: { selected_provider: selected } })
  const recorded = (many: number) => eventually('the traces', async () => (await traces.list(admin)).total === many)

  rule('getAgentCodexPoolActivity.countsItsOwnCalls', async () => {
    const [mine, other] = [newId(), newId()]
    await tell(mine, [
      { provider: 'codex' },
      { provider: 'elsewhere' },
      { provider: 'codex', metadata: evidence('elsewhere') },
      { provider: 'elsewhere', metadata: evidence('second') },
      { provider: 'codex', span_type: 'tool_call' },
    ])
    await tell(other, [{ provider: 'codex' }])
    const parent = newId()
    await tell(mine, [{ provider: 'codex' }], { parent_trace_id: parent })
    await recorded(3)
    expect((await sum({ agentId: mine })).statsSampleSize).toBe(2)
    expect((await sum()).statsSampleSize).toBe(3)
    const stranger = makeTenant()
    admin = stranger.admin
    expect((await sum()).statsSampleSize).toBe(0)
  })

  rule('getAgentCodexPoolActivity.countsTheNewest', async () => {
    const [agentId, parent] = [newId(), newId()]
    const old = { created_at: daysAgo(20), start_time: daysAgo(20) }
    await tell(agentId, Array<object>(2).fill({ provider: 'codex' }), old)
    await tell(agentId, Array<object>(120).fill({ provider: 'codex' }))
    await tell(agentId, [{ provider: 'codex' }], { parent_trace_id: parent })
    await recorded(3)
    expect((await sum({ agentId })).statsSampleSize).toBe(120)
    expect((await sum({ agentId, sample: 200 })).statsSampleSize).toBe(122)
  })

  rule('getProviderCodexPoolActivity.countsAWeek', async () => {
    await tell(newId(), [{ provider: 'codex' }], { created_at: daysAgo(6), start_time: daysAgo(6) })
    await tell(newId(), [{ provider: 'codex' }], { created_at: daysAgo(8), start_time: daysAgo(8) })
    await recorded(2)
    expect([(await sum({ days: 7 })).statsSampleSize, (await sum()).statsSampleSize]).toEqual([1, 2])
    expect((await sum({ sample: 1 })).statsSampleSize).toBe(1)
  })

  rule('getProviderCodexPoolActivity.namesTheBusiestAgents', async () => {
    const ids = Array.from({ length: 12 }, newId)
    await Promise.all(ids.map((id, busy) => tell(id, Array<object>(busy + 1).fill({ provider: 'codex' }))))
    await recorded(12)
    const { topAgents } = await sum()
    expect(topAgents.map(({ agentId }) => agentId)).toEqual(ids.toReversed().slice(0, 10))
    expect(topAgents[0]).toEqual({ agentId: ids.at(-1), agentKey: 'helper', requestCount: 12 })
  })
})
