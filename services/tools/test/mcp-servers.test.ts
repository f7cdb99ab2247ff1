/** MCP servers as they are registered, over a real database. */
import { randomUUID } from 'node:crypto'
import { masterTenantId, type EventName } from '@clawmesh/contracts'
import { rule, ruleName } from '../../../test/support/rule.ts'
import { auditTrail, mcpTenant } from './mcp-support.ts'
import { startTools, type ToolsHarness } from './support.ts'

let tools: ToolsHarness
let trail: Awaited<ReturnType<typeof auditTrail>>
beforeAll(async () => {
  tools = await startTools()
  trail = await auditTrail(tools)
})
afterAll(() => tools.stop())

const url = 'https://mcp.example.org/mcp'
const http = { transport: 'streamable-http', url }

/** What the database holds, as text. */
const stored = async (table: string, tenantId: string): Promise<string> =>
  JSON.stringify((await tools.mesh.database('tools').forTenant(tenantId).query(`SELECT * FROM tools.${table}`)).rows)

const expectAudit = async (tenantId: string, name: EventName, action: string, data: object) =>
  expect(await trail.first(tenantId, name)).toMatchObject({ action, data: { ...data, actorId: 'ann' } })

describe('listing', () => {
  rule('listMcpServers.ordersByName', async () => {
    const mine = mcpTenant(tools)
    for (const name of ['b', 'c', 'a']) await mine.server({ name })
    await mcpTenant(tools).server({ name: 'aa' })
    const { servers } = await mine.get('/servers')
    expect(servers.map(({ name }: { name: string }) => name)).toEqual(['a', 'b', 'c'])
  })

  rule('listMcpServers.countsAgents', async () => {
    const mine = mcpTenant(tools)
    const id = await mine.server({ name: 'a' })
    await mine.server({ name: 'b' })
    for (const key of ['one', 'two']) await mine.post(`/servers/${id}/grants/agent`, { agent_id: mine.agent(key) })
    expect((await mine.get('/servers')).servers).toMatchObject([{ agent_count: 2 }, { agent_count: 0 }])
  })

  rule('listMcpServers.masksSecrets', async () => {
    const mine = mcpTenant(tools)
    const secrets = { api_key: 's3cret', headers: { 'X-Key': 's3cret' }, env: { KEY: 's3cret' } }
    const { body } = await mine.post('/servers', { name: 'a', ...http, ...secrets })
    for (const role of ['viewer', 'admin', 'owner'] as const) {
      const answer = await mine.ask(mine.as({ role }), 'GET', '/servers')
      expect(answer.body).toMatchObject({
        servers: [{ id: body['id'], api_key: '***', headers: { 'X-Key': '***' }, env: { KEY: '***' } }],
      })
      expect(JSON.stringify(answer.body)).not.toContain('s3cret')
    }
  })
})

describe('registering', () => {
  it.each([
    ['no name', http],
    ['no transport', { name: 'a', url }],
    ['an empty name', { ...http, name: '' }],
    ['a name that is no slug', { ...http, name: 'My Server' }],
  ])(ruleName('createMcpServer.requiresNameAndTransport', '%s'), async (_, body) => {
    expect((await mcpTenant(tools).post('/servers', body)).status).toBe(400)
  })

  it.each([
    ['stdio without a command', { transport: 'stdio' }],
    ['sse without an address', { transport: 'sse' }],
    ['streamable-http without an address', { transport: 'streamable-http', command: 'node' }],
    ['an unknown transport', { transport: 'carrier-pigeon', url }],
  ])(ruleName('createMcpServer.needsAWayIn', '%s'), async (_, body) => {
    expect((await mcpTenant(tools, { role: 'owner' }).post('/servers', { name: 'a', ...body })).status).toBe(400)
  })

  rule('createMcpServer.hasDefaults', async () => {
    const { post } = mcpTenant(tools)
    expect((await post('/servers', { name: 'a', ...http })).body).toMatchObject({ enabled: true, timeout_sec: 60 })
    const off = { name: 'b', ...http, enabled: false, timeout_sec: 5 }
    expect((await post('/servers', off)).body).toMatchObject({ enabled: false, timeout_sec: 5 })
  })

  rule('createMcpServer.remembersTheCreator', async () => {
    const { post, ask, as } = mcpTenant(tools)
    expect((await post('/servers', { name: 'a', ...http, created_by: 'eve' })).body).toMatchObject({
      created_by: 'ann',
    })
    const nameless = await ask(as({ userId: '' }), 'POST', '/servers', { name: 'b', ...http, created_by: 'eve' })
    expect(nameless.body).toMatchObject({ created_by: 'eve' })
  })

  rule('createMcpServer.keepsNamesUnique', async () => {
    const { post, server } = mcpTenant(tools)
    await server({ name: 'a' })
    expect(await post('/servers', { name: 'a', ...http })).toMatchObject({
      status: 409,
      body: { error: 'MCP server already exists: a' },
    })
    await mcpTenant(tools).server({ name: 'a' })
  })

  rule('createMcpServer.masksSecrets', async () => {
    const { post, admin } = mcpTenant(tools)
    const secrets = { api_key: 's3cret', headers: { 'X-Key': 's3cret' }, env: { KEY: 's3cret' } }
    const { body } = await post('/servers', { name: 'a', ...http, ...secrets })
    expect(body).toMatchObject({ api_key: '***', headers: { 'X-Key': '***' }, env: { KEY: '***' }, args: [] })
    const row = await stored('mcp_servers', admin.tenantId)
    expect(row).toContain('mesh2:')
    expect(row).not.toContain('s3cret')
  })

  it.each([
    'http://127.0.0.2:9/mcp',
    'http://169.254.169.254/latest/meta-data',
    'http://[::ffff:10.0.0.1]/mcp',
    'http://10.1.2.3/mcp',
    'http://[::1]:9/',
    'http://metadata.google.internal/',
    'http://printer.local/mcp',
    'http://0x7f000001.example.internal/',
    'file:///etc/passwd',
    'ftp://example.org/',
    'https://user:pass@example.org/mcp',
    'nonsense',
  ])(ruleName('createMcpServer.guardsAddresses', '%s'), async (address) => {
    const { post } = mcpTenant(tools)
    for (const transport of ['sse', 'streamable-http'])
      expect((await post('/servers', { name: 'a', transport, url: address })).status).toBe(400)
  })

  rule('createMcpServer.guardsPrograms', async () => {
    const program = { transport: 'stdio', command: 'node' }
    const mine = mcpTenant(tools)
    expect((await mine.post('/servers', { name: 'a', ...program })).status).toBe(403)
    const id = await mine.server()
    expect((await mine.put(`/servers/${id}`, program)).status).toBe(403)
    expect((await mcpTenant(tools, { role: 'owner' }).post('/servers', { name: 'a', ...program })).status).toBe(403)
    const master = mcpTenant(tools, { tenantId: masterTenantId })
    expect((await master.post('/servers', { name: 'a', ...program })).status).toBe(201)
  })

  rule('createMcpServer.isAudited', async () => {
    const { server, admin } = mcpTenant(tools)
    await expectAudit(admin.tenantId, 'mcpServerCreated', 'mcp_server.created', { id: await server() })
  })
})

rule('getMcpServer.masksSecrets', async () => {
  const mine = mcpTenant(tools)
  const id = await mine.server({ name: 'a', headers: { 'X-Key': 's3cret' } })
  const server = await mine.get(`/servers/${id}`)
  expect(server).toMatchObject({ id, headers: { 'X-Key': '***' }, env: {}, args: [], settings: {} })
  for (const empty of ['api_key', 'command', 'display_name', 'tool_prefix', 'agent_count'])
    expect(server).not.toHaveProperty(empty)
  for (const unknown of [id, randomUUID()])
    expect((await mcpTenant(tools).ask(mcpTenant(tools).admin, 'GET', `/servers/${unknown}`)).status).toBe(404)
})

describe('changing', () => {
  rule('updateMcpServer.writesWhatIsGiven', async () => {
    const mine = mcpTenant(tools)
    const id = await mine.server({ headers: { A: '1', B: '2' }, settings: { x: 1 }, args: ['a'], tool_prefix: 'p' })
    const change = { headers: { C: '3' }, settings: { y: 2 }, args: [], display_name: 'Search', enabled: false }
    expect(await mine.put(`/servers/${id}`, change)).toMatchObject({ status: 200, body: { status: 'updated' } })
    const server = await mine.get(`/servers/${id}`)
    expect(server).toMatchObject({ display_name: 'Search', enabled: false, name: 'search', url, tool_prefix: 'p' })
    expect([server['headers'], server['settings'], server['args']]).toEqual([{ C: '***' }, { y: 2 }, []])
  })

  rule('updateMcpServer.keepsMaskedSecrets', async () => {
    const mine = mcpTenant(tools)
    const id = await mine.server({ api_key: 'k', headers: { A: '1', B: '2' }, env: { E: '3' } })
    const after = async (change: object) => {
      expect((await mine.put(`/servers/${id}`, change)).status).toBe(200)
      const { api_key, headers, env } = await mine.get(`/servers/${id}`)
      return [api_key, Object.keys(headers as object), Object.keys(env as object)]
    }
    expect(await after({ api_key: '***', headers: { A: '***', C: '***' } })).toEqual(['***', ['A'], ['E']])
    expect(await after({ api_key: '' })).toEqual(['***', ['A'], ['E']])
    expect(await after({ api_key: null, headers: null, env: null })).toEqual([undefined, [], []])
  })

  it.each([
    ['another address', { url: 'https://evil.example.org/mcp' }],
    ['another transport', { transport: 'sse' }],
  ])(ruleName('updateMcpServer.dropsSecretsWithTheAddress', '%s'), async (_, change) => {
    const mine = mcpTenant(tools)
    const id = await mine.server({ api_key: 'k', headers: { A: '1' }, env: { E: '3' } })
    await mine.put(`/servers/${id}/user-credentials`, { api_key: 'of the user' })
    await mine.put(`/servers/${id}`, { url, api_key: '***' })
    expect(await mine.get(`/servers/${id}`)).toMatchObject({ api_key: '***' })
    expect(await mine.get(`/servers/${id}/user-credentials`)).toMatchObject({ has_credentials: true })
    await mine.put(`/servers/${id}`, { ...change, api_key: '***', headers: { A: '***', B: 'new' } })
    const server = await mine.get(`/servers/${id}`)
    expect(server).not.toHaveProperty('api_key')
    expect([server['headers'], server['env']]).toEqual([{ B: '***' }, {}])
    expect(await mine.get(`/servers/${id}/user-credentials`)).toMatchObject({ has_credentials: false })
  })

  rule('updateMcpServer.ignoresUnknownFields', async () => {
    const mine = mcpTenant(tools)
    const id = await mine.server()
    const change = { agent_id: 'x', config: 1, created_by: 'eve', id: randomUUID() }
    expect((await mine.put(`/servers/${id}`, change)).status).toBe(200)
    expect(await mine.get(`/servers/${id}`)).toMatchObject({ id, created_by: 'ann' })
  })

  rule('updateMcpServer.staysReachable', async () => {
    const mine = mcpTenant(tools, { role: 'owner' })
    const id = await mine.server()
    const refused = [{ url: '' }, { url: 'http://10.0.0.1/' }, { transport: 'stdio' }, { name: 'No Slug' }]
    for (const change of refused) expect((await mine.put(`/servers/${id}`, change)).status).toBe(400)
    expect(await mine.get(`/servers/${id}`)).toMatchObject({ url, transport: 'streamable-http' })
  })

  rule('updateMcpServer.refusesTakenNames', async () => {
    const mine = mcpTenant(tools)
    await mine.server({ name: 'a' })
    const id = await mine.server({ name: 'b' })
    expect((await mine.put(`/servers/${id}`, { name: 'a' })).status).toBe(409)
    for (const unknown of [randomUUID(), await mcpTenant(tools).server()])
      expect((await mine.put(`/servers/${unknown}`, { name: 'c' })).status).toBe(404)
  })

  rule('updateMcpServer.isAudited', async () => {
    const mine = mcpTenant(tools)
    const id = await mine.server()
    await mine.put(`/servers/${id}`, {})
    await mine.put(`/servers/${id}`, { enabled: false })
    await expectAudit(mine.admin.tenantId, 'mcpServerUpdated', 'mcp_server.updated', { id })
    expect(trail.of(mine.admin.tenantId, 'mcpServerUpdated')).toHaveLength(1)
  })
})

describe('deleting', () => {
  rule('deleteMcpServer.isIdempotent', async () => {
    const mine = mcpTenant(tools)
    const theirs = mcpTenant(tools)
    const id = await theirs.server()
    for (const unknown of [id, randomUUID()])
      expect(await mine.remove(`/servers/${unknown}`)).toMatchObject({ status: 200, body: { status: 'deleted' } })
    expect(await theirs.get(`/servers/${id}`)).toMatchObject({ id })
  })

  rule('deleteMcpServer.takesAllWithIt', async () => {
    const mine = mcpTenant(tools)
    const id = await mine.server()
    await mine.post(`/servers/${id}/grants/agent`, { agent_id: mine.agent() })
    await mine.post(`/servers/${id}/grants/user`, { user_id: 'bob' })
    await mine.post('/requests', { server_id: id })
    await mine.put(`/servers/${id}/user-credentials`, { api_key: 'k' })
    await mine.remove(`/servers/${id}`)
    const tables = ['servers', 'agent_grants', 'user_grants', 'access_requests', 'user_credentials']
    for (const table of tables) expect(await stored(`mcp_${table}`, mine.admin.tenantId)).toBe('[]')
  })

  rule('deleteMcpServer.isAudited', async () => {
    const mine = mcpTenant(tools)
    const id = await mine.server()
    await mine.remove(`/servers/${id}`)
    await expectAudit(mine.admin.tenantId, 'mcpServerDeleted', 'mcp_server.deleted', { id })
  })
})
