import { masterTenantId, type Caller, type CloudEvent } from '@clawmesh/contracts'
import { createLifecycle, loadConfigs } from '@clawmesh/chassis'
import { consumeEvents } from '../../../test/support/events.ts'
import { rule } from '../../../test/support/rule.ts'
import { testCaller } from '../../../test/support/service-harness.ts'
import { until } from '../../../test/support/eventually.ts'
import { catalogue } from '../src/builtin-tools/catalogue.ts'
import { toolsConfig, toolsService } from '../src/index.ts'
import { newTenant, startTools, type ToolsHarness } from './support.ts'

interface Listed {
  name: string
  category: string
  enabled: boolean
  tenant_enabled: boolean | null
  requires: string[]
  settings: object
  description: string
}

let tools: ToolsHarness
const events: CloudEvent[] = []
beforeAll(async () => {
  tools = await startTools()
  await consumeEvents(tools.bus, {
    durable: 'test',
    subject: 'mesh.events.*.tools.>',
    batchSize: 100,
    handle: async (batch) => void events.push(...batch),
  })
})
afterAll(() => tools.stop())

const path = '/v1/tools/builtin'
const master = testCaller({ tenantId: masterTenantId, role: 'admin' })
const viewer = testCaller({ role: 'viewer' })
const list = async (caller: Caller = viewer) =>
  (await tools.request<{ tools: Listed[] }>(caller, 'GET', path)).body.tools
const get = async (name: string, caller: Caller = viewer) =>
  (await tools.request<Listed>(caller, 'GET', `${path}/${name}`)).body
const put = (name: string, body: unknown, caller: Caller = master) =>
  tools.request(caller, 'PUT', `${path}/${name}`, body)
const query = (sql: string, params: unknown[] = []) => tools.mesh.database('tools').pool.query(sql, params)

/** What the service does at a start. */
const startAgain = async (): Promise<void> => {
  const service = toolsService(tools.mesh, loadConfigs({ tools: toolsConfig }, {}).tools)
  const life = createLifecycle(service.parts, tools.mesh.log)
  await life.start()
  await life.stop()
}

describe('the list of built-in tools', () => {
  rule('listBuiltinTools.ordersByCategoryAndName', async () => {
    const places = (await list()).map(({ category, name }) => `${category} ${name}`)
    expect(places).toHaveLength(catalogue.length)
    expect(places).toEqual(places.toSorted((a, b) => a.localeCompare(b)))
  })

  rule('listBuiltinTools.sendsNullAndEmpty', async () => {
    const { tenantId } = viewer
    await query(
      'INSERT INTO tools.builtin_tool_tenant_configs (tenant_id, tool_name, enabled) VALUES ($1, $2, false)',
      [tenantId, 'edit'],
    )
    expect(await get('edit')).toMatchObject({ tenant_enabled: false, requires: [] })
    expect(await get('read_file')).toMatchObject({ tenant_enabled: null, requires: [] })
    expect(await get('edit', testCaller())).toMatchObject({ tenant_enabled: null })
  })

  rule('listBuiltinTools.saysWhatIsMissing', async () => {
    const caller = newTenant(tools)
    for (const { name, enabled, requires, category } of await list()) {
      const { status, body } = await tools.invoke(caller, { tool: name, dryRun: true })
      expect([name, enabled, status]).toEqual([name, status === 200, status])
      // Those of media could be run, and are switched off.
      if (status !== 200 && category !== 'media')
        expect(body.error).toBe(`${name} is not available here: it needs ${requires.join(', ')}`)
    }
    // Switching them on does not make them run, and they go on saying why.
    const waiting = {
      browser: ['browser'],
      message: ['channels'],
      spawn: ['subagents'],
      team_tasks: ['managed_mode', 'teams'],
    }
    for (const [name, requires] of Object.entries(waiting)) {
      expect(await get(name)).toMatchObject({ enabled: false, requires })
      expect((await put(name, { enabled: true })).status).toBe(200)
      expect(await get(name)).toMatchObject({ enabled: true, requires })
      const { status, body } = await tools.invoke(caller, { tool: name })
      expect([status, body.error]).toEqual([400, `${name} is not available here: it needs ${requires.join(', ')}`])
    }
  })

  rule('listBuiltinTools.followsTheCatalogue', async () => {
    await put('write_file', { enabled: false })
    await query(`DELETE FROM tools.builtin_tools WHERE name = 'read_file'`)
    await query(`INSERT INTO tools.builtin_tools (name, enabled) VALUES ('of_yesterday', true)`)
    // Seeded by a version whose default was another.
    await query(`UPDATE tools.builtin_tools SET enabled = true WHERE name = 'use_skill'`)
    await startAgain()
    const listed = new Map((await list()).map(({ name, enabled }) => [name, enabled]))
    expect(listed.size).toBe(catalogue.length)
    expect(['read_file', 'write_file', 'use_skill'].map((name) => listed.get(name))).toEqual([true, false, false])
    const { rows } = await query(`SELECT FROM tools.builtin_tools WHERE name = 'of_yesterday'`)
    expect(rows).toEqual([])
    await put('write_file', { enabled: true })
  })

  rule('listBuiltinTools.speaksTheLanguageOfTheCaller', async () => {
    const texts = await Promise.all(
      (['en', 'vi', 'zh'] as const).map(async (locale) => (await get('list_files', { ...viewer, locale })).description),
    )
    expect(texts).toEqual(['Lists files in a folder', 'Liệt kê các tệp trong một thư mục', '列出文件夹中的文件'])
  })
})

rule('getBuiltinTool.answersTheToolAlone', async () => {
  expect(await get('web_fetch')).toEqual({
    name: 'web_fetch',
    display_name: 'Fetch web page',
    description: expect.any(String),
    category: 'web',
    enabled: true,
    tenant_enabled: null,
    settings: {
      extractors: [
        { name: 'defuddle', enabled: false, base_url: 'https://fetch.goclaw.sh/', max_retries: 2 },
        { name: 'html-to-markdown', enabled: true },
      ],
    },
    requires: [],
    metadata: {},
    created_at: expect.any(String),
    updated_at: expect.any(String),
  })
  const { status, body } = await tools.request(viewer, 'GET', `${path}/none`)
  expect([status, body['error']]).toEqual([404, 'tool not found: none'])
})

describe('setting a built-in tool', () => {
  rule('updateBuiltinTool.takesTwoFields', async () => {
    const { status, body } = await put('memory_get', { display_name: 'Mine' })
    expect([status, body['code'], body['error']]).toEqual([400, 'INVALID_REQUEST', 'nothing valid to change'])
    expect((await put('memory_get', { enabled: true, category: 'mine', name: 'other' })).body).toEqual({
      status: 'updated',
    })
    expect(await get('memory_get')).toMatchObject({ name: 'memory_get', category: 'memory' })
  })

  rule('updateBuiltinTool.replacesSettings', async () => {
    await put('knowledge_graph_search', { settings: { min_confidence: 0.5, own: { a_b: 1 } } })
    expect((await get('knowledge_graph_search')).settings).toEqual({ min_confidence: 0.5, own: { a_b: 1 } })
    await put('knowledge_graph_search', { settings: '{"own":2}' })
    expect((await get('knowledge_graph_search')).settings).toEqual({ own: 2 })
    await put('knowledge_graph_search', { enabled: false })
    expect((await get('knowledge_graph_search')).settings).toEqual({ own: 2 })
    for (const settings of ['{', '[1]', '"x"', 7, [1]])
      expect([settings, (await put('knowledge_graph_search', { settings })).status]).toEqual([settings, 400])
  })

  rule('updateBuiltinTool.refusesUnknownTools', async () => {
    const { status, body } = await put('none', { enabled: true })
    expect([status, body['error']]).toEqual([404, 'tool not found: none'])
  })

  rule('updateBuiltinTool.isForTheMasterTenant', async () => {
    const body = { enabled: false }
    expect((await put('edit', body, testCaller({ role: 'admin' }))).status).toBe(403)
    expect((await put('edit', body, testCaller({ role: 'operator', tenantId: masterTenantId }))).status).toBe(403)
    expect((await get('edit', testCaller())).enabled).toBe(true)
    expect((await put('edit', { enabled: true }, testCaller({ role: 'owner' }))).status).toBe(200)
  })

  rule('updateBuiltinTool.holdsAtOnce', async () => {
    const caller = newTenant(tools)
    const offered = async () => (await tools.invoke(caller, { tool: 'list_files' })).status
    expect(await offered()).toBe(200)
    await put('list_files', { enabled: false })
    expect(await offered()).toBe(400)
    await put('list_files', { enabled: true })
    expect(await offered()).toBe(200)
    const updates = () =>
      events.filter(({ type, data }) => type.endsWith('updated') && (data as { id: string }).id === 'list_files')
    await until(() => updates().length >= 2)
    expect(updates().map(({ tenantid, data }) => [tenantid, data])).toEqual(
      Array.from({ length: 2 }, () => [masterTenantId, { id: 'list_files', actorId: 'alice' }]),
    )
  })
})

describe('what a tenant says of a built-in tool', () => {
  const say = (caller: Caller, method: string, name: string, body?: unknown) =>
    tools.request(caller, method, `${path}/${name}/tenant-config`, body)
  const runs = async (caller: Caller) => (await tools.invoke(caller, { tool: 'list_files' })).status === 200
  const heard = async (type: string, { tenantId }: Caller, count: number) => {
    const found = () => events.filter((one) => one.tenantid === tenantId && one.type.endsWith(type))
    await until(() => found().length >= count)
    return found().map(({ data }) => data)
  }

  rule('setBuiltinToolTenantConfig.switchesOffForTheTenantAlone', async () => {
    const [caller, other] = [newTenant(tools, { role: 'admin' }), newTenant(tools)]
    expect(await runs(caller)).toBe(true)
    expect((await say(caller, 'PUT', 'list_files', { enabled: false })).body).toEqual({ status: 'updated' })
    expect([await runs(caller), await runs(other)]).toEqual([false, true])
    expect([(await get('list_files', caller)).tenant_enabled, (await get('list_files', other)).tenant_enabled]).toEqual(
      [false, null],
    )
    await say(caller, 'PUT', 'list_files', { enabled: true })
    expect(await runs(caller)).toBe(true)
    await say(caller, 'PUT', 'list_files', {})
    expect(await runs(caller)).toBe(false)
  })

  rule('setBuiltinToolTenantConfig.liftsOnlyItsOwn', async () => {
    const caller = newTenant(tools, { role: 'admin' })
    await put('list_files', { enabled: false })
    await say(caller, 'PUT', 'list_files', { enabled: true })
    expect(await runs(caller)).toBe(false)
    await put('list_files', { enabled: true })
    expect(await runs(caller)).toBe(true)
  })

  rule('setBuiltinToolTenantConfig.refusesUnknownTools', async () => {
    const { status, body } = await say(newTenant(tools, { role: 'admin' }), 'PUT', 'none', { enabled: false })
    expect([status, body['error']]).toEqual([404, 'tool not found: none'])
  })

  rule('setBuiltinToolTenantConfig.isRecorded', async () => {
    const caller = newTenant(tools, { role: 'admin' })
    await say(caller, 'PUT', 'edit', { enabled: false })
    expect(await heard('tenant_config.set', caller, 1)).toEqual([{ id: 'edit', enabled: false, actorId: 'alice' }])
  })

  rule('deleteBuiltinToolTenantConfig.goesBackToTheInstallation', async () => {
    const caller = newTenant(tools, { role: 'admin' })
    await say(caller, 'PUT', 'list_files', { enabled: false })
    expect((await say(caller, 'DELETE', 'list_files')).body).toEqual({ status: 'deleted' })
    expect(await runs(caller)).toBe(true)
    expect((await get('list_files', caller)).tenant_enabled).toBeNull()
  })

  rule('deleteBuiltinToolTenantConfig.isIdempotent', async () => {
    const caller = newTenant(tools, { role: 'admin' })
    await say(caller, 'PUT', 'edit', { enabled: false })
    for (const name of ['edit', 'edit', 'none'])
      expect((await say(caller, 'DELETE', name)).body).toEqual({ status: 'deleted' })
    await say(caller, 'PUT', 'read_file', { enabled: false })
    await heard('tenant_config.set', caller, 2)
    expect(await heard('tenant_config.deleted', caller, 1)).toEqual([{ id: 'edit', actorId: 'alice' }])
  })
})

describe('the groups of denied commands', () => {
  const groups = async () =>
    (await tools.request<{ groups: object[] }>(viewer, 'GET', '/v1/shell-deny-groups')).body.groups

  rule('listShellDenyGroups.listsFifteenInOrder', async () => {
    const listed = await groups()
    expect(listed).toHaveLength(15)
    expect(listed[0]).toEqual({ name: 'destructive_ops', description: 'Destructive Operations', default: true })
    expect(listed.at(-1)).toMatchObject({ name: 'env_dump', default: true })
  })

  rule('listShellDenyGroups.tellsNoPatterns', async () => {
    for (const group of await groups()) expect(Object.keys(group)).toEqual(['name', 'description', 'default'])
  })
})
