/** A pool of three ChatGPT accounts over two replicas: whose turn it is, who is left out, and what is told of it. */
import { masterTenantId, type Caller } from '@clawmesh/contracts'
import type { ChatRequest, PoolEvidence, Routing } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import { ProvidersServiceService } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import { fakeCodex, plentyLeft } from '../../../test/fakes/codex.ts'
import type { FakeUpstream, Script } from '../../../test/fakes/http-fake.ts'
import { fakeOpenAiAuth, type FakeOpenAiAuth } from '../../../test/fakes/openai-auth.ts'
import { rule } from '../../../test/support/rule.ts'
import { testCaller } from '../../../test/support/service-harness.ts'
import { orderOf, poolOf, turned, type Eligibility } from '../src/pools/pool.ts'
import { startProviders, type ProvidersHarness, type Replica } from './harness.ts'
import { collect, chatRequest, doneOf, errorOf, type Collected } from './support.ts'

const names = ['first', 'second', 'third']

let mesh: ProvidersHarness
let replica: Replica
let auth: FakeOpenAiAuth
let backend: FakeUpstream
let caller: Caller
/** What the backend answers to an account, by account and path. */
let scripts: Record<string, { chat?: Script; usage?: Script }>

beforeAll(async () => {
  auth = await fakeOpenAiAuth()
  backend = await fakeCodex({ text: 'hello' })
  mesh = await startProviders({
    CLAWMESH_CHATGPT_AUTHORIZE_URL: auth.authorizeUrl,
    CLAWMESH_CHATGPT_TOKEN_URL: auth.tokenUrl,
    CLAWMESH_CHATGPT_LISTENER: 'off',
  })
  replica = await mesh.replica()
})
afterAll(async () => {
  await replica.stop()
  await mesh.stop()
  await Promise.all([auth.close(), backend.close()])
})

const signIn = async (name: string, as = caller) => {
  const start = await mesh.request<{ auth_url: string }>(as, 'POST', `/v1/auth/chatgpt/${name}/start`, {
    api_base: backend.base,
  })
  const redirect_url = auth.signIn(start.body.auth_url, { accountId: `${name}-${as.tenantId}` })
  expect((await mesh.request(as, 'POST', `/v1/auth/chatgpt/${name}/callback`, { redirect_url })).status).toBe(200)
}
const providerOf = async (name: string) => (await mesh.list(caller)).find((one) => one['name'] === name)!
const configure = async (settings: object, name = 'first') => {
  const { id, settings: stored } = await providerOf(name)
  const { status } = await mesh.put(caller, String(id), { settings: { ...(stored as object), ...settings } })
  expect(status).toBe(200)
}

beforeEach(async () => {
  caller = mesh.admin()
  scripts = {}
  auth.exchanges.length = 0
  backend.requests.length = 0
  backend.rule = ({ headers, path }) => {
    const account = auth.accountOf(headers.authorization?.slice('Bearer '.length) ?? '')
    if (account === undefined) return { status: 401 }
    const script = scripts[account.split('-')[0]!] ?? {}
    return path.endsWith('/usage') ? script.usage : script.chat
  }
  for (const name of names) await signIn(name)
  await configure({ codex_pool: { strategy: 'round_robin', extra_provider_names: ['second', 'third'] } })
})

const routing = (fields: Partial<Routing> = {}): Routing => ({
  ...{ fallbacks: [], forbidsFallbacks: false, continuesAnswers: false, affinity: '' },
  ...fields,
})
const ask = (fields: Partial<ChatRequest> = {}): Promise<Collected> =>
  collect(
    mesh.rpc(ProvidersServiceService).chat(mesh.call(caller), chatRequest({ provider: 'first', ...fields })) as never,
  )
const askElsewhere = () => replica.chat(caller, { provider: 'first' })
const evidenceOf = ({ events }: Collected): PoolEvidence => {
  const { event } = events.findLast((one) => one.event?.$case === 'pooled')!
  if (event?.$case !== 'pooled') throw new Error('no evidence')
  return event.value
}
const servedBy = (got: Collected) => doneOf(got).provider
const exhausted = { ...plentyLeft, rate_limit: { primary_window: { used_percent: 100, reset_after_seconds: 60 } } }

it('goes round over all replicas, fair within one call, however many come at once', async () => {
  const all = await Promise.all(Array.from({ length: 20 }, (_, at) => (at % 2 === 0 ? ask() : askElsewhere())))
  const served = all.map(servedBy)
  const counts = names.map((name) => served.filter((one) => one === name).length)
  expect([counts.reduce((sum, count) => sum + count), Math.max(...counts) - Math.min(...counts)]).toEqual([20, 1])
})

it('keeps a conversation at its account, where its prompt is cached', async () => {
  const sticky = { routing: routing({ affinity: 'agent:a:alice' }) }
  const first = servedBy(await ask(sticky))
  expect([servedBy(await ask()) === first, servedBy(await ask(sticky))]).toEqual([false, first])
})

it('renews the token of an account once, whoever asks', async () => {
  for (const name of names) await configure({ expires_at: Math.floor(Date.now() / 1_000) - 5 }, name)
  auth.delayMs = 100
  const all = await Promise.all(Array.from({ length: 12 }, (_, at) => (at % 2 === 0 ? ask() : askElsewhere())))
  auth.delayMs = 0
  expect(all.map((got) => doneOf(got).content)).toEqual(Array(12).fill('hello'))
  expect(auth.exchanges.filter(({ grant_type: kind }) => kind === 'refresh_token')).toHaveLength(3)
})

it('is rid of a revoked account at once, on every replica, and the call is answered by the next', async () => {
  for (let turn = 0; turn < 3; turn++) await Promise.all([ask(), askElsewhere()])
  auth.revoke(`second-${caller.tenantId}`)
  backend.requests.length = 0
  const asked = () =>
    backend.requests.filter(
      ({ path, headers }) =>
        path.endsWith('/responses') && auth.accountOf(headers.authorization!.slice('Bearer '.length)) === undefined,
    )
  const all: Collected[] = []
  for (let turn = 0; turn < 6; turn++) all.push(await ask(), await askElsewhere())
  expect(new Set(all.map(servedBy))).toEqual(new Set(['first', 'third']))
  expect(asked()).toHaveLength(1)
  expect((await providerOf('second'))['has_key']).toBe(false)
})

it('fails over when the quota of an account is spent in the middle, and leaves it out while it is', async () => {
  scripts = { first: { chat: { status: 429, error: { message: 'usage limit reached', type: 'usage_limit_reached' } } } }
  const all: Collected[] = []
  for (let turn = 0; turn < 6; turn++) all.push(await ask())
  expect(all.filter((got) => servedBy(got) === 'first')).toEqual([])
  const asked = backend.requests.filter(
    ({ path, headers }) =>
      path.endsWith('/responses') &&
      auth.accountOf(headers.authorization!.slice('Bearer '.length))!.startsWith('first'),
  )
  expect(asked).toHaveLength(1)
  const evidence = evidenceOf(all.find((got) => evidenceOf(got).selectedProvider === 'first')!)
  expect(evidence).toMatchObject({
    ...{ poolOwnerProvider: 'first', strategy: 'round_robin', poolProviders: names },
    ...{ attemptedProviders: ['first', 'second'], servingProvider: 'second' },
  })
})

it('asks no account whose usage says that nothing is left', async () => {
  scripts = { second: { usage: { body: exhausted } }, third: { usage: { status: 503 } } }
  const all = [await ask(), await ask(), await ask()]
  expect(all.map(servedBy)).toEqual(['first', 'first', 'first'])
})

it('says why nobody can serve', async () => {
  scripts = Object.fromEntries(names.map((name) => [name, { usage: { body: exhausted } }]))
  expect(errorOf(await ask()).message).toBe(
    'no route-eligible chatgpt_oauth providers available: first:exhausted, second:exhausted, third:exhausted',
  )
  for (const name of names)
    await mesh.put(caller, String((await providerOf(name))['id']), { api_base: `${backend.origin}/x` })
  expect(errorOf(await ask()).message).toBe('no authenticated chatgpt_oauth providers available')
})

it('is asked as the caller wishes', async () => {
  const asked = async (accountPool: Routing['accountPool']) =>
    servedBy(await ask({ routing: routing({ accountPool }) }))
  await ask()
  expect([
    await asked({ strategy: 'priority_order', ownerOnly: false }),
    await asked({ strategy: 'primary_first', ownerOnly: false }),
    await asked({ strategy: 'primary_first', ownerOnly: true }),
  ]).toEqual(['first', 'first', 'first'])
})

it('gives no part of an answer twice: what has begun is not asked of the next', async () => {
  scripts = Object.fromEntries(names.map((name) => [name, { chat: { fault: 'cut' as const } }]))
  const got = await ask()
  expect([errorOf(got).key, evidenceOf(got).attemptedProviders.length]).toEqual(['error.stream_cut', 1])
})

describe('the order', () => {
  const rated = (states: Record<string, Eligibility['state']>) =>
    Object.entries(states).map(([name, state]) => ({ name, eligibility: { state, reason: '' } }))
  const states = { a: 'unknown', b: 'healthy', c: 'blocked', d: 'healthy' } as const
  const order = (strategy: Parameters<typeof orderOf>[0], of: Record<string, Eligibility['state']> = states) => {
    const { order: found, turning } = orderOf(strategy, rated(of))
    return [found.map(({ name }) => name).join(''), turning]
  }
  it('is the configured one by priority, and puts healthy accounts first otherwise', () => {
    expect(order('priority_order')).toEqual(['abd', 1])
    expect(order('primary_first')).toEqual(['bda', 1])
    expect(order('round_robin')).toEqual(['bda', 2])
    expect(order('round_robin', { a: 'unknown', b: 'unknown', c: 'blocked' })).toEqual(['ab', 2])
    expect(order('round_robin', { a: 'blocked' })).toEqual(['', 0])
  })
  it('turns the first group only', () => expect(turned(['b', 'd', 'a'], 2, 1)).toEqual(['d', 'b', 'a']))
  it('reads what is no strategy as primary_first', () => {
    for (const strategy of ['manual', '', 7])
      expect(poolOf({ name: 'a', settings: { codex_pool: { strategy } } }).strategy).toBe('primary_first')
  })
})

describe('what the accounts did of late', () => {
  const activity = async (id: unknown) =>
    mesh.request<Record<string, unknown>>(caller, 'GET', `/v1/providers/${String(id)}/codex-pool-activity`)
  const empty = {
    ...{ pool_providers: [], stats_sample_size: 0, provider_counts: [] },
    recent_requests: [],
    top_agents: [],
  }

  rule('getProviderCodexPoolActivity.isEmptyWithoutAPool', async () => {
    const none = { strategy: 'primary_first', ...empty }
    expect((await activity(await mesh.create(caller, { name: 'other' }))).body).toEqual(none)
    const signedOut = await mesh.create(caller, { name: 'out', provider_type: 'chatgpt_oauth', api_key: '' })
    expect((await activity(signedOut)).body).toEqual(none)
    expect((await activity('0193a5b0-7000-7000-8000-0000000000ff')).status).toBe(404)
    expect(mesh.poolSums).toEqual([])
  })

  rule('getProviderCodexPoolActivity.needsTraces', async () => {
    const { id } = await providerOf('first')
    mesh.traces.areAway = true
    const { status, body } = await activity(id)
    mesh.traces.areAway = false
    expect([status, body['code'], body['retryable']]).toEqual([503, 'UNAVAILABLE', true])
  })

  rule('getAgentCodexPoolActivity.looksInTheMasterTenant', async () => {
    await signIn('shared', testCaller({ role: 'admin', tenantId: masterTenantId }))
    const of = (provider: string) => mesh.rpc(ProvidersServiceService).getAccountPool(mesh.call(caller), { provider })
    expect(await of('shared')).toMatchObject({ isAccount: true, signedIn: ['shared'] })
    expect((await of('first')).signedIn).toEqual(names)
    expect((await of('nobody')).isAccount).toBe(false)
  })

  rule('getProviderCodexPoolActivity.namesWhoIsSignedIn', async () => {
    const { id } = await providerOf('first')
    await mesh.put(caller, String((await providerOf('second'))['id']), { api_base: `${backend.origin}/x` })
    expect((await activity(id)).body).toMatchObject({ strategy: 'round_robin', pool_providers: ['first', 'third'] })
    expect(mesh.poolSums.at(-1)).toMatchObject({ agentId: '', days: 7, sample: 120, limit: 18 })
  })
})
