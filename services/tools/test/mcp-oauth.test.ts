/** Users who sign in to MCP servers that are protected by OAuth: each with tokens and connections of their own. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { ToolsServiceService } from '@clawmesh/contracts/gen/clawmesh/tools/v1/tools.ts'
import { createLogger, openServiceDb } from '@clawmesh/chassis'
import { fakeMcpOauth, type FakeMcpOauth } from '../../../test/fakes/mcp-oauth.ts'
import { rule } from '../../../test/support/rule.ts'
import { PrismaClient } from '../src/db/client/client.ts'
import { createAuthorization } from '../src/mcp/oauth/authorization.ts'
import { createOauthRows } from '../src/mcp/oauth/rows.ts'
import { createTokens } from '../src/mcp/oauth/tokens.ts'
import { auditTrail, mcpTenant, type Body } from './mcp-support.ts'
import { startTools, type ToolsHarness } from './support.ts'

let tools: ToolsHarness
let trail: Awaited<ReturnType<typeof auditTrail>>
const fakes: FakeMcpOauth[] = []
beforeAll(async () => {
  tools = await startTools({}, { backoffMs: 20 })
  trail = await auditTrail(tools)
})
afterAll(async () => {
  await tools.stop()
  await Promise.all(fakes.map((fake) => fake.close()))
})

const fresh = async (more: Partial<FakeMcpOauth> = {}) => {
  const fake = Object.assign(await fakeMcpOauth(), more)
  fakes.push(fake)
  return fake
}

/** A tenant with an agent that may use a protected server. */
const withProtected = async (server: object = {}, more: Partial<FakeMcpOauth> = {}) => {
  const fake = await fresh(more)
  const mine = mcpTenant(tools)
  const agentId = mine.agent()
  const id = await mine.server({ name: 'srv', url: fake.url, ...server })
  await mine.post(`/servers/${id}/grants/agent`, { agent_id: agentId })
  const rpc = tools.rpc(ToolsServiceService)
  const call = tools.call(mine.admin)
  const context = {
    agentKey: '',
    sessionKey: '',
    channel: 'ws',
    chatId: '',
    peerKind: 'direct',
    runId: '',
    workspace: '',
  }
  const run = (tool: string, userId = 'ann') =>
    rpc.invokeTool(call, {
      tool: `mcp_srv__${tool}`,
      argumentsJson: '{}',
      context: { ...context, agentId, userId, toolsConfigJson: '' },
    })
  const names = async (userId = 'ann') =>
    (await rpc.listTools(call, { agentId, userId, toolsConfigJson: '' })).tools
      .map(({ name }) => name)
      .filter((name) => name.startsWith('mcp_'))
  /** Once such a tool is there: the first list of a server is not waited for for ever. */
  const offered = async (tool: 'sign_in' | 'whoami', userId = 'ann') => {
    for (;;) {
      const found = await names(userId)
      if (found.includes(`mcp_srv__${tool}`)) return found
      await sleep(20)
    }
  }
  const path = `/servers/${id}/sign-in`
  const asUser = (userId: string) => mine.as({ role: 'operator', userId })
  const begin = (userId = 'ann') => mine.ask(asUser(userId), 'POST', path)
  const come = async (back: string) => {
    const response = await tools.fetch(mine.admin, new URL(back).pathname + new URL(back).search)
    const page = await response.text()
    const isSignedIn = page.includes('<h1>Signed in</h1>')
    return { status: response.status, type: response.headers.get('content-type'), page, isSignedIn }
  }
  const signIn = async (userId = 'ann') => {
    const { body } = await begin(userId)
    return come(fake.signIn(String(body['auth_url']), userId))
  }
  return { ...mine, fake, id, agentId, run, names, offered, path, asUser, begin, come, signIn, rpc, call }
}
const addressIn = (text: string): string => /^https?:\S+$/m.exec(text)?.[0] ?? ''

describe('an agent and its user', () => {
  test('learn that a sign-in is needed, and where; afterwards the tools are there', async () => {
    const { run, fake, come, offered } = await withProtected()
    expect(await offered('sign_in')).toEqual(['mcp_srv__sign_in'])
    const asked = await run('sign_in')
    expect(asked.isError).toBe(false)
    expect((await come(fake.signIn(addressIn(asked.output), 'ann'))).isSignedIn).toBe(true)
    expect(await offered('whoami')).toEqual(['mcp_srv__whoami', 'mcp_srv__write'])
    expect((await run('whoami')).output).toContain('you are ann')
  })

  test('have tokens of their own: nobody’s calls carry those of others', async () => {
    const { run, fake, signIn, offered } = await withProtected()
    await offered('sign_in')
    await Promise.all(['ann', 'bob'].map(signIn))
    await Promise.all(['ann', 'bob'].map((userId) => offered('whoami', userId)))
    const users = ['ann', 'bob', 'ann', 'bob', 'ann', 'bob']
    const said = await Promise.all(users.map(async (userId) => (await run('whoami', userId)).output))
    expect(said.map((output) => /you are (\w+)/.exec(output)?.[1])).toEqual(users)
    expect(await offered('sign_in', 'carl')).toEqual(['mcp_srv__sign_in'])
    expect(fake.calls).toHaveLength(users.length)
  })

  test('are asked again once the sign-in was taken back, and a token that only ran out is renewed unseen', async () => {
    const { run, fake, signIn, offered } = await withProtected()
    await offered('sign_in')
    await signIn()
    await offered('whoami')
    fake.expire('ann')
    expect((await run('whoami')).output).toContain('you are ann')
    fake.end('ann')
    const refused = await run('whoami')
    expect([refused.isError, addressIn(refused.output)]).toEqual([true, expect.stringContaining(fake.issuer)])
    expect(await offered('sign_in')).toEqual(['mcp_srv__sign_in'])
    await signIn()
    await offered('whoami')
    expect((await run('whoami')).output).toContain('you are ann')
  })

  test('are asked for more where what was allowed does not do, and keep what they had', async () => {
    const { run, fake, signIn, come, offered } = await withProtected()
    await offered('sign_in')
    await signIn()
    await offered('whoami')
    const refused = await run('write')
    const address = addressIn(refused.output)
    expect(new URL(address).searchParams.get('scope')).toBe('read write')
    await come(fake.signIn(address, 'ann'))
    await offered('whoami')
    expect((await run('write')).output).toContain('you are ann')
  })

  test('with an authorization server that is away for a moment keep what they have', async () => {
    const { run, fake, signIn, offered } = await withProtected()
    await offered('sign_in')
    await signIn()
    await offered('whoami')
    fake.expire('ann')
    fake.tokenFault = 503
    expect((await run('whoami')).isError).toBe(true)
    fake.tokenFault = 0
    while ((await run('whoami')).isError) await sleep(20)
    expect(fake.exchanges.filter(({ grant_type: type }) => type === 'authorization_code')).toHaveLength(1)
  })

  test('lose the sign-in with the address of the server: the new one gets no token of the old one', async () => {
    const { run, fake, signIn, put, id, offered } = await withProtected()
    await offered('sign_in')
    await signIn()
    await offered('whoami')
    const other = await fresh()
    await put(`/servers/${id}`, { url: other.url })
    expect(await offered('sign_in')).toEqual(['mcp_srv__sign_in'])
    expect((await run('sign_in')).output).toContain(other.issuer)
    expect(fake.calls).toEqual([])
  })

  test('that are refused only at the call have their own token from then on, and nobody else has to', async () => {
    const { run, fake, come, offered } = await withProtected({}, { asksAtCalls: true })
    await offered('whoami')
    const asked = await run('whoami')
    expect((await come(fake.signIn(addressIn(asked.output), 'ann'))).isSignedIn).toBe(true)
    await offered('whoami')
    expect((await run('whoami')).output).toContain('you are ann')
    expect(await offered('whoami', 'bob')).toContain('mcp_srv__whoami')
    expect(addressIn((await run('whoami', 'bob')).output)).toContain(fake.issuer)
  })

  test('are not sent to sign in where an admin says that nobody does', async () => {
    const { run, fake, offered } = await withProtected({ settings: { auth: 'none' } }, { asksAtCalls: true })
    await offered('whoami')
    const refused = await run('whoami')
    expect([refused.isError, addressIn(refused.output), fake.registrations]).toEqual([true, '', []])
  })

  test('that the authorization server has forgotten us for sign in anew', async () => {
    const { run, fake, come, signIn, offered } = await withProtected()
    await offered('sign_in')
    await signIn()
    await offered('whoami')
    fake.forgetClients()
    fake.expire('ann')
    const refused = await run('whoami')
    expect((await come(fake.signIn(addressIn(refused.output), 'ann'))).isSignedIn).toBe(true)
    expect(fake.registrations).toHaveLength(2)
  })

  test('that come back from signing in after the server has moved are not signed in at the new address', async () => {
    const { begin, come, fake, put, id } = await withProtected()
    const back = fake.signIn(String((await begin()).body['auth_url']), 'ann')
    fake.tokenDelayMs = 300
    const coming = come(back)
    while (fake.exchanges.length === 0) await sleep(5)
    await put(`/servers/${id}`, { url: (await fresh()).url })
    expect((await coming).isSignedIn).toBe(false)
    expect(
      await tools.mesh
        .database('tools')
        .pool.query('SELECT 1 FROM tools.mcp_oauth_accounts WHERE server_id = $1', [id]),
    ).toMatchObject({ rows: [] })
  })

  test('of a key that the server refuses are not sent to sign in', async () => {
    const { names, post, fake } = await withProtected({ api_key: 'wrong' })
    expect(await names()).toEqual([])
    const tried = await post('/servers/test', { transport: 'streamable-http', url: fake.url })
    expect(tried.body).toEqual({ success: false, error: 'the server wants its users to sign in' })
  })
})

test('tokens are renewed once, however many calls of however many replicas need them', async () => {
  const { signIn, fake, admin, id, offered } = await withProtected({}, { lifetimeSeconds: 30 })
  await offered('sign_in')
  await signIn()
  const db = openServiceDb(tools.mesh, 'tools', PrismaClient)
  const log = createLogger({ level: 'silent', name: 'test' })
  const rowsOf = createOauthRows(db, tools.mesh.secrets)
  const authorization = createAuthorization({
    fetch: (url, init) => fetch(url, init),
    redirectUri: '',
    metadataUrl: '',
  })
  const account = (await rowsOf(admin.tenantId).account(id, 'ann'))!
  fake.tokenDelayMs = 50
  fake.lifetimeSeconds = 3_600
  const replicas = [0, 1, 2].map(() => createTokens({ rowsOf, authorization, log }))
  await Promise.all([...replicas, ...replicas, ...replicas].map(({ current }) => current(account)))
  await Promise.all(replicas.map(({ replaced }) => replaced(account)))
  expect(fake.exchanges.filter(({ grant_type: type }) => type === 'refresh_token')).toHaveLength(1)
  expect((await rowsOf(admin.tenantId).account(id, 'ann'))!.version).toBe(1)
})

test('a token from elsewhere is exchanged where an admin says so, and is not shown to the server', async () => {
  const { names, run, fake, ask, asUser, id, offered } = await withProtected({
    settings: { oauth: { token_exchange: true } },
  })
  expect(await names()).toEqual([])
  const credentials = `/servers/${id}/user-credentials`
  await ask(asUser('ann'), 'PUT', credentials, { api_key: fake.subjectToken('ann') })
  expect(await offered('whoami')).toEqual(['mcp_srv__whoami', 'mcp_srv__write'])
  expect((await run('whoami')).output).toContain('you are ann')
  fake.expire('ann')
  expect((await run('whoami')).output).toContain('you are ann')
  await ask(asUser('bob'), 'PUT', credentials, { api_key: 'nobody gave this' })
  expect(await names('bob')).toEqual([])
})

test('who is registered by hand is not registered again', async () => {
  const { begin, fake } = await withProtected({
    settings: { auth: 'oauth', oauth: { client_id: 'ours', scope: 'a b' } },
  })
  const { searchParams: query } = new URL(String((await begin()).body['auth_url']))
  expect([query.get('client_id'), query.get('scope'), fake.registrations]).toEqual(['ours', 'a b', []])
})

test('many users may begin at once, though nobody has registered us yet', async () => {
  const { begin } = await withProtected()
  const begun = await Promise.all(Array.from({ length: 8 }, (_, at) => begin(`user-${at}`)))
  expect(begun.map(({ body }) => URL.canParse(String(body['auth_url'])))).toEqual(Array<boolean>(8).fill(true))
})

test('where we were forgotten the next sign-in registers anew', async () => {
  const { begin, come, signIn, fake } = await withProtected()
  const back = fake.signIn(String((await begin()).body['auth_url']), 'ann')
  fake.forgetClients()
  expect((await come(back)).isSignedIn).toBe(false)
  expect((await signIn()).isSignedIn).toBe(true)
  expect(fake.registrations).toHaveLength(2)
})

describe('beginning', () => {
  rule('beginMcpSignIn.findsTheAuthorizationServer', async () => {
    const { begin, signIn, fake } = await withProtected()
    const { searchParams: query } = new URL(String((await begin()).body['auth_url']))
    expect(Object.fromEntries(query)).toMatchObject({
      response_type: 'code',
      code_challenge_method: 'S256',
      resource: fake.url,
      scope: 'read',
      redirect_uri: 'http://127.0.0.1:18790/v1/mcp/oauth/callback',
    })
    expect((await signIn()).isSignedIn).toBe(true)
    expect(fake.exchanges[0]).toMatchObject({
      resource: fake.url,
      code_verifier: expect.stringMatching(/^[\w.~-]{43,}$/),
    })
    expect(fake.registrations).toHaveLength(1)
  })

  rule('beginMcpSignIn.isOpenForTenMinutes', async () => {
    const { begin } = await withProtected()
    const [first, second] = [await begin(), await begin()]
    expect(second.body).toEqual(first.body)
    const leftMs = Date.parse(String(first.body['expires_at'])) - Date.now()
    expect([leftMs > 500_000, leftMs <= 600_000]).toEqual([true, true])
    const other = await begin('bob')
    expect(other.body['auth_url']).not.toBe(first.body['auth_url'])
  })

  rule('beginMcpSignIn.isToldToTheUser', async () => {
    const { begin, admin, id, rpc, call } = await withProtected()
    const { body } = await begin()
    const data = (await trail.first(admin.tenantId, 'mcpSignInWanted')).data as Body
    expect(data).toEqual({ id: expect.any(String), serverId: id, userId: 'ann' })
    const asked = await rpc.getMcpSignIn(call, { id: String(data['id']) })
    expect(asked).toMatchObject({ found: true, userId: 'ann', server: 'srv', authUrl: body['auth_url'] })
    const elsewhere = mcpTenant(tools).admin
    expect(await rpc.getMcpSignIn(tools.call(elsewhere), { id: String(data['id']) })).toMatchObject({ found: false })
  })

  rule('beginMcpSignIn.saysWhyNot', async () => {
    for (const [metadata, reason] of [
      [{ code_challenge_methods_supported: undefined }, 'PKCE'],
      [{ code_challenge_methods_supported: ['plain'] }, 'PKCE'],
      [{ registration_endpoint: undefined }, 'client_id'],
      [{ issuer: 'https://other.example.org' }, ''],
      [{ authorization_endpoint: 'javascript:alert(1)' }, ''],
      [{ token_endpoint: 'http://other.example.org/token' }, 'encrypted'],
    ] as const) {
      const { begin } = await withProtected({}, { metadata })
      const { status, body } = await begin()
      expect([metadata, status, body['error']]).toEqual([metadata, 400, expect.stringContaining(reason)])
    }
    const { begin } = await withProtected({}, { resourceMetadata: { resource: 'https://other.example.org/mcp' } })
    expect((await begin()).body).toMatchObject({ error: expect.stringContaining('another resource') })
  })

  rule('beginMcpSignIn.reachesNothingInside', async () => {
    let asked = 0
    const inside = createServer((_, response) => response.end('{}')).on('connection', () => asked++)
    await new Promise<void>((resolve) => inside.listen(0, '127.0.0.2', resolve))
    const within = `http://127.0.0.2:${(inside.address() as AddressInfo).port}`
    for (const more of [
      { resourceMetadata: { authorization_servers: [within] } },
      { metadata: { registration_endpoint: `${within}/register` } },
    ]) {
      const { begin } = await withProtected({}, more)
      expect((await begin()).status).toBe(400)
    }
    const { begin, come, fake } = await withProtected(
      {},
      { metadata: { token_endpoint: `${within.replace('http:', 'https:')}/token` } },
    )
    expect((await come(fake.signIn(String((await begin()).body['auth_url']), 'ann'))).isSignedIn).toBe(false)
    inside.close()
    expect(asked).toBe(0)
  })

  rule('beginMcpSignIn.needsAUser', async () => {
    const { begin } = await withProtected()
    expect((await begin('')).status).toBe(400)
  })

  rule('beginMcpSignIn.refusesUnknownServers', async () => {
    const { path, id } = await withProtected()
    const elsewhere = mcpTenant(tools)
    expect((await elsewhere.ask(elsewhere.as({ role: 'operator' }), 'POST', path.replace(id, id))).status).toBe(404)
  })
})

describe('coming back', () => {
  rule('finishMcpSignIn.isForWhoeverWasAsked', async () => {
    const { begin, come, fake, ask, asUser, path, admin, id } = await withProtected()
    const back = fake.signIn(String((await begin('bob')).body['auth_url']), 'bob')
    expect((await come(back)).isSignedIn).toBe(true)
    const signedIn = async (userId: string) => (await ask(asUser(userId), 'GET', path)).body['signed_in']
    expect([await signedIn('bob'), await signedIn('ann')]).toEqual([true, false])
    expect((await trail.first(admin.tenantId, 'mcpSignedIn')).data).toEqual({ id, userId: 'bob' })
    expect((await come(back)).isSignedIn).toBe(false)
  })

  rule('finishMcpSignIn.showsAPage', async () => {
    const { begin, come, fake } = await withProtected()
    const back = fake.signIn(String((await begin()).body['auth_url']), 'ann')
    const { type, page } = await come(back)
    expect([type, page]).toEqual([expect.stringContaining('text/html'), expect.stringContaining('Signed in')])
    expect(page).not.toContain(new URL(back).searchParams.get('code'))
    const denied = await come(
      fake
        .signIn(String((await begin('bob')).body['auth_url']), 'bob')
        .replace(/code=[^&]*/, 'error=access_denied&error_description=%3Cscript%3E'),
    )
    expect([denied.isSignedIn, denied.page]).toEqual([false, expect.stringContaining('access_denied')])
    expect(denied.page).not.toContain('<script')
  })

  rule('finishMcpSignIn.refusesOtherAnswers', async () => {
    const { begin, come, fake, ask, asUser, path } = await withProtected()
    const back = async () => new URL(fake.signIn(String((await begin()).body['auth_url']), 'ann'))
    for (const change of [
      (url: URL) => url.searchParams.set('state', 'unknown'),
      (url: URL) => url.searchParams.delete('state'),
      (url: URL) => url.searchParams.set('iss', 'https://other.example.org'),
      (url: URL) => url.searchParams.delete('iss'),
      (url: URL) => url.searchParams.delete('code'),
      (url: URL) => url.searchParams.set('code', 'made-up'),
    ]) {
      const url = await back()
      change(url)
      expect((await come(url.href)).isSignedIn).toBe(false)
    }
    expect((await ask(asUser('ann'), 'GET', path)).body).toMatchObject({ signed_in: false })
  })

  rule('getMcpClientMetadata.namesUs', async () => {
    const { body } = await tools.request<Body>(mcpTenant(tools).admin, 'GET', '/v1/mcp/oauth/client.json')
    expect(body).toMatchObject({
      client_id: 'http://127.0.0.1:18790/v1/mcp/oauth/client.json',
      redirect_uris: ['http://127.0.0.1:18790/v1/mcp/oauth/callback'],
    })
  })
})

describe('how it stands', () => {
  rule('getMcpSignIn.tellsHowItStands', async () => {
    const { ask, asUser, path, signIn, fake, offered } = await withProtected()
    const state = async () => (await ask(asUser('ann'), 'GET', path)).body
    expect(await state()).toEqual({ wants_sign_in: false, signed_in: false })
    await offered('sign_in')
    expect(await state()).toEqual({ wants_sign_in: true, signed_in: false })
    await signIn()
    const said = await state()
    expect(said).toEqual({ wants_sign_in: true, signed_in: true, scope: 'read', token_expires_at: expect.any(String) })
    expect(fake.secrets.filter((secret) => JSON.stringify(said).includes(secret))).toEqual([])
  })

  rule('getMcpSignIn.showsTheOpenOne', async () => {
    const { begin, ask, asUser, admin, path } = await withProtected()
    const { body } = await begin('bob')
    expect((await ask(asUser('bob'), 'GET', path)).body).toMatchObject({ auth_url: body['auth_url'] })
    expect((await ask(admin, 'GET', `${path}?user_id=bob`)).body).not.toHaveProperty('auth_url')
  })

  rule('getMcpSignIn.isForOneself', async () => {
    const { ask, asUser, path } = await withProtected()
    expect((await ask(asUser('ann'), 'GET', `${path}?user_id=bob`)).status).toBe(403)
    expect((await ask(asUser(''), 'GET', path)).status).toBe(400)
  })

  rule('getMcpSignIn.refusesUnknownServers', async () => {
    const { path } = await withProtected()
    const elsewhere = mcpTenant(tools)
    expect((await elsewhere.ask(elsewhere.admin, 'GET', path)).status).toBe(404)
  })

  rule('endMcpSignIn.forgetsTheTokens', async () => {
    const { run, ask, asUser, path, signIn, fake, admin, id, offered } = await withProtected()
    await offered('sign_in')
    await signIn()
    await offered('whoami')
    expect((await ask(asUser('ann'), 'DELETE', path)).body).toEqual({ status: 'signed_out' })
    expect(fake.revoked).toEqual([expect.stringMatching(/^rt_/)])
    expect(await offered('sign_in')).toEqual(['mcp_srv__sign_in'])
    expect((await run('whoami')).isError).toBe(true)
    expect(fake.calls).toEqual([])
    expect((await trail.first(admin.tenantId, 'mcpSignedOut')).data).toEqual({ id, userId: 'ann' })
    expect((await ask(asUser('ann'), 'DELETE', path)).status).toBe(200)
  })

  rule('endMcpSignIn.isForOneself', async () => {
    const { ask, asUser, admin, path, signIn } = await withProtected()
    await signIn('bob')
    expect((await ask(asUser('ann'), 'DELETE', `${path}?user_id=bob`)).status).toBe(403)
    await ask(admin, 'DELETE', `${path}?user_id=bob`)
    expect((await ask(asUser('bob'), 'GET', path)).body).toMatchObject({ signed_in: false })
  })
})
