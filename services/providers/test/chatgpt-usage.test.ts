/** What is left of an account: what is asked for, how its answer is read, and a code for each way in which it fails. */
import type { Caller } from '@clawmesh/contracts'
import { masterTenantId } from '@clawmesh/contracts'
import { fakeCodex, plentyLeft } from '../../../test/fakes/codex.ts'
import type { FakeUpstream, Script } from '../../../test/fakes/http-fake.ts'
import { rule, ruleName } from '../../../test/support/rule.ts'
import { testCaller } from '../../../test/support/service-harness.ts'
import { coreUsageOf, windowsOf } from '../src/accounts/usage.ts'
import { startProviders, type ProvidersHarness } from './harness.ts'

type Body = Record<string, unknown>

let mesh: ProvidersHarness
let backend: FakeUpstream
let caller: Caller
beforeAll(async () => {
  mesh = await startProviders()
})
afterAll(() => mesh.stop())
beforeEach(async () => {
  backend = await fakeCodex()
  caller = mesh.admin()
})
afterEach(() => backend.close())

/** A token of which only the workspace is known. */
const token = (accountId: string) =>
  `h.${Buffer.from(JSON.stringify({ 'https://api.openai.com/auth': { chatgpt_account_id: accountId } })).toString('base64url')}.s`

const store = (fields: Body = {}, as = caller) =>
  mesh.create(as, {
    ...{ name: 'codex', provider_type: 'chatgpt_oauth', api_base: backend.base, api_key: 'at-secret-token-1' },
    settings: { account_id: 'acc-1' },
    ...fields,
  })
const ask = (as = caller, alias = 'codex') => mesh.request<Body>(as, 'GET', `/v1/auth/chatgpt/${alias}/quota`)
const usage = async (...scripts: Script[]): Promise<Body> => {
  backend.next(...scripts)
  const { status, body } = await ask()
  expect(status).toBe(200)
  return body
}

rule('getChatgptOauthQuota.labelsWindows', async () => {
  await store()
  const review = { primary_window: { used_percent: 140, reset_after_seconds: 0 }, secondaryWindow: { usedPercent: -3 } }
  const body = await usage({ body: { ...plentyLeft, codeReviewRateLimit: review } })
  expect(body).toMatchObject({ provider_name: 'codex', success: true })
  const windows = body['windows'] as Body[]
  expect(windows.map(({ label, used_percent, remaining_percent }) => [label, used_percent, remaining_percent])).toEqual(
    [
      ['Primary', 1, 99],
      ['Secondary', 30, 70],
      ['Code Review (Primary)', 100, 0],
      ['Code Review (Secondary)', 0, 100],
    ],
  )
  expect(windows.map(({ reset_at }) => reset_at)).toEqual([
    expect.stringMatching(/T\d\d:\d\d:\d\dZ$/),
    expect.any(String),
    null,
    null,
  ])
  expect(backend.requests.at(-1)!.headers).toMatchObject({
    authorization: 'Bearer at-secret-token-1',
    'chatgpt-account-id': 'acc-1',
  })
})

rule('getChatgptOauthQuota.namesTheCoreWindows', async () => {
  const windows = (primary: object, secondary?: object) =>
    coreUsageOf(windowsOf({ rate_limit: { primary_window: primary, secondary_window: secondary } }, 0))
  const short = { used_percent: 10, reset_after_seconds: 18_000 }
  const long = { used_percent: 20, reset_after_seconds: 600_000 }
  expect(windows(short, long)).toMatchObject({ fiveHour: { label: 'Primary' }, weekly: { label: 'Secondary' } })
  expect(windows(long, short)).toMatchObject({ fiveHour: { label: 'Secondary' }, weekly: { label: 'Primary' } })
  expect(windows(short)).toMatchObject({ fiveHour: { label: 'Primary' }, weekly: null })
  expect(coreUsageOf([])).toEqual({ fiveHour: null, weekly: null })
})

rule('getChatgptOauthQuota.lowersThePlan', async () => {
  await store()
  expect([(await usage())['plan_type'], await usage({ body: { rate_limit: {} } })]).toEqual([
    'plus',
    expect.not.objectContaining({ plan_type: expect.anything() as unknown }),
  ])
})

describe(ruleName('getChatgptOauthQuota.isAnAnswerWhateverHappens'), () => {
  it.each<[code: string, scripts: Script[], flags: Body]>([
    ['reauth_required', [{ status: 401 }], { needs_reauth: true }],
    ['payment_required', [{ status: 402 }], {}],
    ['quota_api_forbidden', [{ status: 403 }], { is_forbidden: true }],
    ['quota_endpoint_not_found', [{ status: 404 }], {}],
    ['rate_limited', [{ status: 429 }], { retryable: true }],
    ['provider_unavailable', [{ status: 503 }, { status: 500 }], { retryable: true }],
    ['network_error', [{ fault: 'reset' }, { fault: 'reset' }], { retryable: true }],
    ['quota_request_failed', [{ fault: 'web_page' }], {}],
    ['quota_request_failed', [{ status: 418 }], {}],
    ['unknown_upstream_error', [{ status: 302 }], {}],
  ])('%s', async (code, scripts, flags) => {
    await store()
    const { error, action_hint: hint, last_updated: at, ...body } = await usage(...scripts)
    expect(body).toEqual({ provider_name: 'codex', success: false, windows: [], error_code: code, ...flags })
    expect([error, hint, at]).toEqual([expect.any(String), expect.any(String), expect.any(String)])
    expect(JSON.stringify(error)).not.toContain('at-secret')
  })

  it('an account without a token', async () => {
    await store({ api_key: '' })
    expect(await usage()).toMatchObject({ error_code: 'reauth_required', needs_reauth: true })
    expect(backend.requests).toHaveLength(0)
  })
})

rule('getChatgptOauthQuota.flagsWhatMatters', async () => {
  await store()
  const flags = ['needs_reauth', 'is_forbidden', 'retryable', 'error', 'error_code', 'action_hint']
  expect(Object.keys(await usage()).filter((name) => flags.includes(name))).toEqual([])
})

rule('getChatgptOauthQuota.asksTwice', async () => {
  await store()
  expect(await usage({ status: 500 })).toMatchObject({ success: true })
  backend.rule = () => ({ status: 500 })
  expect(await usage()).toMatchObject({ success: false })
  backend.rule = () => ({ status: 403 })
  expect(await usage()).toMatchObject({ success: false })
  expect(backend.requests).toHaveLength(5)
})

rule('getChatgptOauthQuota.findsTheWorkspace', async () => {
  await store({ settings: {}, api_key: token('acc-9') })
  expect(await usage()).toMatchObject({ success: true })
  expect(backend.requests.at(-1)!.headers['chatgpt-account-id']).toBe('acc-9')
  expect((await mesh.list(caller))[0]!['settings']).toEqual({ account_id: 'acc-9' })
  await store({ name: 'other', settings: {}, api_key: 'no-web-token' })
  expect((await ask(caller, 'other')).body).toMatchObject({ success: false, error_code: 'missing_account_id' })
})

rule('getChatgptOauthQuota.looksInTheInstallationToo', async () => {
  const name = `shared-${caller.tenantId.slice(0, 8)}`
  await store({ name }, testCaller({ role: 'admin', tenantId: masterTenantId }))
  await mesh.create(caller, { name: 'taken' })
  const answers = [await ask(caller, name), await ask(caller, 'nobody'), await ask(caller, 'taken')]
  expect(answers.map(({ status, body }) => [status, body['code'] ?? body['success']])).toEqual([
    [200, true],
    [404, 'NOT_FOUND'],
    [409, 'ALREADY_EXISTS'],
  ])
})
