/** The official MCP client, unmodified, against one edge with the services in another process: our tools, and those of official servers. */
import { createHmac } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { findSandbox, insidePath } from '../../services/tools/src/exec/sandbox.ts'
import { startAllInOne, type AllInOne, type TestTenant } from '../support/all-in-one.ts'
import { eventually } from '../support/eventually.ts'
import { rule } from '../support/rule.ts'
import { connectWs } from '../support/ws-client.ts'

let mesh: AllInOne
let tenant: TestTenant
const opened: Client[] = []
const { sandbox } = { sandbox: undefined, ...(await findSandbox()) }
const memoryFolder = mkdtempSync(join(tmpdir(), 'clawmesh-mcp-'))

beforeAll(async () => {
  mesh = await startAllInOne({ CLAWMESH_MCP_STDIO: 'all', CLAWMESH_RATE_LIMIT_BURST: '1' }, { apart: true })
  tenant = await mesh.makeTenant('mcp')
  await need('POST', '/v1/providers', {
    name: 'vendor',
    provider_type: 'openai_compat',
    api_base: mesh.upstream.base,
    api_key: 'sk-test',
  })
})
afterEach(async () => {
  for (const client of opened.splice(0)) await client.close()
})
afterAll(async () => {
  await mesh?.stop()
  rmSync(memoryFolder, { recursive: true })
})

const need = async (method: string, path: string, body?: object) => {
  const answer = await mesh.request(method, path, { headers: tenant.as('admin'), body })
  if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`)
  return answer.body
}
const connect = async (path: string, headers: Record<string, string>, mode: 'auto' | 'legacy' = 'auto') => {
  const client = new Client({ name: 'editor', version: '1' }, { versionNegotiation: { mode } })
  opened.push(client)
  await client.connect(new StreamableHTTPClientTransport(new URL(mesh.url + path), { requestInit: { headers } }))
  return client
}
const bearer = (token: string) => ({ authorization: `Bearer ${token}` })
const textOf = (result: { content: unknown }) => (result.content as { text: string }[])[0]!.text

rule('callMcp.takesAnyCredential', async () => {
  for (const mode of ['auto', 'legacy'] as const) {
    const client = await connect('/mcp', bearer(tenant.keys.operator), mode)
    expect((await client.listTools()).tools.map(({ name }) => name)).toContain('read_file')
    const written = await client.callTool({ name: 'write_file', arguments: { path: `${mode}.txt`, content: 'x' } })
    expect(written.isError).not.toBe(true)
  }
  // The key's own user, in the key's own tenant.
  const admin = await connect('/mcp', mesh.owner(tenant.id))
  expect(textOf(await admin.callTool({ name: 'list_files', arguments: {} }))).not.toContain('auto.txt')
  const ping = { jsonrpc: '2.0', id: 1, method: 'ping' }
  const ask = async (headers: Record<string, string>) =>
    (await mesh.request('POST', '/mcp', { headers, body: ping })).status
  expect(await Promise.all([ask(tenant.as('viewer')), ask({}), ask(bearer('wrong'))])).toEqual([403, 401, 401])
})

rule('callMcp.countsCalls', async () => {
  const made = await need('POST', '/v1/api-keys', { name: 'slow', scopes: ['operator.write'], rate_limit_rpm: 1 })
  const client = await connect('/mcp', bearer(String(made['key'])))
  for (let at = 0; at < 3; at++) await client.listTools()
  const call = { name: 'list_files', arguments: {} }
  expect((await client.callTool(call)).isError).not.toBe(true)
  await expect(client.callTool(call)).rejects.toThrow(/429|rate/i)
  await client.listTools()
  // However the name of the method is written.
  const written = '{"jsonrpc":"2.0","id":1,"\\u006dethod":"tools\\/call","params":{"name":"list_files"}}'
  const answer = await mesh.request('POST', '/mcp', { headers: bearer(String(made['key'])), body: written })
  expect(answer.status).toBe(429)
})

test('the bridge is opened by the gateway token and signed headers alone', async () => {
  const agent = String((await need('GET', '/v1/agents/default'))['id'])
  const context = [agent, 'ann', 'telegram', '42', 'direct', '', tenant.id]
  const names = ['x-agent-id', 'x-user-id', 'x-channel', 'x-chat-id', 'x-peer-kind', 'x-workspace', 'x-tenant-id']
  const signature = createHmac('sha256', mesh.gatewayToken).update(context.join('|')).digest('hex')
  const headers = {
    ...Object.fromEntries(names.map((name, at) => [name, context[at]!]).filter(([, value]) => value !== '')),
    'x-bridge-sig': signature,
  }
  const client = await connect('/mcp/bridge', { ...bearer(mesh.gatewayToken), ...headers })
  await client.callTool({ name: 'write_file', arguments: { path: 'bridge.txt', content: 'over the bridge' } })
  // It is the workspace that a run of the agent for the user has.
  const own = await connect('/mcp', { ...tenant.as('operator', 'ann'), 'x-goclaw-agent-id': agent })
  expect(textOf(await own.callTool({ name: 'read_file', arguments: { path: 'bridge.txt' } }))).toContain(
    'over the bridge',
  )
  const closed = async (more: Record<string, string>) =>
    (await mesh.request('POST', '/mcp/bridge', { headers: { ...headers, ...more }, body: {} })).status
  expect(
    await Promise.all([
      closed(bearer(tenant.keys.admin)),
      closed({ ...bearer(mesh.gatewayToken), 'x-user-id': 'bob' }),
      closed({ ...bearer(mesh.gatewayToken), 'x-forwarded-for': '203.0.113.9' }),
    ]),
  ).toEqual([401, 403, 403])
})

/** No more than forty tools of servers are offered at once. */
const registered: string[] = []
afterEach(async () => {
  for (const id of registered.splice(0)) await need('DELETE', `/v1/mcp/servers/${id}`)
})

/** Registers an official server, grants it to the default agent, and waits until a tool of it is offered. */
const official = async (program: string, name: string, args: string[], tool: string) => {
  const module = `../../node_modules/@modelcontextprotocol/server-${program}/dist/index.js`
  const agent = String((await need('GET', '/v1/agents/default'))['id'])
  const server = {
    ...{ name, transport: 'stdio', command: process.execPath },
    // Of the memory server; the others do not read it.
    env: { MEMORY_FILE_PATH: join(sandbox ? insidePath : memoryFolder, 'memory.json') },
    args: [fileURLToPath(new URL(module, import.meta.url)), ...args],
  }
  const id = String((await need('POST', '/v1/mcp/servers', server))['id'])
  registered.push(id)
  await need('POST', `/v1/mcp/servers/${id}/grants/agent`, { agent_id: agent })
  const client = await connect('/mcp', tenant.as('operator', 'ann'))
  await eventually(tool, async () => (await client.listTools()).tools.some(({ name: listed }) => listed === tool))
  return client
}

test('what a server asks in a run reaches its user over a WebSocket, and nobody else', async () => {
  await official('everything', 'asks', ['stdio'], 'mcp_asks__trigger-elicitation-request')
  const [ann, bob] = await Promise.all(
    ['ann', 'bob'].map((user_id) => connectWs(mesh.port, { token: tenant.keys.operator, user_id })),
  )
  try {
    mesh.upstream.next(
      { toolCalls: [{ name: 'mcp_asks__trigger-elicitation-request', arguments: '{}' }] },
      { text: 'Noted.' },
    )
    const running = ann!.need('chat.send', { message: 'ask me' })
    const { payload } = await ann!.event('mcp.elicitation.requested')
    const { id, schema } = payload as { id: string; schema: object }
    expect(schema).toMatchObject({ type: 'object' })
    expect(await bob!.need('mcp.elicitation.list', {})).toEqual({ pending: [] })
    expect(await bob!.ask('mcp.elicitation.answer', { id, action: 'cancel' })).toMatchObject({
      error: { code: 'NOT_FOUND' },
    })
    await ann!.need('mcp.elicitation.answer', { id, action: 'accept', content: { name: 'Ann Lee' } })
    expect(await running).toMatchObject({ content: 'Noted.' })
    expect(JSON.stringify(mesh.upstream.requests.map(({ body }) => body))).toContain('Ann Lee')
    expect((await ann!.event('mcp.elicitation.resolved')).payload).toEqual({ id, userId: 'ann', action: 'accept' })
    // Whatever was sent to him came before the answer to this.
    await bob!.need('mcp.elicitation.list', {})
    expect(bob!.events.filter(({ event }) => event.startsWith('mcp.elicitation'))).toEqual([])
    // Its title: what the model says next is for the next test.
    await ann!.event('session.updated')
  } finally {
    await Promise.all([ann!.close(), bob!.close()])
  }
})

test.each([
  ['everything', ['stdio'], 'echo', { message: 'said by the model' }],
  ['filesystem', ['.'], 'write_file', { path: 'note.txt', content: 'said by the model' }],
  ['memory', [], 'add_observations', { observations: [{ entityName: 'Ann', contents: ['said by the model'] }] }],
] as const)(
  "tools of the official server %s work in an agent's run and through /mcp",
  async (program, args, tool, input) => {
    const name = `mcp_${program}__${tool}`
    const client = await official(program, program, [...args], name)
    const call = (called: string, given: Record<string, unknown>) =>
      client.callTool({ name: `mcp_${program}__${called}`, arguments: given }).then(textOf)
    if (program === 'memory')
      await call('create_entities', { entities: [{ name: 'Ann', entityType: 'person', observations: [] }] })

    mesh.upstream.next({ toolCalls: [{ name, arguments: JSON.stringify(input) }] }, { text: 'Done.' })
    const body = { model: 'goclaw:default', messages: [{ role: 'user', content: 'go on' }] }
    const answer = await mesh.request('POST', '/v1/chat/completions', { headers: tenant.as('operator', 'ann'), body })
    expect(answer.text).toContain('Done.')
    const result = JSON.stringify(mesh.upstream.requests.at(-1)!.body)
    expect(result).toContain('EXTERNAL_UNTRUSTED_CONTENT')

    // What the run has done is seen through /mcp.
    const seen = {
      everything: () => call('echo', { message: 'said by the model' }),
      filesystem: () => call('read_text_file', { path: 'note.txt' }),
      memory: () => call('open_nodes', { names: ['Ann'] }),
    }
    expect(await seen[program]()).toContain('said by the model')
  },
)
