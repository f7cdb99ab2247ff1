/**
 * A fake of OpenAI's authorization server: a real HTTP server that checks PKCE, gives each code and each refresh token away
 * once, ends an account of which a refresh token is shown twice, and misbehaves on demand. Sources: RFC 6749, 7636, and
 * what the public Codex CLI sends.
 *
 *     const auth = await fakeOpenAiAuth()
 *     const back = auth.signIn(authUrl, { accountId: 'acc-1' })   // what a browser would do
 *     auth.answer = 'reset'
 */
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { text as textOf } from 'node:stream/consumers'
import { keptConnections } from '../support/limits.ts'
import { secretMark } from '../support/secret-sweep.ts'
import type { Json } from './json.ts'

export interface FakeAccount {
  accountId: string
  plan?: string
  /** The claims stand under flat names, as older tokens have them. */
  flat?: boolean
}

interface Family extends FakeAccount {
  /** The one refresh token that is good; empty once the account was revoked. */
  refreshToken: string
  accessTokens: Set<string>
}

const sendJson = (response: ServerResponse, status: number, body: unknown): void =>
  void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))

const faults = {
  reset: (response: ServerResponse) => void response.socket?.resetAndDestroy(),
  error: (response: ServerResponse) => sendJson(response, 500, { error: { message: 'server error' } }),
  web_page: (response: ServerResponse) =>
    void response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>Sign in</title>'),
  no_token: (response: ServerResponse) => sendJson(response, 200, { token_type: 'bearer' }),
  redirect: (response: ServerResponse) => void response.writeHead(302, { location: '/elsewhere' }).end(),
} satisfies Record<string, (response: ServerResponse) => void>

const clientId = 'app_EMoamEEZ73f0CkXaXp7hrann'

/** A web token as far as its payload is concerned; nobody here checks signatures. */
const webToken = (claims: Json): string =>
  ['{"alg":"none"}', JSON.stringify({ ...claims, jti: randomBytes(8).toString('hex') })]
    .map((part) => Buffer.from(part).toString('base64url'))
    .concat(secretMark)
    .join('.')

const claimsOf = ({ accountId, plan = 'Plus', flat = false }: FakeAccount): Json => {
  const claim = 'https://api.openai.com/auth'
  return flat
    ? { [`${claim}.chatgpt_account_id`]: accountId, [`${claim}.chatgpt_plan_type`]: plan }
    : { [claim]: { chatgpt_account_id: accountId, chatgpt_plan_type: plan } }
}

export interface FakeOpenAiAuth {
  authorizeUrl: string
  tokenUrl: string
  /** What a browser is sent back to once somebody has signed in. @throws Error for an address that OpenAI refuses */
  signIn: (authUrl: string, account: FakeAccount) => string
  /** The forms of requests for tokens, as they came. */
  exchanges: Record<string, string>[]
  answer: 'ok' | keyof typeof faults
  /** Each answer waits so long. */
  delayMs: number
  /** How long access tokens last. */
  lifetimeSeconds: number
  /** The account that an access token is good for. */
  accountOf: (accessToken: string) => string | undefined
  /** From now on no token of the account is good. */
  revoke: (accountId: string) => void
  /** All tokens that were ever given out, and codes and verifiers that were shown. */
  secrets: string[]
  close: () => Promise<void>
}

export const fakeOpenAiAuth = async (): Promise<FakeOpenAiAuth> => {
  const codes = new Map<string, { challenge: string; redirectUri: string; account: FakeAccount }>()
  const families: Family[] = []
  const sockets = new Set<Socket>()

  const give = (family: Family, response: ServerResponse): void => {
    const claims = { ...claimsOf(family), exp: Math.floor(Date.now() / 1_000) + fake.lifetimeSeconds }
    const accessToken = webToken(claims)
    const idToken = webToken(claims)
    family.refreshToken = `rt_${secretMark}_${randomBytes(24).toString('base64url')}`
    family.accessTokens.add(accessToken)
    fake.secrets.push(accessToken, idToken, family.refreshToken)
    sendJson(response, 200, {
      access_token: accessToken,
      id_token: idToken,
      refresh_token: family.refreshToken,
      expires_in: fake.lifetimeSeconds,
      scope: 'openid profile email offline_access',
      token_type: 'bearer',
    })
  }
  const refuse = (response: ServerResponse, error: string, description: string): void =>
    sendJson(response, 400, { error, error_description: description })

  const forCode = (form: Record<string, string>, response: ServerResponse): void => {
    const known = codes.get(form['code'] ?? '')
    codes.delete(form['code'] ?? '')
    const challenge = createHash('sha256')
      .update(form['code_verifier'] ?? '')
      .digest('base64url')
    if (known?.challenge !== challenge || known.redirectUri !== form['redirect_uri'])
      return refuse(response, 'invalid_grant', `no such code: ${form['code']}`)
    const family: Family = { ...known.account, refreshToken: '', accessTokens: new Set() }
    families.push(family)
    give(family, response)
  }

  const spent = new Map<string, Family>()
  const forRefresh = (form: Record<string, string>, response: ServerResponse): void => {
    const shown = form['refresh_token'] ?? ''
    const family = families.find(({ refreshToken }) => refreshToken !== '' && refreshToken === shown)
    if (family !== undefined) {
      spent.set(shown, family)
      return give(family, response)
    }
    const reused = spent.get(shown)
    if (reused !== undefined) reused.refreshToken = ''
    const code = reused === undefined ? 'refresh_token_invalidated' : 'refresh_token_reused'
    sendJson(response, 401, { error: { code, message: 'Your session has ended. Please log in again.' } })
  }

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const form = Object.fromEntries(new URLSearchParams(await textOf(request)))
    if (request.method !== 'POST' || request.url !== '/oauth/token') return sendJson(response, 404, {})
    fake.exchanges.push(form)
    for (const name of ['code', 'code_verifier']) if (form[name] !== undefined) fake.secrets.push(form[name])
    const reply = () => {
      if (fake.answer !== 'ok') faults[fake.answer](response)
      else if (form['client_id'] !== clientId) refuse(response, 'invalid_client', 'unknown client')
      else if (form['grant_type'] === 'authorization_code') forCode(form, response)
      else if (form['grant_type'] === 'refresh_token') forRefresh(form, response)
      else refuse(response, 'unsupported_grant_type', 'unknown grant')
    }
    if (fake.delayMs > 0) setTimeout(reply, fake.delayMs).unref()
    else reply()
  }

  const server = createServer(keptConnections, (request, response) => void handle(request, response))
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

  const fake: FakeOpenAiAuth = {
    authorizeUrl: `${origin}/oauth/authorize`,
    tokenUrl: `${origin}/oauth/token`,
    exchanges: [],
    answer: 'ok',
    delayMs: 0,
    lifetimeSeconds: 3_600,
    secrets: [],
    signIn: (authUrl, account) => {
      const { searchParams: query, origin: at, pathname } = new URL(authUrl)
      const wanted = { response_type: 'code', client_id: clientId, code_challenge_method: 'S256' }
      for (const [name, value] of Object.entries(wanted))
        if (query.get(name) !== value) throw new Error(`${name} is ${query.get(name)}`)
      const challenge = query.get('code_challenge') ?? ''
      if (at + pathname !== fake.authorizeUrl || !/^[\w-]{43}$/.test(challenge)) throw new Error(`refused: ${authUrl}`)
      if (!query.get('scope')?.split(' ').includes('offline_access')) throw new Error('no offline access')
      const code = `ac_${randomBytes(16).toString('base64url')}`
      const back = new URL(query.get('redirect_uri')!)
      codes.set(code, { challenge, redirectUri: back.href, account })
      back.searchParams.set('code', code)
      back.searchParams.set('state', query.get('state') ?? '')
      return back.href
    },
    accountOf: (accessToken) => families.find(({ accessTokens }) => accessTokens.has(accessToken))?.accountId,
    revoke: (accountId) => {
      for (const family of families.filter((one) => one.accountId === accountId)) {
        family.refreshToken = ''
        family.accessTokens.clear()
      }
    },
    close: async () => {
      const closed = once(server, 'close')
      server.close()
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
  return fake
}
