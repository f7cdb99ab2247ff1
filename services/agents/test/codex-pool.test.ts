/** What is told of the accounts behind an agent's provider, and what a run notes of them. */
import type { Caller, EventData } from '@clawmesh/contracts'
import { rule } from '../../../test/support/rule.ts'
import { testCaller } from '../../../test/support/service-harness.ts'
import { consumeEvents } from '../../../test/support/events.ts'
import { eventually } from '../../../test/support/eventually.ts'
import { done, startAgents, text, type AgentsUnderTest } from './stand-ins.ts'

type Body = Record<string, unknown>

let agents: AgentsUnderTest
let admin: Caller
beforeAll(async () => {
  agents = await startAgents()
})
afterAll(() => agents.stop())
beforeEach(() => {
  admin = testCaller({ role: 'admin' })
  agents.poolSums.length = 0
  agents.tracesAreAway = false
  agents.accountPools = {
    codex: {
      isAccount: true,
      strategy: 'round_robin',
      extraProviders: ['second', 'third'],
      signedIn: ['codex', 'third'],
    },
    gone: { isAccount: true, strategy: 'round_robin', extraProviders: [], signedIn: [] },
  }
})

const create = async (fields: Body) => {
  const { status, body } = await agents.request<Body>(admin, 'POST', '/v1/agents', { agent_key: 'pooled', ...fields })
  expect(status).toBe(201)
  return String(body['id'])
}
const activity = (query = '', as = admin, agent = 'pooled') =>
  agents.request<Body>(as, 'GET', `/v1/agents/${agent}/codex-pool-activity${query}`)
const withRouting = (routing: object) => ({ provider: 'codex', other_config: { chatgpt_oauth_routing: routing } })

rule('getAgentCodexPoolActivity.needsAccessToTheAgent', async () => {
  await create({ provider: 'codex' })
  const bob = { ...admin, role: 'viewer' as const, userId: 'bob' }
  expect([(await activity('', bob)).status, (await activity('', admin, 'nobody')).status]).toEqual([403, 404])
})

rule('getAgentCodexPoolActivity.showsTheStrategyThatHolds', async () => {
  const shown = async (fields: Body) => {
    const id = await create({ agent_key: `a${Math.random().toString(36).slice(2, 9)}`, ...fields })
    const { body } = await activity('', admin, id)
    return [body['strategy'], body['pool_providers']]
  }
  expect(await shown({ provider: 'codex' })).toEqual(['round_robin', ['codex', 'third']])
  expect(await shown(withRouting({ override_mode: 'inherit', strategy: 'priority_order' }))).toEqual([
    'round_robin',
    ['codex', 'third'],
  ])
  expect(await shown(withRouting({ strategy: 'priority_order' }))).toEqual(['priority_order', ['codex', 'third']])
  expect(await shown(withRouting({ strategy: 'primary_first' }))).toEqual(['primary_first', ['codex']])
})

rule('getAgentCodexPoolActivity.isEmptyWithoutAPool', async () => {
  const lists = { pool_providers: [], stats_sample_size: 0, provider_counts: [], recent_requests: [] }
  await create({ provider: 'other' })
  expect((await activity()).body).toEqual({ strategy: 'primary_first', ...lists })
  const gone = await create({ agent_key: 'gone', provider: 'gone' })
  expect((await activity('', admin, gone)).body).toEqual({ strategy: 'round_robin', ...lists })
  expect(agents.poolSums).toEqual([])
})

rule('getAgentCodexPoolActivity.listsNewestFirst', async () => {
  const agentId = await create({ provider: 'codex' })
  for (const query of ['', '?limit=0', '?limit=51', '?limit=many', '?limit=50']) await activity(query)
  expect(agents.poolSums.map(({ limit, sample, days }) => [limit, sample, days])).toEqual([
    ...Array<number[]>(4).fill([18, 120, 0]),
    [50, 120, 0],
  ])
  expect(agents.poolSums[0]).toMatchObject({ agentId, poolProviders: ['codex', 'third'] })
})

rule('getAgentCodexPoolActivity.needsTraces', async () => {
  await create({ provider: 'codex' })
  agents.tracesAreAway = true
  const { status, body } = await activity()
  expect([status, body['code'], body['retryable']]).toEqual([503, 'UNAVAILABLE', true])
})

describe('a run', () => {
  const evidence = {
    poolOwnerProvider: 'codex',
    strategy: 'round_robin',
    poolProviders: ['codex', 'second', 'third'],
    selectedProvider: 'second',
    attemptedProviders: ['second', 'third'],
  }
  const ended: EventData<'runEnded'>[] = []
  beforeAll(() =>
    consumeEvents(agents.bus, {
      durable: 'pool-spans',
      subject: 'mesh.events.*.agents.run.ended',
      batchSize: 10,
      handle: async (batch) => void ended.push(...batch.map(({ data }) => data as EventData<'runEnded'>)),
    }),
  )
  const spanOf = (agentId: string) =>
    eventually('the span of the call', async () =>
      ended.find((run) => run.agentId === agentId)?.spans.find((span) => span.span_type === 'llm_call'),
    )

  it('notes who was asked and who has served, and asks as the agent wishes', async () => {
    agents.model = async function* () {
      yield { event: { $case: 'pooled', value: { ...evidence, servingProvider: '' } } }
      yield text('hi')
      yield { event: { $case: 'pooled', value: { ...evidence, servingProvider: 'third' } } }
      yield done({ content: 'hi', provider: 'third' })
    }
    const agentId = await create(withRouting({ strategy: 'priority_order' }))
    await agents.request(admin, 'POST', '/v1/agents/pooled/wake', { message: 'hello' })
    expect(agents.asked.at(-1)!.routing?.accountPool).toEqual({ strategy: 'priority_order', ownerOnly: false })
    expect(await spanOf(agentId)).toMatchObject({
      provider: 'third',
      metadata: {
        chatgpt_oauth_routing: {
          pool_owner_provider: 'codex',
          strategy: 'round_robin',
          pool_providers: ['codex', 'second', 'third'],
          selected_provider: 'second',
          serving_provider: 'third',
          attempted_providers: ['second', 'third'],
          failover_providers: ['third'],
          attempt_count: 2,
        },
      },
    })
  })

  it('notes who was asked when none has served', async () => {
    agents.model = async function* () {
      yield { event: { $case: 'pooled', value: { ...evidence, servingProvider: '' } } }
      await Promise.reject(new Error('all away'))
    }
    const agentId = await create({ provider: 'codex' })
    await agents.request(admin, 'POST', '/v1/agents/pooled/wake', { message: 'hello' })
    const { metadata, status } = await spanOf(agentId)
    expect([status, metadata]).toEqual([
      'error',
      {
        chatgpt_oauth_routing: expect.not.objectContaining({
          serving_provider: expect.anything() as unknown,
        }) as unknown,
      },
    ])
  })
})
