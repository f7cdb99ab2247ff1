/** Our tools as an MCP server, called by the official client, unmodified, in both eras of the protocol. */
import { fileURLToPath } from 'node:url'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { auditActions, eventType, type Caller } from '@clawmesh/contracts'
import { rule, ruleName } from '../../../test/support/rule.ts'
import { createConnect } from '../src/mcp/client/connect.ts'
import { createMcpServer } from '../src/mcp-server/server.ts'
import { says } from '../src/tool/tool.ts'
import { auditTrail, mcpTenant, repository } from './mcp-support.ts'
import { newTenant, startTools, type ToolsHarness } from './support.ts'

let tools: ToolsHarness
const opened: Client[] = []
beforeAll(async () => {
  tools = await startTools({ mcpStdio: 'all', mcpFolders: [repository] })
})
afterEach(async () => {
  for (const client of opened.splice(0)) await client.close()
})
afterAll(() => tools.stop())

type Era = 'auto' | 'legacy'
const connect = async (caller: Caller, path: string, headers: Record<string, string> = {}, mode: Era = 'auto') => {
  const address = tools.addressFor(caller)
  const client = new Client({ name: 'editor', version: '1' }, { versionNegotiation: { mode } })
  opened.push(client)
  const sent = { ...address.headers, ...headers }
  await client.connect(
    new StreamableHTTPClientTransport(new URL(address.base + path), { requestInit: { headers: sent } }),
  )
  return client
}
const namesOf = async (client: Client) => (await client.listTools()).tools.map(({ name }) => name)
const textOf = (result: { content: unknown }) => (result.content as { text: string }[])[0]!.text
/** The tools a tenant is left with by a setting of its own. */
const switchOff = (caller: Caller, tool: string) =>
  tools.request({ ...caller, role: 'admin' }, 'PUT', `/v1/tools/builtin/${tool}/tenant-config`, { enabled: false })
const refused = { code: -32_602 }

/** What the edge makes of the gateway token and signed headers. */
const fromBridge = (tenant: Caller, userId: string): Caller => ({
  ...tenant,
  userId,
  role: 'admin',
  credential: 'gateway-token',
  userBound: false,
})

describe.each<[string, Era]>([
  ['the current protocol', 'auto'],
  ['the older one', 'legacy'],
])('%s', (_protocol, mode) => {
  test(ruleName('callMcp.offersTheAgentsTools', mode), async () => {
    const caller = newTenant(tools)
    const client = await connect(caller, '/mcp', {}, mode)
    expect(client.getServerVersion()).toMatchObject({ name: 'clawmesh' })
    const { tools: listed } = await client.listTools()
    expect(listed.map(({ name }) => name)).toEqual(expect.arrayContaining(['write_file', 'read_file', 'exec']))
    expect(listed.find(({ name }) => name === 'read_file')).toMatchObject({
      description: expect.stringMatching(/./),
      inputSchema: { type: 'object', required: ['path'] },
    })
    await client.callTool({ name: 'write_file', arguments: { path: 'a.txt', content: 'hello' } })
    expect(textOf(await client.callTool({ name: 'read_file', arguments: { path: 'a.txt' } }))).toContain('hello')
    // The current protocol knows no ping.
    if (mode === 'legacy') await client.ping()
    else await expect(client.ping()).rejects.toThrow()
  })

  test(ruleName('callMcpBridge.namesItself', mode), async () => {
    const client = await connect(fromBridge(newTenant(tools), 'ann'), '/mcp/bridge', { 'x-agent-id': 'default' }, mode)
    expect(client.getServerVersion()).toEqual({ name: 'goclaw-bridge', version: '1.0.0' })
    expect(client.getServerCapabilities()).toMatchObject({ tools: { listChanged: false } })
  })
})

it('a server of the current protocol is found alive and gone by the pool, though it knows no ping', async () => {
  const { base, headers } = tools.addressFor(newTenant(tools))
  const { connect: open, close } = createConnect({
    allow: ['127.0.0.1'],
    programOf: () => Promise.reject(new Error('no program is run')),
  })
  const target = { transport: 'streamable-http' as const, command: '', args: [], env: {}, headers, url: `${base}/mcp` }
  const connection = await open(target, { closed: () => {}, toolsChanged: () => {} }, { timeoutMs: 30_000 })
  await connection.ping(30_000)
  await connection.close()
  await expect(connection.ping(30_000)).rejects.toThrow()
  await close()
})

describe('/mcp', () => {
  rule('callMcp.isStateless', async () => {
    const caller = newTenant(tools)
    const post = (body: object) =>
      tools.request(caller, 'POST', '/mcp', body, { accept: 'application/json, text/event-stream' })
    // Nothing was said before, and no session is named.
    const called = await post({ jsonrpc: '2.0', id: 1, method: 'tools/list' })
    expect([called.status, called.headers.get('mcp-session-id')]).toEqual([200, null])
    expect(JSON.stringify(called.body)).toContain('read_file')
    const notified = await post({ jsonrpc: '2.0', method: 'notifications/initialized' })
    expect([notified.status, notified.body]).toEqual([202, ''])
  })

  rule('callMcp.findsTheAgent', async () => {
    const caller = newTenant(tools)
    for (const agentKey of ['one', 'two', 'three']) tools.addAgent(caller.tenantId, { agentKey })
    const write = async (path: string, headers: Record<string, string>) => {
      const client = await connect(caller, path, headers)
      return textOf(await client.callTool({ name: 'list_files', arguments: {} }))
    }
    for (const agentKey of ['one', 'two', 'three', 'default']) {
      const client = await connect(caller, `/mcp?agent=${agentKey}`)
      await client.callTool({ name: 'write_file', arguments: { path: `of-${agentKey}.txt`, content: '' } })
    }
    const both = { 'x-goclaw-agent-id': 'one', 'x-goclaw-agent': 'two' }
    expect(await write('/mcp?agent=three', both)).toContain('of-one.txt')
    expect(await write('/mcp?agent=three', { 'x-goclaw-agent': 'two' })).toContain('of-two.txt')
    expect(await write('/mcp?agent=three', {})).toContain('of-three.txt')
    expect(await write('/mcp', {})).toContain('of-default.txt')
  })

  rule('callMcp.refusesUnknownAgents', async () => {
    const caller = newTenant(tools)
    tools.addAgent(caller.tenantId, { agentKey: 'closed', hasAccess: false })
    const ask = async (agent: string) => (await tools.request(caller, 'POST', `/mcp?agent=${agent}`, {})).status
    expect([await ask('nobody'), await ask('closed')]).toEqual([404, 403])
    const theirs = newTenant(tools)
    const id = tools.addAgent(theirs.tenantId, { agentKey: 'theirs' })
    expect([await ask('theirs'), await ask(id)]).toEqual([404, 404])
  })

  rule('callMcp.speaksForAUser', async () => {
    const caller = newTenant(tools, { userId: '', fallbackUserId: 'key-1' })
    const client = await connect(caller, '/mcp')
    await client.callTool({ name: 'write_file', arguments: { path: 'mine.txt', content: 'x' } })
    const sameUser = await connect({ ...caller, userId: 'key-1', fallbackUserId: undefined }, '/mcp')
    expect(textOf(await sameUser.callTool({ name: 'list_files', arguments: {} }))).toContain('mine.txt')
    const other = await connect({ ...caller, userId: 'bob', fallbackUserId: undefined }, '/mcp')
    expect(textOf(await other.callTool({ name: 'list_files', arguments: {} }))).not.toContain('mine.txt')
  })

  rule('callMcp.evaluatesEachCall', async () => {
    const caller = newTenant(tools)
    const id = tools.addAgent(caller.tenantId, {
      agentKey: 'reader',
      toolsConfigJson: JSON.stringify({ deny: ['write_file'] }),
    })
    const client = await connect(caller, `/mcp?agent=${id}`)
    expect(await namesOf(client)).not.toContain('write_file')
    await expect(client.callTool({ name: 'write_file', arguments: {} })).rejects.toMatchObject(refused)
    const list = { name: 'list_files', arguments: {} }
    expect((await client.callTool(list)).isError).not.toBe(true)
    expect((await switchOff(caller, 'list_files')).status).toBeLessThan(300)
    await expect(client.callTool(list)).rejects.toMatchObject(refused)
  })

  rule('callMcp.reportsFailures', async () => {
    const client = await connect(newTenant(tools), '/mcp')
    const missing = await client.callTool({ name: 'read_file', arguments: { path: 'no-such.txt' } })
    expect(missing).toMatchObject({ isError: true })
    expect(textOf(missing)).toContain('no such file')
    expect(await client.callTool({ name: 'read_file', arguments: {} })).toMatchObject({ isError: true })
    await expect(client.callTool({ name: 'no_such_tool', arguments: {} })).rejects.toMatchObject(refused)
  })

  rule('callMcp.isRecorded', async () => {
    const caller = newTenant(tools, { userId: 'ann' })
    const trail = await auditTrail(tools)
    const client = await connect(caller, '/mcp')
    await client.listTools()
    await client.callTool({ name: 'list_files', arguments: {} })
    const { action, data } = await trail.first(caller.tenantId, 'toolInvoked')
    expect([action, data]).toEqual([
      auditActions.get(eventType('toolInvoked')),
      expect.objectContaining({ id: 'list_files', actorId: 'ann' }),
    ])
    expect(trail.of(caller.tenantId, 'toolInvoked')).toHaveLength(1)
  })

  test('a message that is none, and a type that cannot be read, are refused in the words of the protocol', async () => {
    const caller = newTenant(tools)
    const both = { accept: 'application/json, text/event-stream' }
    const nothing = await tools.request(caller, 'POST', '/mcp', { hello: 1 }, both)
    expect(nothing).toMatchObject({ status: 400, body: { jsonrpc: '2.0', error: { code: expect.any(Number) } } })
    const text = await tools.request(caller, 'POST', '/mcp', '{}', { ...both, 'content-type': 'text/plain' })
    expect(text.status).toBe(415)
  })

  test('nobody can keep a stream open to listen for what never comes', async () => {
    const client = await connect(newTenant(tools), '/mcp')
    await expect(client.request({ method: 'subscriptions/listen', params: { filter: {} } } as never)).rejects.toThrow()
  })
})

describe('/mcp/bridge', () => {
  const context = {
    'x-agent-id': 'default',
    'x-channel': 'telegram',
    'x-chat-id': '42',
    'x-peer-kind': 'group',
  }

  rule('callMcpBridge.isStateless', async () => {
    const caller = fromBridge(newTenant(tools), 'ann')
    const headers = { accept: 'application/json, text/event-stream', ...context }
    const notification = { jsonrpc: '2.0', method: 'notifications/initialized' }
    expect((await tools.request(caller, 'POST', '/mcp/bridge', notification, headers)).status).toBe(202)
    const asked = { jsonrpc: '2.0', id: 1, method: 'tools/list' }
    const answer = await tools.request(caller, 'POST', '/mcp/bridge', asked, headers)
    expect([answer.status, answer.headers.get('mcp-session-id')]).toEqual([200, null])
  })

  rule('callMcpBridge.takesTheContext', async () => {
    const tenant = newTenant(tools)
    tools.addAgent(tenant.tenantId, { agentKey: 'writer' })
    const client = await connect(fromBridge(tenant, 'ann'), '/mcp/bridge', {
      ...context,
      'x-agent-id': 'writer',
      // It is the run's, which follows from agent and user: a path leads nowhere else.
      'x-workspace': '/etc',
    })
    await client.callTool({ name: 'write_file', arguments: { path: 'a.txt', content: 'of ann' } })
    // The same place as of a run of the agent for the user, and nobody else's.
    const asRun = await tools.invoke(
      { ...tenant, userId: 'ann' },
      { tool: 'read_file', args: { path: 'a.txt' }, agentId: 'writer' },
    )
    expect(asRun.body.result.output).toContain('of ann')
    for (const [userId, agent] of [
      ['bob', 'writer'],
      ['ann', 'default'],
    ]) {
      const other = await connect(fromBridge(tenant, userId!), '/mcp/bridge', { ...context, 'x-agent-id': agent! })
      expect(textOf(await other.callTool({ name: 'list_files', arguments: {} }))).not.toContain('a.txt')
    }
  })

  rule('callMcpBridge.offersOurTools', async () => {
    const mine = mcpTenant(tools)
    const agentId = mine.agent()
    const command = [process.execPath, fileURLToPath(new URL('../../../test/fakes/mcp-program.mjs', import.meta.url))]
    const id = await mine.server({ name: 'srv', transport: 'stdio', command: command[0], args: [command[1]], url: '' })
    await mine.post(`/servers/${id}/grants/agent`, { agent_id: agentId })
    const client = await connect(fromBridge(mine.admin, 'ann'), '/mcp/bridge', { ...context, 'x-agent-id': agentId })
    const names = await namesOf(client)
    expect(names).toEqual(expect.arrayContaining(['read_file', 'exec', 'memory_search', 'web_fetch']))
    const [granted] = names.filter((name) => name.startsWith('mcp_srv__'))
    expect(granted).toBeDefined()
    // It is no tool of the bridge, though the agent has it.
    expect(names).not.toContain('knowledge_graph_search')
    const graph = client.callTool({ name: 'knowledge_graph_search', arguments: { query: 'x' } })
    await expect(graph).rejects.toMatchObject(refused)
  })

  rule('callMcpBridge.evaluatesEachCall', async () => {
    const mine = mcpTenant(tools)
    const agentId = mine.agent()
    const client = await connect(fromBridge(mine.admin, 'ann'), '/mcp/bridge', { ...context, 'x-agent-id': agentId })
    const list = { name: 'list_files', arguments: {} }
    expect((await client.callTool(list)).isError).not.toBe(true)
    await switchOff(mine.admin, 'list_files')
    expect(await namesOf(client)).not.toContain('list_files')
    await expect(client.callTool(list)).rejects.toMatchObject(refused)
  })

  rule('callMcpBridge.actsAsTheUser', async () => {
    const tenant = newTenant(tools)
    tools.addAgent(tenant.tenantId, { agentKey: 'closed', hasAccess: false })
    const headers = { ...context, 'x-agent-id': 'closed' }
    const answer = await tools.request(fromBridge(tenant, 'ann'), 'POST', '/mcp/bridge', {}, headers)
    expect(answer.status).toBe(403)
    expect(tools.askedFor('closed').at(-1)).toMatchObject({ userId: 'ann', role: 'operator', userBound: true })
    await tools.request(fromBridge(tenant, ''), 'POST', '/mcp/bridge', {}, headers)
    expect(tools.askedFor('closed').at(-1)).toMatchObject({ userId: '', role: 'admin' })
  })

  rule('callMcpBridge.reportsFailures', async () => {
    const client = await connect(fromBridge(newTenant(tools), 'ann'), '/mcp/bridge', context)
    expect(await client.callTool({ name: 'read_file', arguments: { path: 'no-such.txt' } })).toMatchObject({
      isError: true,
    })
    await expect(client.callTool({ name: 'no_such_tool', arguments: {} })).rejects.toMatchObject(refused)
  })

  rule('openMcpBridgeStream.hasNoStream', async () => {
    const caller = fromBridge(newTenant(tools), '')
    expect((await tools.request(caller, 'GET', '/mcp/bridge')).status).toBe(405)
  })

  rule('closeMcpBridgeSession.endsNothing', async () => {
    const caller = fromBridge(newTenant(tools), '')
    expect(await tools.request(caller, 'DELETE', '/mcp/bridge')).toMatchObject({ status: 200, body: {} })
  })
})

test.each([
  ruleName('callMcp.boundsResults', 'what serves it serves the bridge, too'),
  ruleName('callMcpBridge.boundsResults'),
])('%s', async () => {
  const answer = createMcpServer({
    name: 'long',
    version: '1',
    invoke: { offeredOf: async () => [], runOf: async () => says('x'.repeat(300_000)) },
    serves: () => true,
    called: async () => undefined,
  })
  const caller = newTenant(tools)
  const facts = { agent: '', userId: '', sessionKey: '', channel: '', chatId: '', peerKind: 'direct' } as const
  const headers = { accept: 'application/json, text/event-stream', 'content-type': 'application/json' }
  const request = new Request('http://localhost', { method: 'POST', headers })
  const called = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'talk', arguments: {} } }
  const text = await (await answer(request, called, { call: tools.call(caller), facts })).text()
  expect(text.length).toBeLessThan(251_000)
  expect(text).toContain('[cut: the result was longer]')
})
