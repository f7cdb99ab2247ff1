import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { MeshError, routesOf, type Caller, type CloudEvent } from '@clawmesh/contracts'
import type { WorkspaceSharing } from '@clawmesh/contracts/gen/clawmesh/agents/v1/agents.ts'
import { ToolContext, ToolsServiceService } from '@clawmesh/contracts/gen/clawmesh/tools/v1/tools.ts'
import { createRouteTable, newId } from '@clawmesh/chassis'
import { z } from 'zod'
import { consumeEvents } from '../../../test/support/events.ts'
import { rule, ruleName } from '../../../test/support/rule.ts'
import { testCaller } from '../../../test/support/service-harness.ts'
import { until } from '../../../test/support/eventually.ts'
import { createInvokeHttp } from '../src/invoke/http.ts'
import { createInvokeUseCases } from '../src/invoke/use-cases.ts'
import type { ResolvedAgent, ToolCall } from '../src/invoke/types.ts'
import { says, type Tool } from '../src/tool/tool.ts'
import { agentFacts } from './context.ts'
import { newTenant, startTools, type ToolsHarness } from './support.ts'

let tools: ToolsHarness
const events: CloudEvent[] = []
beforeAll(async () => {
  tools = await startTools({ policy: { deny: ['memory_get'] }, serverAddresses: ['93.184.216.34'] })
  await consumeEvents(tools.bus, {
    durable: 'test',
    subject: 'mesh.events.*.tools.>',
    batchSize: 100,
    handle: async (batch) => void events.push(...batch),
  })
})
afterAll(() => tools.stop())

/** Where the files of a caller stand that works with an agent. */
const folderOf = (caller: Caller, agentKey = 'default') =>
  join(tools.workspaceDir, 'tenants', caller.tenantSlug, agentKey, caller.userId)

/** A file in the caller's workspace. */
const put = async (caller: Caller, name: string, text: string, agentKey?: string): Promise<void> => {
  await mkdir(folderOf(caller, agentKey), { recursive: true })
  await writeFile(join(folderOf(caller, agentKey), name), text)
}

const read = async (caller: Caller, body: object, headers?: Record<string, string>) => {
  const answer = await tools.invoke(caller, { tool: 'read_file', args: { path: 'a.txt' }, ...body }, headers)
  return answer.body.result?.output ?? answer.body.error
}

describe('the tool', () => {
  rule('invokeTool.takesAliases', async () => {
    const caller = newTenant(tools)
    await put(caller, 'a.txt', 'one')
    const args = { path: 'a.txt', old_string: 'one', new_string: 'two' }
    expect((await tools.invoke(caller, { tool: 'edit_file', args })).body.result.output).toBe(
      'Replaced 1 occurrence in a.txt',
    )
    expect((await tools.invoke(caller, { tool: 'sessions_spawn' })).body.error).toBe(
      'sessions_spawn is not available here: it needs subagents',
    )
    expect((await tools.invoke(caller, { tool: 'bash' })).body.error).toMatch('invalid arguments for exec')
    expect((await tools.invoke(caller, { tool: 'apply-patch' })).body.error).toBe('unknown tool: apply-patch')
  })

  rule('invokeTool.takesNameAndParameters', async () => {
    const caller = newTenant(tools)
    await put(caller, 'a.txt', 'hello')
    const { body } = await tools.invoke(caller, { name: 'read_file', parameters: { path: 'a.txt' } })
    expect(body.result.output).toBe('hello')
    const both = { tool: 'list_files', name: 'read_file', args: { path: '.' }, parameters: { path: 'none' } }
    expect((await tools.invoke(caller, both)).body.result.output).toBe('[FILE] a.txt (5 bytes)')
    const { status, body: refusal } = await tools.invoke(caller, { args: {} })
    expect([status, refusal.code]).toEqual([400, 'INVALID_REQUEST'])
    expect(refusal.error).toContain('tool is required')
  })

  rule('invokeTool.runsNothingDry', async () => {
    const caller = newTenant(tools)
    const { status, body } = await tools.invoke(caller, { tool: 'write_file', dryRun: true, args: { path: 'x' } })
    expect([status, body]).toEqual([
      200,
      {
        tool: 'write_file',
        description: expect.any(String),
        parameters: expect.objectContaining({ type: 'object', required: ['path', 'content'] }),
        dryRun: true,
      },
    ])
    expect((await tools.invoke(caller, { tool: 'list_files' })).body.result.output).toBe('(empty folder)')
    for (const tool of ['none', 'memory_get']) {
      const { status: unknown, body: refusal } = await tools.invoke(caller, { tool, dryRun: true })
      expect([unknown, refusal.code, refusal.error]).toEqual([404, 'NOT_FOUND', `unknown tool: ${tool}`])
    }
  })

  rule('invokeTool.saysWhatIsMissing', async () => {
    const caller = newTenant(tools, { locale: 'zh' })
    const { status, body } = await tools.invoke(caller, { tool: 'tts', dryRun: true })
    expect([status, body.code, body.error]).toEqual([404, 'NOT_FOUND', 'tts 在此不可用：需要 tts_provider'])
  })

  rule('invokeTool.followsSystemConfigs', async () => {
    const caller = newTenant(tools)
    tools.systemConfigs.set(caller.tenantId, {
      'tools.profile': 'coding',
      'tools.rate_limit_per_hour': '2',
      'tools.scrub_credentials': '0',
    })
    const { tools: offered } = await tools
      .rpc(ToolsServiceService)
      .listTools(tools.call(caller), { agentId: '', toolsConfigJson: '', userId: '' })
    const names = offered.map(({ name }) => name)
    expect(names).toContain('edit')
    // What the installation denies stays denied.
    for (const name of ['datetime', 'memory_get']) expect(names).not.toContain(name)
    expect((await tools.invoke(caller, { tool: 'datetime' })).body.error).toBe('unknown tool: datetime')

    await put(caller, 'a.txt', 'api_key=abcdefgh12')
    const sessionKey = 'agent:default:ws:direct:1'
    expect(await read(caller, { sessionKey })).toBe('api_key=abcdefgh12')
    expect(await read(caller, { sessionKey })).toBe('api_key=abcdefgh12')
    expect(await read(caller, { sessionKey })).toMatch('rate limit reached')
    expect(await read(caller, { sessionKey: 'agent:default:ws:direct:2' })).toBe('api_key=abcdefgh12')

    const other = newTenant(tools)
    await put(other, 'a.txt', 'api_key=abcdefgh12')
    expect(await read(other, {})).toBe('api_key=[REDACTED]')
    expect((await tools.invoke(other, { tool: 'datetime' })).status).toBe(200)
  })

  it('is asked for by POST alone', () => {
    const table = createRouteTable(routesOf('tools'))
    expect(() => table.find('GET', '/v1/tools/invoke')).toThrow(MeshError)
    expect(table.find('POST', '/v1/tools/invoke').operation).toBe('invokeTool')
  })
})

describe('the agent', () => {
  it('follows what the policy says of the agent’s provider', async () => {
    const caller = newTenant(tools)
    const toolsConfigJson = JSON.stringify({ byProvider: { small: { deny: ['edit'] } } })
    tools.addAgent(caller.tenantId, { agentKey: 'of-small', provider: 'small', toolsConfigJson })
    tools.addAgent(caller.tenantId, { agentKey: 'of-large', provider: 'large', toolsConfigJson })
    const dry = async (agentId: string) => (await tools.invoke(caller, { tool: 'edit', agentId, dryRun: true })).status
    expect([await dry('of-small'), await dry('of-large'), await dry('default')]).toEqual([404, 200, 200])
    const offered = async (provider: string) => {
      const request = { agentId: newId(), userId: 'ann', toolsConfigJson, provider }
      const { tools: listed } = await tools.rpc(ToolsServiceService).listTools(tools.call(caller), request)
      return listed.some(({ name }) => name === 'edit')
    }
    expect([await offered('small'), await offered('large'), await offered('')]).toEqual([false, true, true])
  })

  rule('invokeTool.findsTheAgent', async () => {
    const caller = newTenant(tools)
    const id = tools.addAgent(caller.tenantId, { agentKey: 'writer' })
    for (const key of ['default', 'writer', 'helper', 'other']) {
      if (key !== 'default' && key !== 'writer') tools.addAgent(caller.tenantId, { agentKey: key })
      await put(caller, 'a.txt', key, key)
    }
    const headers = { 'x-goclaw-agent-id': 'helper', 'x-goclaw-agent': 'other' }
    expect(await read(caller, { agentId: 'writer' }, headers)).toBe('writer')
    expect(await read(caller, { agentId: id })).toBe('writer')
    expect(await read(caller, {}, headers)).toBe('helper')
    expect(await read(caller, {}, { 'x-goclaw-agent': 'other' })).toBe('other')
    expect(await read(caller, {})).toBe('default')
  })

  rule('invokeTool.runsWithoutAnAgent', async () => {
    const caller = newTenant(tools)
    const stranger = newTenant(tools)
    tools.addAgent(stranger.tenantId, { agentKey: 'theirs' })
    for (const agentId of ['none', 'theirs']) {
      expect(await read(caller, { agentId })).toContain('needs an agent')
      const { body } = await tools.invoke(caller, { tool: 'memory_search', args: { query: 'x' }, agentId })
      expect(body.error).toBe('memory_search needs an agent, and the call names none')
      // It needs none.
      const page = { tool: 'web_fetch', args: { url: 'ftp://example.com' }, agentId }
      expect((await tools.invoke(caller, page)).body.error).not.toContain('agent')
    }
  })

  rule('invokeTool.requiresAccessToTheAgent', async () => {
    const caller = newTenant(tools)
    tools.addAgent(caller.tenantId, { agentKey: 'private', hasAccess: false })
    await put(caller, 'a.txt', 'secret', 'private')
    for (const more of [{}, { dryRun: true }]) {
      const { status, body } = await tools.invoke(caller, {
        tool: 'read_file',
        args: { path: 'a.txt' },
        agentId: 'private',
        ...more,
      })
      expect([status, body.error]).toEqual([403, 'no access to this agent'])
    }
    expect(await read(caller, {})).not.toBe('secret')
  })
})

describe('a call', () => {
  it(ruleName('invokeTool.reportsFailures'), async () => {
    const caller = newTenant(tools)
    for (const [tool, error] of [
      ['read_file', 'no such file or folder'],
      ['none', 'unknown tool: none'],
    ]) {
      const { status, body } = await tools.invoke(caller, { tool, args: { path: 'none' } })
      expect([status, body]).toEqual([400, { code: 'TOOL_ERROR', error, retryable: false }])
    }
  })

  rule('invokeTool.scrubsSecrets', async () => {
    const caller = newTenant(tools)
    const key = 'goclaw' + '_0123456789abcdef0123456789abcdef'
    await put(caller, 'a.txt', `key ${key}`)
    expect(await read(caller, {})).toBe('key [REDACTED]')
    await put(caller, 'a.txt', 'this is 93.184.216.34')
    expect(await read(caller, {})).toBe('this is [SERVER_IP]')
    const { body } = await tools.invoke(caller, { tool: 'read_file', args: { path: key } })
    expect(JSON.stringify(body)).not.toContain(key)
  })

  rule('invokeTool.checksArguments', async () => {
    const caller = newTenant(tools)
    for (const args of [undefined, null, {}]) {
      const { status, body } = await tools.invoke(caller, { tool: 'write_file', args })
      expect([status, body.code, body.error]).toEqual([
        400,
        'TOOL_ERROR',
        'invalid arguments for write_file: path is required; content is required',
      ])
    }
  })

  rule('invokeTool.appliesThePolicy', async () => {
    const caller = newTenant(tools)
    const rules = JSON.stringify({ deny: ['edit'], alsoAllow: ['list_files'] })
    tools.addAgent(caller.tenantId, { agentKey: 'strict', toolsConfigJson: rules })
    await tools.mesh
      .database('tools')
      .pool.query(
        `INSERT INTO tools.builtin_tool_tenant_configs (tenant_id, tool_name, enabled) VALUES ($1, 'list_files', false)`,
        [caller.tenantId],
      )
    const call = async (tool: string, agentId: string) => (await tools.invoke(caller, { tool, agentId })).body.error
    // Of the installation, of the agent, of the tenant.
    expect(await call('memory_get', 'default')).toBe('unknown tool: memory_get')
    expect(await call('edit', 'strict')).toBe('unknown tool: edit')
    expect(await call('edit', 'default')).toContain('invalid arguments for edit')
    expect(await call('list_files', 'strict')).toBe('unknown tool: list_files')
  })

  rule('invokeTool.worksInTheWorkspace', async () => {
    const caller = newTenant(tools, { userId: 'a@b' })
    const other = testCaller({ ...caller, userId: 'a.b' })
    const args = { path: 'notes/a.txt', content: 'mine' }
    await tools.invoke(caller, { tool: 'write_file', args })
    const folder = join(tools.workspaceDir, 'tenants', caller.tenantSlug, 'default', 'a_b.7508d8b5')
    expect(await readFile(join(folder, 'notes/a.txt'), 'utf8')).toBe('mine')
    expect(await read(other, { args: { path: 'notes/a.txt' } })).toBe('no such file or folder')
    expect(await read(caller, { args: { path: `${tools.workspaceDir}/x` } })).toContain('outside the workspace')
  })

  rule('invokeTool.isRecorded', async () => {
    const caller = newTenant(tools)
    await tools.invoke(caller, { tool: 'list_files' })
    await tools.invoke(caller, { tool: 'none' })
    const ours = () => events.filter(({ tenantid }) => tenantid === caller.tenantId)
    await until(() => ours().length >= 2)
    expect(ours().map(({ data }) => data)).toEqual([
      { id: 'list_files', actorId: 'alice' },
      { id: 'none', actorId: 'alice' },
    ])
  })
})

describe('what a tool is given', () => {
  const agent: ResolvedAgent = {
    ...agentFacts,
    key: 'writer',
    workspaceFolder: '',
    toolsConfigJson: '',
    hasAccess: true,
  }
  const echo: Tool = {
    name: 'echo',
    description: '',
    parameters: z.looseObject({}),
    run: async (args, { sessionKey, channel, chatId, peerKind }) =>
      says(JSON.stringify({ args, sessionKey, channel, chatId, peerKind })),
  }
  const unknown: string[] = []
  const rules = { policy: {}, callsPerHour: 0, scrubs: true }
  const invoke = createInvokeUseCases({
    settingsOf: async () => [],
    secretsOf: async () => [],
    notesOn: async () => '',
    customTools: async () => [],
    takeCall: () => true,
    rules: { known: async () => rules, stored: async () => rules },
    storedSettingsOf: async () => [],
    findAgent: async (_, ref) => (ref === 'writer' ? agent : undefined),
    ports: {},
    toolbox: async () => ({ tools: [], groups: {}, offered: (allowed) => [...allowed], isPersonal: false }),
    timeoutMs: 10_000,
    recordInvocation: async () => {},
    onUnexpected: () => {},
    onUnknownProfile: (...said) => unknown.push(said.slice(1).join(' ')),
    toolsFor: () => [echo],
  })
  const request: ToolCall = {
    tool: 'echo',
    args: {},
    agent: 'writer',
    userId: 'alice',
    sessionKey: '',
    channel: 'http',
    chatId: 'api',
    peerKind: 'direct',
  }
  const given = async (more: Partial<ToolCall>) =>
    JSON.parse((await invoke.runByHand(tools.call(testCaller()), { ...request, ...more })).output) as Partial<ToolCall>

  rule('invokeTool.keepsToTheAgentsSessions', async () => {
    const own = 'agent:writer:ws:direct:1'
    expect((await given({ sessionKey: own })).sessionKey).toBe(own)
    for (const sessionKey of ['agent:writer', 'agent:writers:ws:direct:1', 'agent:other:ws:direct:1', 'made up'])
      expect([sessionKey, (await given({ sessionKey })).sessionKey]).toEqual([sessionKey, ''])
    expect((await given({ sessionKey: own, agent: 'none' })).sessionKey).toBe('')
  })

  /** As over HTTP. */
  const sent = async (body: object) => {
    const call = tools.call(testCaller())
    const handler = createInvokeHttp(invoke).handlers['invokeTool']!
    const answer = await handler({ caller: call.caller, call, headers: {}, body: { tool: 'echo', ...body } })
    return JSON.parse((answer as { result: { output: string } }).result.output) as ToolCall & { args: object }
  }

  rule('invokeTool.takesTheContext', async () => {
    expect(await sent({})).toMatchObject({ channel: 'http', chatId: 'api', peerKind: 'direct' })
    const context = { channel: 'telegram', chatId: '-100', peerKind: 'group' }
    expect(await sent(context)).toMatchObject(context)
  })

  rule('invokeTool.copiesTheAction', async () => {
    expect((await sent({ action: 'list', args: { action: 'add', id: 1 } })).args).toEqual({ action: 'list', id: 1 })
    expect((await sent({ action: '', args: { action: 'add' } })).args).toEqual({ action: 'add' })
    expect((await sent({ action: 'list' })).args).toEqual({ action: 'list' })
  })

  it('is all that there is where a profile is none, of which is told', async () => {
    const rules = { profile: 'codeing', byProvider: { openai: { profile: 'mini' }, other: { profile: 'minimal' } } }
    const offered = (config: object) =>
      invoke.offered(tools.call(testCaller()), {
        ...{ agentId: agent.id, userId: 'alice', toolsConfigJson: JSON.stringify(config) },
      })
    expect((await offered(rules)).tools).toEqual([echo])
    expect((await offered({ profile: 'full' })).tools).toEqual([echo])
    expect(unknown).toEqual([`${agent.id} codeing`, `${agent.id} mini`])
  })

  it('is what an agent’s run says, session and all', async () => {
    const sessionKey = 'made up by a run'
    const { output } = await invoke.run(tools.call(testCaller()), { ...request, sessionKey, peerKind: 'group' })
    expect(JSON.parse(output)).toEqual({ args: {}, sessionKey, channel: 'http', chatId: 'api', peerKind: 'group' })
  })
})

rule('updateAgent.sharesWorkspaces', async () => {
  const admin = testCaller({ tenantSlug: `tenant-${newId()}` })
  const agent = (agentKey: string, sharing: Partial<WorkspaceSharing>) =>
    tools.addAgent(admin.tenantId, {
      agentKey,
      workspaceSharing: { direct: false, group: false, users: [], ...sharing },
    })
  agent('open', { direct: true })
  agent('team', { group: true })
  agent('named', { users: ['alice', 'carol'] })
  const readsAs = async (agentId: string, userId: string, peerKind: 'direct' | 'group') => {
    const context = ToolContext.create({ agentId, userId, peerKind })
    const run = (tool: string, args: object) =>
      tools
        .rpc(ToolsServiceService)
        .invokeTool(tools.call({ ...admin, userId }), { tool, argumentsJson: JSON.stringify(args), context })
    await run('write_file', { path: `${userId}.txt`, content: peerKind })
    return (await run('list_files', {})).output
  }
  await readsAs('open', 'alice', 'direct')
  expect(await readsAs('open', 'bob', 'direct')).toMatch(/alice\.txt[^]*bob\.txt/)
  expect(await readsAs('open', 'bob', 'group')).toBe('[FILE] bob.txt (5 bytes)')
  await readsAs('team', 'alice', 'group')
  expect(await readsAs('team', 'bob', 'group')).toMatch(/alice\.txt[^]*bob\.txt/)
  expect(await readsAs('team', 'bob', 'direct')).toBe('[FILE] bob.txt (6 bytes)')
  await readsAs('named', 'alice', 'direct')
  expect(await readsAs('named', 'carol', 'group')).toMatch(/alice\.txt[^]*carol\.txt/)
  expect(await readsAs('named', 'bob', 'direct')).toBe('[FILE] bob.txt (6 bytes)')
})

test('towards the end of a run a page is told more briefly', async () => {
  const server = createServer((_, response) => {
    response.writeHead(200, { 'content-type': 'text/plain' }).end('x'.repeat(30_000))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  try {
    const caller = newTenant(tools)
    const shown = async (iterationShare?: number) => {
      const context = { ...ToolContext.create({ userId: 'alice', channel: String(iterationShare) }), iterationShare }
      const request = { tool: 'web_fetch', argumentsJson: JSON.stringify({ url }), context }
      const { output } = await tools.rpc(ToolsServiceService).invokeTool(tools.call(caller), request)
      return /x{100,}/.exec(output)?.[0].length
    }
    expect([await shown(), await shown(0.6), await shown(0.8)]).toEqual([30_000, 20_000, 10_000])
  } finally {
    server.closeAllConnections()
    server.close()
  }
})
