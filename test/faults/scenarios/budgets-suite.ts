/** Many runs at once against usage caps, over replicas, and PostgreSQL or Redis lost in the middle. */
import { setTimeout as sleep } from 'node:timers/promises'
import { createDatabase, type TestDatabase } from '../../support/database.ts'
import { dependencyUrl } from '../../support/dependencies.ts'
import { eventually } from '../../support/eventually.ts'
import type { Api } from '../../support/mesh-api.ts'
import { meshStartLimitMs, ownerId, startMesh, type Mesh, type MeshOptions } from '../../support/mesh-processes.ts'
import { startRedis, type RedisHandle } from '../../support/redis.ts'
import { openTcpProxy, type TcpProxy } from '../../support/tcp-proxy.ts'

interface Size {
  /** Runs that are asked for at once. */
  runs: number
  /** Runs that there is a budget for. */
  budget: number
  replicas: Pick<MeshOptions, 'gateways' | 'agents' | 'together'>
}

/** What the model reports of each call, and what that costs: 1,000 x 2 + 100 x 20 dollars a million. */
const usage = { prompt_tokens: 1_000, completion_tokens: 100, total_tokens: 1_100 }
const price = { input_per_million: 2, output_per_million: 20 }
const callCost = 0.004

interface Completion {
  error?: { type: string }
}
interface Used {
  used: number
  reserved: number
}

const world = async (replicas: Size['replicas']) => {
  const { hostname, port } = new URL(dependencyUrl('postgres'))
  const [database, gate, redis] = await Promise.all([
    createDatabase('budgets'),
    openTcpProxy(hostname, Number(port)),
    startRedis(),
  ])
  const behind = new URL(database.url)
  behind.hostname = '127.0.0.1'
  behind.port = String(gate.port)
  const mesh = await startMesh({
    ...replicas,
    databaseUrl: behind.href,
    redisUrl: redis.url,
    env: { CLAWMESH_MODEL_PRICES: JSON.stringify({ 'budget-model': price }) },
  })
  mesh.upstream.rule = () => ({ text: 'done', usage, model: 'budget-model' })
  return { database, gate, redis, mesh }
}

export const budgetTests = ({ runs, budget, replicas }: Size): void => {
  let database: TestDatabase
  let gate: TcpProxy
  let redis: RedisHandle
  let mesh: Mesh
  let owner: Api
  beforeAll(async () => {
    ;({ database, gate, redis, mesh } = await world(replicas))
    owner = mesh.api(0, ownerId)
    await owner.need('POST', '/v1/agents', { agent_key: 'spender', provider: 'fake', model: 'budget-model' })
    // A process that was up before another looks for it again only after a pause.
    await eventually('a first answer', async () => (await ask(0)).status === 200)
  }, meshStartLimitMs)
  afterAll(async () => {
    await mesh?.stop()
    await redis?.stop('SIGKILL')
    await gate?.shut()
    await database?.drop()
  })

  const ask = (at: number) =>
    mesh.api(at % mesh.edges.length, ownerId).request<Completion>('POST', '/v1/chat/completions', {
      model: 'goclaw:spender',
      max_tokens: 100,
      messages: [{ role: 'user', content: 'go' }],
    })
  const all = <T>(many: number, work: (at: number) => Promise<T>) =>
    Promise.all(Array.from({ length: many }, (_, at) => work(at)))
  const cap = async (fields: object): Promise<string> => {
    const body = { scope: 'tenant', period: 'month', ...fields }
    const { id } = await owner.need<{ id: string }>('POST', '/v1/usage-caps', body)
    // Replicas hear of it over the bus.
    await sleep(500)
    return id
  }
  const uncap = (id: string) => owner.need('DELETE', `/v1/usage-caps/${id}`)
  const used = async (id: string): Promise<Used> =>
    (await owner.need<{ utilization: Used[] }>('GET', `/v1/usage-caps/utilization?cap_id=${id}`)).utilization[0]!
  /** US dollars that the traces have counted. */
  const traced = async (): Promise<number> => {
    const { rows } = await owner.need<{ rows: { total_cost: number }[] }>('GET', '/v1/costs/summary')
    return rows.reduce((sum, row) => sum + row.total_cost, 0)
  }
  const served = () => mesh.upstream.requests.length
  /** Spans come some time after the answers. */
  const tracedUntil = (cost: number) =>
    eventually('the traces of all runs', async () => Math.abs((await traced()) - cost) < 1e-8)

  it(`serves ${budget} of ${runs} runs at once, and asks the model no more often`, async () => {
    const id = await cap({ metric: 'runs', amount: budget })
    const before = served()
    const answers = await all(runs, ask)
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(budget)
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(runs - budget)
    expect(served() - before).toBe(budget)
    expect(await used(id)).toMatchObject({ used: budget, reserved: 0 })
    const late = await ask(0)
    expect([late.status, late.body.error?.type]).toEqual([429, 'insufficient_quota'])
    await uncap(id)
  })

  it('spends a budget to its end and at most one call more, and as much as the traces say', async () => {
    const amount = budget * callCost
    const before = served()
    // What is counted from here on is of this test.
    const tracedBefore = before * callCost
    await tracedUntil(tracedBefore)
    const id = await cap({ metric: 'cost', amount, unknown_prices: 'refuse' })
    let held = 0
    const outcomes = await all(runs, async (at) => {
      for (;;) {
        const { status, body, headers } = await ask(at)
        if (body.error?.type !== 'rate_limit_error') return body.error?.type ?? status
        held++
        await sleep(Number(headers.get('retry-after')) * 1_000 * (0.5 + Math.random()))
      }
    })
    const count = (outcome: string | number) => outcomes.filter((each) => each === outcome).length
    const many = served() - before
    console.error(`${many} calls for a budget of ${budget}; ${held} times the rest was held by others`)
    expect(count(200)).toBe(many)
    expect(count('insufficient_quota')).toBe(runs - many)
    expect([budget, budget + 1]).toContain(many)
    const { used: spent, reserved } = await used(id)
    expect(reserved).toBe(0)
    expect(spent).toBeCloseTo(many * callCost, 8)
    await tracedUntil(tracedBefore + spent)
    await uncap(id)
  })

  it('serves nobody while PostgreSQL is away, and counts what was under way', async () => {
    const id = await cap({ metric: 'cost', amount: 1_000 })
    const before = served()
    expect((await ask(0)).status).toBe(200)
    mesh.upstream.next({ text: 'late', usage, model: 'budget-model', headerDelayMs: 2_000 })
    const underWay = ask(0)
    await eventually('the call', async () => served() === before + 2)
    await gate.shut()
    const answers = await all(20, ask)
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([503]))
    await underWay
    expect(served()).toBe(before + 2)
    await gate.open()
    const counted = () => used(id).catch(() => undefined)
    await eventually('the settlement', async () => (await counted())?.reserved === 0)
    expect((await used(id)).used).toBeCloseTo(2 * callCost, 8)
    await eventually('an answer', async () => (await ask(0)).status === 200)
  })

  it('serves no more than the budget when Redis is lost in the middle', async () => {
    const id = await cap({ metric: 'runs', amount: budget })
    const before = served()
    const asked = all(runs, ask)
    await eventually('the first calls', async () => served() > before)
    await redis.stop('SIGKILL')
    const statuses = (await asked).map(({ status }) => status)
    expect(statuses.filter((status) => status === 200)).toHaveLength(served() - before)
    expect(statuses.filter((status) => status === 429)).toHaveLength(runs - budget)
    expect(served() - before).toBe(budget)
    expect((await ask(0)).status).toBe(429)
    expect(await used(id)).toMatchObject({ used: budget, reserved: 0 })
    await uncap(id)
  })
}
