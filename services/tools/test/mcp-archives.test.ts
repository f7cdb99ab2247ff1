/** Archives of MCP servers: what is in them, and what comes of them elsewhere. */
import { randomBytes } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { entriesOf, formOf, tarGzOf, tarOf, type TarEntry } from '../../../test/support/archives.ts'
import { rule, ruleName } from '../../../test/support/rule.ts'
import { auditTrail, mcpTenant, type Body } from './mcp-support.ts'
import { startTools, type ToolsHarness } from './support.ts'

let tools: ToolsHarness
let trail: Awaited<ReturnType<typeof auditTrail>>
beforeAll(async () => {
  tools = await startTools({ mcpStdio: 'off' })
  trail = await auditTrail(tools)
})
afterAll(() => tools.stop())

type Tenant = ReturnType<typeof mcpTenant>
const exported = async ({ admin }: Tenant) => {
  const answer = await tools.fetch(admin, '/v1/mcp/export')
  const bytes = Buffer.from(await answer.arrayBuffer())
  return { status: answer.status, headers: answer.headers, bytes, entries: entriesOf(bytes) }
}
const imported = ({ admin }: Tenant, archive: Buffer, query = '') => {
  const { body, headers } = formOf(archive)
  return tools.request<Body>(admin, 'POST', `/v1/mcp/import${query}`, body, headers)
}
const linesOf = (text = '') => text.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as Body]))
const lines = (...records: (object | string)[]) =>
  records.map((record) => `${typeof record === 'string' ? record : JSON.stringify(record)}\n`).join('')
const server = (name: string, more: object = {}) => ({
  name,
  transport: 'streamable-http',
  url: `https://${name}.example.org/mcp`,
  timeout_sec: 30,
  enabled: true,
  ...more,
})
const archive = (servers: (object | string)[], grants: (object | string)[] = [], ...more: TarEntry[]) =>
  tarGzOf([
    { name: 'servers.jsonl', content: lines(...servers) },
    { name: 'grants.jsonl', content: lines(...grants) },
    ...more,
  ])
const namesIn = async ({ get }: Tenant) =>
  ((await get('/servers'))['servers'] as Body[]).map(({ name }) => name as string)

/** A tenant with two servers, secrets of every kind, and grants of two agents and a user. */
const full = async () => {
  const mine = mcpTenant(tools)
  const [one, two] = [mine.agent('one'), mine.agent('two')]
  const secrets = { api_key: 'sk-1', headers: { 'X-Secret': 'sk-2' }, env: { SECRET: 'sk-3' } }
  const zeta = await mine.server({ name: 'zeta', ...secrets, display_name: 'Zeta', tool_prefix: 'z', timeout_sec: 7 })
  const alpha = await mine.server({ name: 'alpha', enabled: false, settings: { require_user_credentials: true } })
  await mine.post(`/servers/${zeta}/grants/agent`, { agent_id: two, tool_deny: ['rm'] })
  await mine.post(`/servers/${zeta}/grants/agent`, { agent_id: one, tool_allow: ['ls'] })
  await mine.post(`/servers/${zeta}/grants/user`, { user_id: 'bob' })
  await mine.put(`/servers/${zeta}/user-credentials`, { api_key: 'sk-4' })
  return { ...mine, one, two, zeta, alpha }
}

rule('previewMcpExport.countsTheTenants', async () => {
  const mine = await full()
  expect(await mine.get('/export/preview')).toEqual({ servers: 2, agent_grants: 2 })
  expect(await mcpTenant(tools).get('/export/preview')).toEqual({ servers: 0, agent_grants: 0 })
})

rule('exportMcp.holdsLines', async () => {
  const { entries } = await exported(await full())
  expect([...entries.keys()]).toEqual(['servers.jsonl', 'grants.jsonl'])
  expect(linesOf(entries.get('servers.jsonl'))).toEqual([
    expect.objectContaining({ name: 'alpha', enabled: false, settings: { require_user_credentials: true } }),
    {
      ...server('zeta', { url: 'https://mcp.example.org/mcp', timeout_sec: 7, settings: {} }),
      display_name: 'Zeta',
      command: '',
      args: [],
      tool_prefix: 'z',
    },
  ])
  const grant = { server_name: 'zeta', enabled: true, tool_allow: [], tool_deny: [], config_overrides: {} }
  expect(linesOf(entries.get('grants.jsonl'))).toEqual([
    { ...grant, agent_key: 'one', tool_allow: ['ls'] },
    { ...grant, agent_key: 'two', tool_deny: ['rm'] },
  ])
  const bare = mcpTenant(tools)
  await bare.server()
  expect([...(await exported(bare)).entries.keys()]).toEqual(['servers.jsonl'])
})

rule('exportMcp.leavesSecretsOut', async () => {
  const mine = await full()
  const text = [...(await exported(mine)).entries.values()].join('')
  const ids = [mine.one, mine.two, mine.zeta, mine.alpha, mine.admin.tenantId]
  for (const secret of ['sk-', 'X-Secret', 'SECRET', 'bob', 'ann', ...ids]) expect(text).not.toContain(secret)
})

rule('exportMcp.isNamedByTheDay', async () => {
  const { status, headers } = await exported(await full())
  expect([status, headers.get('content-type')]).toEqual([200, 'application/gzip'])
  expect(headers.get('content-disposition')).toMatch(/^attachment; filename="mcp-servers-20\d{6}\.tar\.gz"$/)
})

/** The events of a stream in their order. */
const eventsOf = (text: unknown): [string, Body][] =>
  [...String(text).matchAll(/event: (\w+)\ndata: (.*)\n/g)].map(([, name, data]) => [name!, JSON.parse(data!) as Body])

rule('exportMcp.streamsProgress', async () => {
  const mine = await full()
  const { body } = await tools.request(mine.admin, 'GET', '/v1/mcp/export?stream=true')
  const events = eventsOf(body)
  const [name, complete] = events.at(-1)!
  expect(events.slice(0, -1)).toEqual([
    ['progress', { phase: 'servers', status: 'running' }],
    ['progress', { phase: 'servers', status: 'done', current: 2 }],
    ['progress', { phase: 'grants', status: 'running' }],
    ['progress', { phase: 'grants', status: 'done', current: 2 }],
  ])
  const kept = tools.exports.get(String(complete['download_url']).split('/').at(-1)!)!
  expect([name, complete['download_url'], complete['file_name'], complete['file_size'], kept.isWhole]).toEqual([
    'complete',
    expect.stringMatching(/^\/v1\/export\/download\/[0-9a-f-]{36}$/),
    kept.fileName,
    kept.bytes.length,
    true,
  ])
  expect(entriesOf(kept.bytes)).toEqual((await exported(mine)).entries)
})

rule('importMcp.createsWhatIsNew', async () => {
  const { bytes } = await exported(await full())
  const theirs = mcpTenant(tools, { userId: 'eve' })
  for (const key of ['one', 'two']) theirs.agent(key)
  const answer = await imported(theirs, bytes)
  expect([answer.status, answer.body]).toEqual([201, { servers_imported: 2, servers_skipped: 0, grants_applied: 2 }])
  const [alpha, zeta] = (await theirs.get('/servers'))['servers'] as Body[]
  expect(zeta).toMatchObject({
    name: 'zeta',
    display_name: 'Zeta',
    tool_prefix: 'z',
    timeout_sec: 7,
    created_by: 'eve',
  })
  expect(alpha).toMatchObject({ name: 'alpha', enabled: false, settings: { require_user_credentials: true } })
  expect([zeta!['api_key'], zeta!['headers'], zeta!['env']]).toEqual([undefined, {}, {}])
  // What goes out again is the same.
  expect((await exported(theirs)).entries).toEqual(entriesOf(bytes))

  const bad = [server('inside', { url: 'http://10.0.0.1/' }), server('program', { transport: 'stdio', command: 'sh' })]
  const skipped = await imported(theirs, archive([...bad, server('fine')]))
  expect(skipped.body).toEqual({ servers_imported: 1, servers_skipped: 2, grants_applied: 0 })
  expect(await namesIn(theirs)).toEqual(['alpha', 'fine', 'zeta'])
})

rule('importMcp.leavesWhatIsThere', async () => {
  const mine = await full()
  const given = archive(
    [server('zeta', { url: 'https://evil.example.org/mcp' })],
    [{ server_name: 'zeta', agent_key: 'one', enabled: true, tool_deny: ['rm'] }],
  )
  expect((await imported(mine, given)).body).toEqual({ servers_imported: 0, servers_skipped: 1, grants_applied: 1 })
  expect(await mine.get(`/servers/${mine.zeta}`)).toMatchObject({ url: 'https://mcp.example.org/mcp', api_key: '***' })
  const { grants } = await mine.get(`/grants/agent/${mine.one}`)
  expect(grants).toEqual([expect.objectContaining({ tool_allow: [], tool_deny: ['rm'] })])
})

rule('importMcp.appliesGrants', async () => {
  const mine = mcpTenant(tools)
  const agentId = mine.agent('helper')
  const off = { enabled: false, tool_allow: ['a'], tool_deny: null, config_overrides: { depth: 1 } }
  const grants = [
    { server_name: 'docs', agent_key: 'helper', ...off },
    { server_name: 'docs', agent_key: 'nobody', enabled: true },
    { server_name: 'nowhere', agent_key: 'helper', enabled: true },
  ]
  expect((await imported(mine, archive([server('docs')], grants))).body).toMatchObject({ grants_applied: 1 })
  expect((await mine.get(`/grants/agent/${agentId}`))['grants']).toEqual([
    expect.objectContaining({ ...off, tool_deny: [], granted_by: 'ann' }),
  ])
})

rule('importMcp.passesOverBadGrants', async () => {
  const mine = mcpTenant(tools)
  mine.agent('helper')
  const good = { server_name: 'docs', agent_key: 'helper', enabled: true }
  const answer = await imported(mine, archive([server('docs')], ['{broken', { ...good, tool_allow: 'all' }, good]))
  expect(answer.body).toEqual({ servers_imported: 1, servers_skipped: 0, grants_applied: 1 })
})

describe(ruleName('importMcp.refusesWhatIsBroken'), () => {
  const whole = archive([server('docs')])
  const docs: TarEntry = { name: 'servers.jsonl', content: lines(server('docs')) }
  test.each<[string, Buffer]>([
    ['no gzip', Buffer.from('hello')],
    ['nothing', Buffer.alloc(0)],
    ['no tar', gzipSync(randomBytes(2_000))],
    ['no entry', tarGzOf([])],
    ['cut off', whole.subarray(0, whole.length - 20)],
    ['a path that leads out', tarGzOf([docs, { name: '../evil', content: 'x' }])],
    ['a path from the root', tarGzOf([docs, { name: '/etc/passwd', content: 'x' }])],
    ['a link', tarGzOf([docs, { name: 'link', type: '2', linkname: '/etc/passwd' }])],
    ['a line that is no JSON', archive([server('docs'), '{broken'])],
    ['a server without a name', archive([server('docs'), { transport: 'sse' }])],
    ['a server of an unknown transport', archive([server('docs'), server('odd', { transport: 'pigeon' })])],
  ])('%s', async (_what, broken) => {
    const mine = mcpTenant(tools)
    expect((await imported(mine, broken)).status).toBe(400)
    expect(await namesIn(mine)).toEqual([])
  })
})

rule('importMcp.hasBounds', async () => {
  const mine = mcpTenant(tools)
  const docs: TarEntry = { name: 'servers.jsonl', content: lines(server('docs')) }
  const bomb = gzipSync(tarOf([docs, { name: 'zeros', content: Buffer.alloc(80 * 1_048_576) }]))
  const longLine = archive([server('docs'), 'x'.repeat(10_485_761)])
  for (const refused of [bomb, longLine]) expect((await imported(mine, refused)).status).toBe(400)
  expect(await namesIn(mine)).toEqual([])
})

rule('importMcp.streamsProgress', async () => {
  const mine = mcpTenant(tools)
  const { status, body } = await imported(mine, archive([server('docs')]), '?stream=true')
  expect([status, eventsOf(body)]).toEqual([
    200,
    [
      ['progress', { phase: 'server', status: 'running' }],
      ['progress', { phase: 'server', status: 'done', current: 1 }],
      ['progress', { phase: 'grant', status: 'running' }],
      ['progress', { phase: 'grant', status: 'done', current: 0 }],
      ['complete', { servers_imported: 1, servers_skipped: 0, grants_applied: 0 }],
    ],
  ])
})

rule('importMcp.isAudited', async () => {
  const mine = mcpTenant(tools)
  mine.agent('helper')
  await imported(mine, archive([server('docs')], [{ server_name: 'docs', agent_key: 'helper', enabled: true }]))
  for (const event of ['mcpServerCreated', 'mcpServerAgentGranted'] as const)
    expect((await trail.first(mine.admin.tenantId, event)).data).toMatchObject({ actorId: 'ann' })
})
