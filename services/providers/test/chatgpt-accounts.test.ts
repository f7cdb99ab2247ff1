/** ChatGPT accounts from the sign-in to the sign-out, over real rows, against a fake of OpenAI's authorization server. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Caller } from '@clawmesh/contracts'
import { fakeCodex } from '../../../test/fakes/codex.ts'
import type { FakeUpstream } from '../../../test/fakes/http-fake.ts'
import { fakeOpenAiAuth, type FakeAccount, type FakeOpenAiAuth } from '../../../test/fakes/openai-auth.ts'
import { findFreePort } from '../../../test/support/free-port.ts'
import { rule, ruleName } from '../../../test/support/rule.ts'
import { testCaller } from '../../../test/support/service-harness.ts'
import { startProviders, type ProvidersHarness } from './harness.ts'
import { doneOf, errorOf } from './support.ts'

type Body = Record<string, unknown>

let mesh: ProvidersHarness
let auth: FakeOpenAiAuth
let backend: FakeUpstream
let redirectUri: string
let caller: Caller

beforeAll(async () => {
  auth = await fakeOpenAiAuth()
  backend = await fakeCodex({ text: 'hello from ChatGPT' })
  redirectUri = `http://localhost:${await findFreePort()}/auth/callback`
  mesh = await startProviders({
    CLAWMESH_CHATGPT_AUTHORIZE_URL: auth.authorizeUrl,
    CLAWMESH_CHATGPT_TOKEN_URL: auth.tokenUrl,
    CLAWMESH_CHATGPT_REDIRECT_URI: redirectUri,
  })
})
afterAll(async () => {
  await mesh.stop()
  await Promise.all([auth.close(), backend.close()])
})
beforeEach(() => {
  caller = mesh.admin()
  Object.assign(auth, { answer: 'ok', delayMs: 0, lifetimeSeconds: 3_600 })
  auth.exchanges.length = 0
  backend.rule = ({ headers }) =>
    auth.accountOf(headers.authorization?.slice('Bearer '.length) ?? '') === undefined ? { status: 401 } : {}
})

const post = (path: string, body?: object, as = caller) => mesh.request<Body>(as, 'POST', `/v1/auth/${path}`, body)
const status = async (alias: string, as = caller) =>
  (await mesh.request<Body>(as, 'GET', `/v1/auth/chatgpt/${alias}/status`)).body
const start = async (alias: string, body: object = { api_base: backend.base }, as = caller): Promise<string> =>
  String((await post(`chatgpt/${alias}/start`, body, as)).body['auth_url'])
const account = (accountId = 'acc-1', fields: Partial<FakeAccount> = {}): FakeAccount => ({ accountId, ...fields })
const complete = (alias: string, redirectUrl: string, as = caller) =>
  post(`chatgpt/${alias}/callback`, { redirect_url: redirectUrl }, as)
const signIn = async (alias = 'codex', who = account(), as = caller): Promise<Body> => {
  const { status: code, body } = await complete(alias, auth.signIn(await start(alias, undefined, as), who), as)
  if (code !== 200) throw new Error(`signing in answered ${code} ${JSON.stringify(body)}`)
  return body
}
const provider = async (alias = 'codex', as = caller) =>
  (await mesh.list(as)).find(({ name }) => name === alias) as Body & { settings: Body }
const row = async (id: unknown) =>
  (
    await mesh.mesh
      .database('providers')
      .pool.query<{ api_key: string; refresh_token: string }>('SELECT * FROM providers.llm_providers WHERE id = $1', [
        id,
      ])
  ).rows[0]!
/** Lets an account run out in so many seconds, and all replicas know. */
const expireIn = async (alias: string, seconds: number, as = caller) => {
  const { id, settings } = await provider(alias, as)
  await mesh.put(as, String(id), { settings: { ...settings, expires_at: Math.floor(Date.now() / 1_000) + seconds } })
}
const refreshes = () => auth.exchanges.filter(({ grant_type: kind }) => kind === 'refresh_token').length
const eventsOf = (type: string) =>
  mesh.events.filter((event) => event.tenantid === caller.tenantId && event.type.endsWith(type)).map(({ data }) => data)
const until = async (holds: () => boolean | Promise<boolean>) => {
  for (let tries = 0; tries < 500 && !(await holds()); tries++) await sleep(10)
  expect(await holds()).toBe(true)
}

describe('a sign-in', () => {
  rule('startChatgptOauth.givesAnAddressToOpen', async () => {
    const address = await start('codex')
    const query = Object.fromEntries(new URL(address).searchParams)
    expect(query).toMatchObject({ code_challenge_method: 'S256', redirect_uri: redirectUri, originator: 'pi' })
    expect(query['state']).toMatch(/^[0-9a-f]{32}$/)
    expect(Object.keys(query)).not.toContain('code_verifier')
    expect(await status('codex')).toEqual({ authenticated: false })
  })

  rule('completeChatgptOauth.storesTheAccount', async () => {
    await mesh.create(caller, {
      ...{ name: 'codex', provider_type: 'chatgpt_oauth', api_base: backend.base, api_key: '', enabled: false },
      settings: { note: 'mine' },
    })
    const before = await provider()
    const body = await signIn('codex', account('acc-7', { plan: 'Pro' }))
    expect(body).toEqual({ authenticated: true, provider_name: 'codex', provider_id: before['id'] })
    expect(await provider()).toMatchObject({
      enabled: true,
      has_key: true,
      settings: { note: 'mine', account_id: 'acc-7', plan_type: 'Pro', scopes: 'openid profile email offline_access' },
    })
    const left = Number((await provider()).settings['expires_at']) - Date.now() / 1_000
    expect([left > 3_500, left < 3_700]).toEqual([true, true])
  })

  it('reads workspace and plan from flat claims too', async () => {
    await signIn('codex', account('acc-8', { flat: true }))
    expect((await provider()).settings).toMatchObject({ account_id: 'acc-8', plan_type: 'Plus' })
  })

  rule('completeChatgptOauth.servesAtOnce', async () => {
    await signIn()
    expect(doneOf(await mesh.chat(caller, 'codex')).content).toBe('hello from ChatGPT')
    expect(backend.requests.at(-1)!.headers['chatgpt-account-id']).toBe('acc-1')
  })

  rule('completeChatgptOauth.sealsTokens', async () => {
    await signIn()
    const stored = JSON.stringify(await row((await provider())['id']))
    const flows = await mesh.mesh.database('providers').pool.query('SELECT * FROM providers.oauth_flows')
    const shown = JSON.stringify([await mesh.list(caller), await status('codex'), mesh.events, flows.rows, stored])
    expect(auth.secrets.length).toBeGreaterThan(4)
    expect(auth.secrets.filter((secret) => shown.includes(secret))).toEqual([])
    const { api_key: key, refresh_token: refresh } = JSON.parse(stored) as Record<string, string>
    expect([key, refresh]).toEqual([expect.stringMatching(/^mesh2:/), expect.stringMatching(/^mesh2:/)])
  })

  rule('completeChatgptOauth.isDoneOnce', async () => {
    const back = auth.signIn(await start('codex'), account())
    expect((await complete('codex', back)).status).toBe(200)
    const again = await complete('codex', back)
    expect([again.status, again.body['error']]).toEqual([400, 'no pending OAuth flow'])
  })

  rule('completeChatgptOauth.needsAnOpenSignIn', async () => {
    const back = auth.signIn(await start('codex'), account())
    const other = { ...caller, userId: 'bob' }
    for (const [alias, as] of [
      ['codex', other],
      ['other', caller],
      ['codex', mesh.admin()],
    ] as const)
      expect((await complete(alias, back, as)).body['error']).toBe('no pending OAuth flow')
    expect((await complete('codex', back)).status).toBe(200)
  })

  rule('completeChatgptOauth.refusesAnotherAnswer', async () => {
    const back = new URL(auth.signIn(await start('codex'), account()))
    const changed = (name: string, value: string) => {
      const url = new URL(back)
      url.searchParams.set(name, value)
      return url.href
    }
    const wrong: [string, RegExp][] = [
      [redirectUri, /no code/],
      ['no address', /no code/],
      [changed('error', 'access_denied'), /OAuth error: access_denied/],
      [changed('state', 'f'.repeat(32)), /another sign-in/],
      [changed('code', 'ac_made-up-code'), /no such code/],
    ]
    for (const [address, text] of wrong) {
      const { status: code, body } = await complete('codex', address)
      expect([code, body['error']]).toEqual([400, expect.stringMatching(text)])
      expect(JSON.stringify(body)).not.toContain('made-up')
    }
    expect((await complete('codex', back.href)).status).toBe(200)
  })

  it.each(['reset', 'error', 'web_page', 'no_token', 'redirect'] as const)(
    'stores nothing when the authorization server answers with %s, and can be tried again',
    async (answer) => {
      const address = await start('codex')
      auth.answer = answer
      const failed = await complete('codex', auth.signIn(address, account()))
      expect([failed.status >= 400, await status('codex')]).toEqual([true, { authenticated: false }])
      auth.answer = 'ok'
      expect((await complete('codex', auth.signIn(address, account()))).status).toBe(200)
    },
  )

  rule('completeChatgptOauth.refusesOtherTypes', async () => {
    const back = auth.signIn(await start('codex'), account())
    await mesh.create(caller, { name: 'codex', api_key: 'sk-of-another-type' })
    expect((await complete('codex', back)).status).toBe(409)
    expect(await provider()).toMatchObject({ provider_type: 'openai_compat', has_key: true })
  })

  rule('startChatgptOauth.saysWhenItIsDone', async () => {
    await signIn()
    const { body } = await post('chatgpt/codex/start')
    expect(body).toEqual({ status: 'already_authenticated', provider_name: 'codex' })
  })

  rule('startChatgptOauth.givesTheSameAddressAgain', async () => {
    expect(await start('codex')).toBe(await start('codex'))
  })

  rule('startChatgptOauth.takesOneAtATime', async () => {
    await start('codex')
    expect((await post('chatgpt/other/start')).status).toBe(409)
    expect((await post('chatgpt/codex/start', {}, { ...caller, userId: 'bob' })).status).toBe(409)
    expect((await post('chatgpt/codex/start', {}, mesh.admin())).status).toBe(200)
  })

  rule('startChatgptOauth.endsAfterSixMinutes', async () => {
    const address = await start('codex')
    const ends = async () =>
      (
        await mesh.mesh
          .database('providers')
          .pool.query<{ left: number }>(
            `SELECT extract(epoch FROM expires_at - now())::float AS left FROM providers.oauth_flows WHERE tenant_id = $1`,
            [caller.tenantId],
          )
      ).rows[0]!.left
    expect(Math.round((await ends()) / 60)).toBe(6)
    await mesh.mesh
      .database('providers')
      .pool.query(`UPDATE providers.oauth_flows SET expires_at = now() WHERE tenant_id = $1`, [caller.tenantId])
    expect((await complete('codex', auth.signIn(address, account()))).body['error']).toBe('no pending OAuth flow')
    expect(await start('other')).toMatch(/^http/)
  })

  rule('startChatgptOauth.guardsTheBase', async () => {
    expect((await post('chatgpt/codex/start', { api_base: 'http://169.254.169.254/' })).status).toBe(400)
    expect((await post('chatgpt/other/start')).status).toBe(200)
  })

  rule('startChatgptOauth.isAnEvent', async () => {
    await start('codex')
    await start('codex')
    await until(() => eventsOf('oauth.login_started').length > 0)
    expect(eventsOf('oauth.login_started')).toEqual([{ id: 'openai', actorId: 'alice' }])
  })
})

describe('a browser that comes back to this machine', () => {
  const comeBack = (address: string) => fetch(address.replace('localhost', '127.0.0.1'))

  rule('startChatgptOauth.listensOnThisMachine', async () => {
    const back = auth.signIn(await start('codex'), account())
    const page = await comeBack(back)
    expect([page.status, page.headers.get('content-type'), await page.text()]).toEqual([
      200,
      'text/html; charset=utf-8',
      expect.stringContaining('signed in'),
    ])
    expect(await status('codex')).toEqual({ authenticated: true, provider_name: 'codex' })
    expect((await comeBack(back)).status).toBe(400)
  })

  rule('startChatgptOauth.failsWithoutAnAnswer', async () => {
    const back = auth.signIn(await start('codex'), account())
    const state = new URL(back).searchParams.get('state')!
    expect((await comeBack(`${redirectUri}?code=x&state=${'0'.repeat(32)}`)).status).toBe(400)
    expect((await comeBack(`${redirectUri}?state=${state}&error=access_denied`)).status).toBe(400)
    expect((await complete('codex', back)).body['error']).toBe('no pending OAuth flow')
  })

  rule('startChatgptOauth.saysWhenItCannotListen', async () => {
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    const { port } = taken.address() as AddressInfo
    const other = await startProviders({ CLAWMESH_CHATGPT_REDIRECT_URI: `http://localhost:${port}/auth/callback` })
    const begin = () => other.request(caller, 'POST', '/v1/auth/chatgpt/codex/start')
    expect((await begin()).status).toBe(500)
    taken.close()
    await once(taken, 'close')
    expect((await begin()).status).toBe(200)
    await other.stop()
    await expect(comeBack(`http://localhost:${port}/auth/callback`)).rejects.toThrow()
  })
})

describe('the state of an account', () => {
  rule('getChatgptOauthStatus.isNeverMissing', async () => {
    await mesh.create(caller, { name: 'empty', provider_type: 'chatgpt_oauth', api_key: '' })
    expect([await status('nobody'), await status('empty')]).toEqual([
      { authenticated: false },
      { authenticated: false },
    ])
  })

  rule('getChatgptOauthStatus.refusesOtherTypes', async () => {
    await mesh.create(caller, { name: 'taken' })
    const answers = [
      await mesh.request(caller, 'GET', '/v1/auth/chatgpt/taken/status'),
      await post('chatgpt/taken/start'),
    ]
    expect(answers.map((answer) => answer.status)).toEqual([409, 409])
  })

  rule('getChatgptOauthStatus.renewsWhatRunsOut', async () => {
    await signIn()
    expect([await status('codex'), refreshes()]).toEqual([{ authenticated: true, provider_name: 'codex' }, 0])
    await expireIn('codex', 240)
    expect([await status('codex'), refreshes()]).toEqual([{ authenticated: true, provider_name: 'codex' }, 1])
    expect(Number((await provider()).settings['expires_at']) - Date.now() / 1_000).toBeGreaterThan(3_000)
  })

  rule('getChatgptOauthStatus.staysSignedInWhenRenewingFails', async () => {
    await signIn()
    await expireIn('codex', 10)
    auth.answer = 'error'
    expect(await status('codex')).toEqual({ authenticated: true, provider_name: 'codex' })
    auth.answer = 'ok'
    expect([await status('codex'), refreshes()]).toEqual([{ authenticated: true, provider_name: 'codex' }, 2])
  })

  rule('getChatgptOauthStatus.saysWhatCannotBeRead', async () => {
    await signIn()
    await mesh.mesh
      .database('providers')
      .pool.query(`UPDATE providers.llm_providers SET api_key = 'mesh2:00000000:bm8=' WHERE tenant_id = $1`, [
        caller.tenantId,
      ])
    expect(await status('codex')).toEqual({ authenticated: false, error: 'token invalid or expired' })
  })

  rule('getChatgptOauthStatus.hasAnOlderPath', async () => {
    const address = String((await post('openai/start', { api_base: backend.base })).body['auth_url'])
    const { body } = await post('openai/callback', { redirect_url: auth.signIn(address, account()) })
    expect(body['provider_name']).toBe('openai-codex')
    expect((await mesh.request(caller, 'GET', '/v1/auth/openai/status')).body).toEqual(await status('openai-codex'))
    expect((await mesh.request<Body>(caller, 'GET', '/v1/auth/openai/quota')).body['success']).toBe(true)
    expect((await post('openai/logout')).body).toEqual({ status: 'logged out' })
    expect(await status('openai-codex')).toEqual({ authenticated: false })
  })
})

describe('signing out', () => {
  rule('logoutChatgptOauth.removesTheProvider', async () => {
    await signIn()
    expect((await post('chatgpt/codex/logout')).body).toEqual({ status: 'logged out' })
    expect([await provider(), errorOf(await mesh.chat(caller, 'codex')).key]).toEqual([undefined, 'error.not_found'])
  })
  rule('logoutChatgptOauth.isFineTwice', async () => {
    expect(await post('chatgpt/nobody/logout')).toMatchObject({ status: 200, body: { status: 'logged out' } })
  })
  rule('logoutChatgptOauth.refusesOtherTypes', async () => {
    await mesh.create(caller, { name: 'taken' })
    expect((await post('chatgpt/taken/logout')).status).toBe(409)
    expect(await provider('taken')).toMatchObject({ has_key: true })
  })
  rule('logoutChatgptOauth.isAnEvent', async () => {
    await signIn()
    await post('chatgpt/codex/logout')
    await until(() => eventsOf('oauth.logout').length > 0)
    expect(eventsOf('oauth.logout')).toEqual([{ id: 'openai', actorId: 'alice' }])
  })
})

describe('a token that runs out', () => {
  rule('completeChatgptOauth.worksOnAnyReplica', async () => {
    // The listener of the other replica cannot take the same port; what is pasted needs none.
    const other = await mesh.replica()
    await signIn()
    expect(doneOf(await other.chat(caller, { provider: 'codex' })).content).toBe('hello from ChatGPT')
    await other.stop()
  })

  it('is renewed once, however many calls of however many replicas need it', async () => {
    const other = await mesh.replica()
    await signIn()
    await expireIn('codex', -5)
    auth.delayMs = 150
    const chats = await Promise.all(
      Array.from({ length: 24 }, (_, at) =>
        at % 2 === 0 ? mesh.chat(caller, 'codex') : other.chat(caller, { provider: 'codex' }),
      ),
    )
    expect(chats.map((got) => doneOf(got).content)).toEqual(Array(24).fill('hello from ChatGPT'))
    expect(refreshes()).toBe(1)
    await other.stop()
  })

  it('serves as long as it is good while another replica renews it', async () => {
    await signIn()
    await expireIn('codex', 200)
    auth.delayMs = 300
    const [first, second] = await Promise.all([mesh.chat(caller, 'codex'), mesh.chat(caller, 'codex')])
    expect([doneOf(first).content, doneOf(second).content, refreshes()]).toEqual([
      'hello from ChatGPT',
      'hello from ChatGPT',
      1,
    ])
  })

  it('is replaced when it is refused before its time, and the call goes on', async () => {
    await signIn()
    const key = (await row((await provider())['id'])).api_key
    backend.next({ status: 401 })
    expect(doneOf(await mesh.chat(caller, 'codex')).content).toBe('hello from ChatGPT')
    expect([refreshes(), (await row((await provider())['id'])).api_key === key]).toEqual([1, false])
  })

  it('of a revoked account ends it: no token is kept, and it can sign in anew', async () => {
    await signIn()
    auth.revoke('acc-1')
    expect(errorOf(await mesh.chat(caller, 'codex')).key).toBe('error.provider_credentials')
    expect(await row((await provider())['id'])).toMatchObject({ api_key: '', refresh_token: '' })
    expect([await status('codex'), refreshes()]).toEqual([{ authenticated: false }, 1])
    await signIn('codex', account('acc-2'))
    expect(doneOf(await mesh.chat(caller, 'codex')).content).toBe('hello from ChatGPT')
  })

  it('renews nothing once another key or address was stored', async () => {
    await signIn()
    const { id } = await provider()
    await mesh.put(caller, String(id), { api_base: `${backend.origin}/elsewhere` })
    expect(await row(id)).toMatchObject({ api_key: '', refresh_token: '' })
    expect(await status('codex')).toEqual({ authenticated: false })
  })
})

it(ruleName('getChatgptOauthStatus.isNeverMissing', 'accounts of other tenants'), async () => {
  await signIn()
  const stranger = testCaller({ role: 'admin' })
  expect(await status('codex', stranger)).toEqual({ authenticated: false })
  expect((await post('chatgpt/codex/logout', undefined, stranger)).status).toBe(200)
  expect(await status('codex')).toEqual({ authenticated: true, provider_name: 'codex' })
})
