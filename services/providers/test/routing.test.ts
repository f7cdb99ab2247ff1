/** Which provider and key answers, over real rows and fakes of vendors: chains, keys, cooldowns, and what is shown of them. */
import type { ChatRequest, Routing } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import { ProvidersServiceService } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import type { Caller } from '@clawmesh/contracts'
import { fakeOpenAi } from '../../../test/fakes/openai.ts'
import type { FakeUpstream } from '../../../test/fakes/http-fake.ts'
import { rule } from '../../../test/support/rule.ts'
import { startProviders, type ProvidersHarness } from './harness.ts'
import { chatRequest, collect, doneOf, errorOf, message, type Collected } from './support.ts'

const text = 'one two three four five six seven eight nine ten eleven twelve'
const keys = 'sk-first-key-000001,sk-second-key-00002,sk-third-key-000003'

let mesh: ProvidersHarness
let primary: FakeUpstream
let backup: FakeUpstream
let caller: Caller

beforeAll(async () => {
  mesh = await startProviders()
})
afterAll(() => mesh.stop())

beforeEach(async () => {
  primary = await fakeOpenAi({ text: 'from primary' })
  backup = await fakeOpenAi({ text: 'from backup' })
  caller = mesh.admin()
  await mesh.create(caller, { name: 'primary', api_base: primary.base })
  await mesh.create(caller, { name: 'backup', api_base: backup.base })
})
afterEach(async () => {
  await Promise.all([primary.close(), backup.close()])
})

const routing = (fields: Partial<Routing> = {}): Routing => ({
  fallbacks: [{ provider: 'backup', model: 'backup-model' }],
  forbidsFallbacks: false,
  continuesAnswers: false,
  affinity: '',
  ...fields,
})

const ask = (fields: Partial<ChatRequest> = {}): Promise<Collected> =>
  collect(
    mesh
      .rpc(ProvidersServiceService)
      .chat(mesh.call(caller), chatRequest({ provider: 'primary', routing: routing(), ...fields })) as never,
  )

const runtime = async () => (await mesh.request<Runtime>(caller, 'GET', '/v1/providers/runtime')).body
interface Runtime {
  providers: { name: string; state: string; key_count: number; cooldowns: Record<string, unknown>[] }[]
  fallbacks: unknown[]
  recent: { attempts: Record<string, unknown>[] }[]
}
const stateOf = async (name: string) => (await runtime()).providers.find((provider) => provider.name === name)!

const outcomes = (got: Collected) =>
  doneOf(got).route?.attempts.map(({ provider, outcome }) => `${provider} ${outcome}`)

it('says nothing of a way where the first has answered', async () => {
  const done = doneOf(await ask())
  expect([done.content, done.provider, done.route]).toEqual(['from primary', 'primary', undefined])
})

rule('getProviderRuntime.showsTheChain', async () => {
  mesh.configs.set(caller.tenantId, { 'agent.fallbacks': '[{"provider":"backup","model":"tenant-model"}]' })
  primary.next({ status: 401 })
  const got = await ask({ routing: undefined })
  expect([doneOf(got).provider, doneOf(got).model]).toEqual(['backup', 'tenant-model'])
  expect((await runtime()).fallbacks).toEqual([{ provider: 'backup', model: 'tenant-model' }])
})

it('asks nobody else where that is forbidden', async () => {
  primary.next({ status: 401 })
  expect(errorOf(await ask({ routing: routing({ forbidsFallbacks: true }) })).key).toBe('error.provider_credentials')
  expect(backup.requests).toHaveLength(0)
})

it('fails as the first did when all fail', async () => {
  primary.next({ status: 429, headers: { 'retry-after': '40' } })
  backup.rule = () => ({ status: 401 })
  const error = errorOf(await ask())
  expect([error.code, error.retryAfterMs]).toEqual(['RESOURCE_EXHAUSTED', 40_000])
})

it('passes over a link that is switched off or unknown', async () => {
  await mesh.create(caller, { name: 'off', api_base: backup.base, enabled: false })
  primary.next({ status: 401 })
  const fallbacks = [
    { provider: 'off', model: '' },
    { provider: 'nobody', model: '' },
    { provider: 'backup', model: '' },
  ]
  expect(outcomes(await ask({ routing: routing({ fallbacks }) }))).toEqual(['primary credentials', 'backup served'])
})

it('passes over a fallback that does not take the files of the turn, and blames nobody for it', async () => {
  await mesh.create(caller, { name: 'blind', provider_type: 'groq', api_base: backup.base })
  const pdf = { mimeType: 'application/pdf', data: Buffer.from('%PDF-1.7'), name: 'a.pdf' }
  const messages = [message('user', '', { parts: [{ part: { $case: 'file', value: pdf } }] })]
  const fallbacks = [
    { provider: 'blind', model: '' },
    { provider: 'backup', model: '' },
  ]
  primary.next({ status: 401 })
  const got = await ask({ messages, routing: routing({ fallbacks }) })
  expect(outcomes(got)).toEqual(['primary credentials', 'blind rejected', 'backup served'])
  expect(backup.requests).toHaveLength(1)
  expect((await stateOf('blind')).cooldowns).toEqual([])
  expect(errorOf(await ask({ provider: 'blind', messages, routing: routing() })).code).toBe('UNSUPPORTED_PARAMETER')
})

it('goes to the chain when the asked provider is switched off', async () => {
  expect(outcomes(await ask({ provider: 'gone' }))).toEqual(['gone unavailable', 'backup served'])
})

it.each([
  { what: 'a request that is too long', error: { message: 'maximum context length is 8192 tokens' } },
  { what: 'a filter', error: { message: 'content_filter', type: 'content_filter' } },
])('asks nobody again after $what', async ({ error }) => {
  primary.next({ status: 400, error })
  expect(errorOf(await ask()).code).toBe('INVALID_REQUEST')
  expect([primary.requests.length, backup.requests.length]).toEqual([1, 0])
})

describe('a provider that cools down', () => {
  beforeEach(async () => {
    primary.next({ status: 429, headers: { 'retry-after': '40' } })
    expect(outcomes(await ask())).toEqual(['primary rate_limit', 'backup served'])
  })

  it('is not asked while another serves', async () => {
    expect(outcomes(await ask())).toEqual(['primary cooling', 'backup served'])
    expect(primary.requests).toHaveLength(1)
  })

  rule('getProviderRuntime.showsCooldowns', async () => {
    const shown = await stateOf('primary')
    expect(shown).toMatchObject({
      state: 'cooling',
      key_count: 1,
      cooldowns: [{ key: 1, model: 'test-model', state: 'cooling', error: 'rate_limit', failures: 1 }],
    })
    expect(shown.cooldowns[0]!['retry_after_ms']).toBeGreaterThan(5_000)
  })

  rule('getProviderRuntime.showsWaysOfLate', async () => {
    await ask()
    expect((await runtime()).recent.map(({ attempts }) => attempts.map(({ outcome }) => outcome))).toEqual([
      ['cooling', 'served'],
      ['rate_limit', 'served'],
    ])
  })

  rule('getProviderRuntime.forgetsWhoServesAgain', async () => {
    // Nobody else is there to be asked, so it is asked although it cools down.
    expect(doneOf(await ask({ routing: undefined })).provider).toBe('primary')
    expect(await stateOf('primary')).toMatchObject({ state: 'ready', cooldowns: [] })
  })

  rule('getProviderRuntime.isOfItsTenantOnly', async () => {
    const other = (await mesh.request<Runtime>(mesh.admin(), 'GET', '/v1/providers/runtime')).body
    expect([other.providers, other.recent]).toEqual([[], []])
    expect(JSON.stringify(await runtime())).not.toContain('sk-stored')
  })
})

describe('several keys', () => {
  const sent = () => primary.requests.map(({ headers }) => headers.authorization?.replace('Bearer ', ''))
  beforeEach(async () => {
    await mesh.create(caller, { name: 'primary', api_base: primary.base, api_key: keys })
  })

  it('take turns, and a conversation stays with its key', async () => {
    for (const affinity of ['a', 'b', 'c', 'a', 'b', 'c']) await ask({ routing: routing({ affinity }) })
    expect(new Set(sent().slice(0, 3)).size).toBe(3)
    expect(sent().slice(3)).toEqual(sent().slice(0, 3))
  })

  it('are tried before another provider, and each cools down by itself', async () => {
    primary.rule = ({ headers }) => (headers.authorization?.includes('third') ? undefined : { status: 429 })
    const got = await ask()
    expect(outcomes(got)).toEqual(['primary rate_limit', 'primary rate_limit', 'primary served'])
    expect(doneOf(got).route!.attempts.at(-1)!.key).toBe(3)
    await ask()
    expect(sent().at(-1)).toBe('sk-third-key-000003')
    expect(primary.requests).toHaveLength(4)
    expect((await stateOf('primary')).cooldowns.map(({ key }) => key)).toEqual([1, 2])
  })

  it('do not help against a vendor that is down', async () => {
    primary.rule = () => ({ status: 503 })
    expect(outcomes(await ask())).toEqual(['primary failed', 'backup served'])
    expect(primary.requests).toHaveLength(2)
  })
})

describe('an answer that breaks off', () => {
  const half = { text, chunks: 12, fault: 'cut' } as const

  it('fails the call, unless it is to be continued', async () => {
    primary.next(half)
    expect(errorOf(await ask()).key).toBe('error.stream_cut')
    expect(backup.requests).toHaveLength(0)
  })

  it('is continued by the fallback, marked, and nothing of it doubled', async () => {
    primary.next(half)
    backup.rule = () => ({ text })
    const got = await ask({ routing: routing({ continuesAnswers: true }) })
    const done = doneOf(got)
    expect([got.text, done.content, done.provider]).toEqual([text, text, 'backup'])
    const { continuedAfter } = done.route!
    expect(continuedAfter).toEqual([expect.any(Number)])
    expect(got.events.find(({ event }) => event?.$case === 'continued')?.event?.value).toEqual({
      provider: 'backup',
      model: 'backup-model',
      afterChars: continuedAfter[0],
    })
    const [, partial, order] = backup.requests[0]!.body['messages'] as { role: string; content: string }[]
    expect([partial!.role, partial!.content, order!.role]).toEqual([
      'assistant',
      text.slice(0, continuedAfter[0]),
      'user',
    ])
    expect(backup.refusals).toEqual([])
  })

  it('fails when a tool call was begun', async () => {
    primary.next({ toolCalls: [{ name: 'look', arguments: '{"a":"bcdefghijklmnop"}' }], fault: 'cut' })
    expect(errorOf(await ask({ routing: routing({ continuesAnswers: true }) })).key).toBe('error.stream_cut')
  })
})
