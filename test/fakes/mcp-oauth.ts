/**
 * A fake MCP server that is protected by OAuth, and its authorization server: two real HTTP servers, as strict as the
 * specifications (MCP authorization of 2025-11-25, RFC 6749, 7009, 7591, 7636, 8414, 8693, 8707, 9207, 9728), which misbehave on
 * demand. Every parameter is checked, each code and each refresh token is good once, and a refresh token that is shown
 * twice ends all tokens of its sign-in.
 *
 *     const fake = await fakeMcpOauth()
 *     const back = fake.signIn(authUrl, 'alice')   // what a browser would do
 */
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text as textOf } from 'node:stream/consumers'
import { keptConnections } from '../support/limits.ts'

interface Grant {
  subject: string
  scope: string
  clientId: string
  /** The one refresh token that is good; empty once the sign-in is over. */
  refreshToken: string
  accessTokens: Map<string, { scope: string; expiresAt: number }>
}

interface Code {
  grant: Omit<Grant, 'refreshToken' | 'accessTokens'>
  challenge: string
  redirectUri: string
}

const exchangeGrant = 'urn:ietf:params:oauth:grant-type:token-exchange'
const secret = (prefix: string) => `${prefix}_${randomBytes(18).toString('base64url')}`
const sendJson = (response: ServerResponse, status: number, body: unknown, headers = {}): void =>
  void response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))

const serve = async (handle: (request: IncomingMessage, response: ServerResponse) => Promise<void> | void) => {
  const server = createServer(keptConnections, (request, response) => {
    void Promise.resolve(handle(request, response)).catch((err: unknown) =>
      sendJson(response, 500, { error: String(err) }),
    )
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

class Refused extends Error {
  readonly status: number
  readonly code: string
  constructor(status: number, code: string, description: string) {
    super(description)
    this.status = status
    this.code = code
  }
}
const check = (holds: boolean, code: string, description: string): void => {
  if (!holds) throw new Refused(400, code, description)
}

export interface FakeMcpOauth {
  /** Of the MCP server. */
  url: string
  issuer: string
  /** What a browser is sent back to once somebody has signed in. @throws Error for an address that the server refuses */
  signIn: (authUrl: string, subject: string) => string
  /** Over what is said of the authorization server; undefined leaves a member out. */
  metadata: Record<string, unknown>
  /** Over what the MCP server says of itself. */
  resourceMetadata: Record<string, unknown>
  /** Everybody may connect and list; only calls of tools need a token. */
  asksAtCalls: boolean
  lifetimeSeconds: number
  tokenType: string
  /** Requests for tokens wait so long, and fail with this status if it is set. */
  tokenDelayMs: number
  tokenFault: number
  /** The forms of requests for tokens, and the bodies of registrations, as they came. */
  exchanges: Record<string, string>[]
  registrations: Record<string, unknown>[]
  revoked: string[]
  /** As whom each call of a tool came. */
  calls: { subject: string; tool: string }[]
  /** Ends all sign-ins of a subject. */
  end: (subject: string) => void
  /** Takes away access tokens, not refresh tokens. */
  expire: (subject: string) => void
  /** Everybody registered until now is unknown. */
  forgetClients: () => void
  /** A token of the subject from elsewhere, to be exchanged. */
  subjectToken: (subject: string) => string
  /** All tokens, codes and verifiers that there ever were. */
  secrets: string[]
  close: () => Promise<void>
}

export const fakeMcpOauth = async (): Promise<FakeMcpOauth> => {
  const clients = new Map<string, { redirectUris: string[] }>()
  const codes = new Map<string, Code>()
  const grants: Grant[] = []
  const spent = new Map<string, Grant>()
  const subjects = new Map<string, string>()

  const give = (response: ServerResponse, grant: Grant, scope = grant.scope, extra = {}): void => {
    const accessToken = secret('at')
    const refreshToken = secret('rt')
    grant.accessTokens.set(accessToken, { scope, expiresAt: Date.now() + fake.lifetimeSeconds * 1_000 })
    grant.refreshToken = refreshToken
    fake.secrets.push(accessToken, refreshToken)
    sendJson(response, 200, {
      access_token: accessToken,
      refresh_token: refreshToken,
      token_type: fake.tokenType,
      expires_in: fake.lifetimeSeconds,
      scope,
      ...extra,
    })
  }

  const exchanged = (form: Record<string, string>, response: ServerResponse): void => {
    const { grant_type: type, client_id: clientId = '' } = form
    if (!clients.has(clientId)) throw new Refused(401, 'invalid_client', 'unknown client')
    check(form['resource'] === fake.url, 'invalid_target', `no resource of ours: ${form['resource']}`)
    if (type === 'authorization_code') {
      const known = codes.get(form['code'] ?? '')
      codes.delete(form['code'] ?? '')
      const challenge = createHash('sha256')
        .update(form['code_verifier'] ?? '')
        .digest('base64url')
      check(known?.challenge === challenge, 'invalid_grant', 'no such code, or not its verifier')
      check(known!.redirectUri === form['redirect_uri'], 'invalid_grant', 'another redirect_uri')
      check(known!.grant.clientId === clientId, 'invalid_grant', 'the code of another client')
      const grant = { ...known!.grant, refreshToken: '', accessTokens: new Map() }
      grants.push(grant)
      return give(response, grant)
    }
    if (type === 'refresh_token') {
      const shown = form['refresh_token'] ?? ''
      const grant = grants.find(({ refreshToken }) => refreshToken !== '' && refreshToken === shown)
      if (grant === undefined) {
        const reused = spent.get(shown)
        if (reused !== undefined) fake.end(reused.subject)
        throw new Refused(400, 'invalid_grant', 'the refresh token is good no more')
      }
      check(grant.clientId === clientId, 'invalid_grant', 'the token of another client')
      spent.set(shown, grant)
      return give(response, grant)
    }
    check(type === exchangeGrant, 'unsupported_grant_type', 'unknown grant')
    check(form['subject_token_type'] === 'urn:ietf:params:oauth:token-type:access_token', 'invalid_request', 'type')
    const subject = subjects.get(form['subject_token'] ?? '')
    check(subject !== undefined, 'invalid_grant', 'nobody has that token')
    const grant = {
      subject: subject!,
      scope: form['scope'] ?? 'read',
      clientId,
      refreshToken: '',
      accessTokens: new Map(),
    }
    grants.push(grant)
    return give(response, grant, grant.scope, { issued_token_type: 'urn:ietf:params:oauth:token-type:access_token' })
  }

  const register = (body: Record<string, unknown>, response: ServerResponse): void => {
    fake.registrations.push(body)
    const redirectUris = body['redirect_uris'] as string[]
    check(Array.isArray(redirectUris) && redirectUris.length > 0, 'invalid_redirect_uri', 'none')
    check(body['token_endpoint_auth_method'] === 'none', 'invalid_client_metadata', 'public clients only')
    const clientId = secret('client')
    clients.set(clientId, { redirectUris })
    sendJson(response, 201, { ...body, client_id: clientId })
  }

  const authorization = await serve(async (request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://any')
    const asked = `${request.method} ${pathname}`
    if (asked === 'GET /.well-known/oauth-authorization-server')
      return sendJson(response, 200, {
        issuer: fake.issuer,
        authorization_endpoint: `${fake.issuer}/authorize`,
        token_endpoint: `${fake.issuer}/token`,
        registration_endpoint: `${fake.issuer}/register`,
        revocation_endpoint: `${fake.issuer}/revoke`,
        response_types_supported: ['code'],
        grant_types_supported: ['authorization_code', 'refresh_token', exchangeGrant],
        token_endpoint_auth_methods_supported: ['none'],
        code_challenge_methods_supported: ['S256'],
        authorization_response_iss_parameter_supported: true,
        ...fake.metadata,
      })
    const body = await textOf(request)
    try {
      if (asked === 'POST /register') return register(JSON.parse(body) as Record<string, unknown>, response)
      const form = Object.fromEntries(new URLSearchParams(body))
      if (asked === 'POST /revoke') {
        fake.revoked.push(form['token'] ?? '')
        return sendJson(response, 200, {})
      }
      if (asked !== 'POST /token') return sendJson(response, 404, {})
      fake.exchanges.push(form)
      for (const name of ['code', 'code_verifier']) if (form[name] !== undefined) fake.secrets.push(form[name])
      if (fake.tokenDelayMs > 0) await new Promise((resolve) => setTimeout(resolve, fake.tokenDelayMs).unref())
      if (fake.tokenFault > 0) return sendJson(response, fake.tokenFault, { error: 'server_error' })
      return exchanged(form, response)
    } catch (thrown) {
      if (!(thrown instanceof Refused)) throw thrown
      return sendJson(response, thrown.status, { error: thrown.code, error_description: thrown.message })
    }
  })

  const tools = [
    { name: 'whoami', description: 'Says who calls', inputSchema: { type: 'object', properties: {} } },
    { name: 'write', description: 'Wants to be allowed to write', inputSchema: { type: 'object', properties: {} } },
  ]
  const mcp = await serve(async (request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://any')
    const metadataUrl = `${new URL(fake.url).origin}/.well-known/oauth-protected-resource/mcp`
    if (pathname === '/.well-known/oauth-protected-resource/mcp')
      return sendJson(response, 200, {
        resource: fake.url,
        authorization_servers: [fake.issuer],
        scopes_supported: ['read'],
        ...fake.resourceMetadata,
      })
    if (pathname !== '/mcp') return sendJson(response, 404, {})
    const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1] ?? ''
    const grant = grants.find(({ accessTokens }) => (accessTokens.get(token)?.expiresAt ?? 0) > Date.now())
    const challenge = `Bearer resource_metadata="${metadataUrl}"`
    const signIn = () =>
      sendJson(response, 401, {}, { 'www-authenticate': `${challenge}, error="invalid_token", scope="read"` })
    if (grant === undefined && !fake.asksAtCalls) return signIn()
    if (request.method !== 'POST') return void response.writeHead(405).end()
    const { id, method, params } = JSON.parse(await textOf(request)) as {
      id?: number
      method: string
      params?: { name?: string }
    }
    if (id === undefined) return void response.writeHead(202).end()
    const answer = (result: unknown) => sendJson(response, 200, { jsonrpc: '2.0', id, result })
    if (method === 'initialize')
      return answer({
        protocolVersion: '2025-11-25',
        capabilities: { tools: {} },
        serverInfo: { name: 'protected', version: '1' },
      })
    if (method === 'tools/list') return answer({ tools })
    if (method === 'ping') return answer({})
    if (method !== 'tools/call')
      return sendJson(response, 200, { jsonrpc: '2.0', id, error: { code: -32601, message: 'unknown' } })
    if (grant === undefined) return signIn()
    const tool = params?.name ?? ''
    if (tool === 'write' && !grant.accessTokens.get(token)!.scope.split(' ').includes('write'))
      return sendJson(
        response,
        403,
        {},
        { 'www-authenticate': `${challenge}, error="insufficient_scope", scope="write"` },
      )
    fake.calls.push({ subject: grant.subject, tool })
    return answer({ content: [{ type: 'text', text: `you are ${grant.subject}` }] })
  })

  const fake: FakeMcpOauth = {
    url: `${mcp.origin}/mcp`,
    issuer: authorization.origin,
    metadata: {},
    resourceMetadata: {},
    asksAtCalls: false,
    lifetimeSeconds: 3_600,
    tokenType: 'Bearer',
    tokenDelayMs: 0,
    tokenFault: 0,
    exchanges: [],
    registrations: [],
    revoked: [],
    calls: [],
    secrets: [],
    signIn: (authUrl, subject) => {
      const url = new URL(authUrl)
      const query = url.searchParams
      if (url.origin + url.pathname !== `${fake.issuer}/authorize`) throw new Error(`no address of ours: ${authUrl}`)
      const client = clients.get(query.get('client_id') ?? '')
      if (client === undefined) throw new Error(`unknown client in ${authUrl}`)
      const redirectUri = query.get('redirect_uri') ?? ''
      if (!client.redirectUris.includes(redirectUri)) throw new Error(`not registered: ${redirectUri}`)
      const wanted = { response_type: 'code', code_challenge_method: 'S256', resource: fake.url }
      for (const [name, value] of Object.entries(wanted))
        if (query.get(name) !== value) throw new Error(`${name} is ${query.get(name)}`)
      const challenge = query.get('code_challenge') ?? ''
      if (!/^[\w-]{43}$/.test(challenge)) throw new Error(`no challenge in ${authUrl}`)
      if ((query.get('state') ?? '').length < 16) throw new Error('a state that can be guessed')
      const code = secret('code')
      const scope = query.get('scope') ?? 'read'
      codes.set(code, { challenge, redirectUri, grant: { subject, scope, clientId: query.get('client_id')! } })
      const back = new URL(redirectUri)
      back.searchParams.set('code', code)
      back.searchParams.set('state', query.get('state')!)
      back.searchParams.set('iss', fake.issuer)
      return back.href
    },
    end: (subject) => {
      for (const grant of grants.filter((each) => each.subject === subject)) {
        grant.refreshToken = ''
        grant.accessTokens.clear()
      }
    },
    expire: (subject) => {
      for (const grant of grants.filter((each) => each.subject === subject)) grant.accessTokens.clear()
    },
    forgetClients: () => clients.clear(),
    subjectToken: (subject) => {
      const token = secret('st')
      subjects.set(token, subject)
      fake.secrets.push(token)
      return token
    },
    close: async () => {
      await Promise.all([authorization.close(), mcp.close()])
    },
  }
  return fake
}
