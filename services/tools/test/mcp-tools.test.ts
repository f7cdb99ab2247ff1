/** Tools of MCP servers in the hands of agents: official servers, unmodified, and programs that misbehave. */
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { json } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { setTimeout as sleep } from 'node:timers/promises'
import { newId } from '@clawmesh/chassis'
import { cacheSubject, masterTenantId } from '@clawmesh/contracts'
import { ToolsServiceService } from '@clawmesh/contracts/gen/clawmesh/tools/v1/tools.ts'
import { keptConnections } from '../../../test/support/limits.ts'
import { findFreePort } from '../../../test/support/free-port.ts'
import { eventually } from '../../../test/support/eventually.ts'
import { rule, ruleName } from '../../../test/support/rule.ts'
import { findSandbox, insidePath } from '../src/exec/sandbox.ts'
import { createConnect } from '../src/mcp/client/connect.ts'
import { manyTools } from './many-tools.ts'
import { auditTrail, mcpTenant, repository, type Body } from './mcp-support.ts'
import { sharedServersSchema } from '../src/mcp/servers/shared.ts'
import { startTools, type ToolsHarness } from './support.ts'

const official = (name: string, program = 'index') =>
  fileURLToPath(
    new URL(`../../../node_modules/@modelcontextprotocol/server-${name}/dist/${program}.js`, import.meta.url),
  )
const fake = fileURLToPath(new URL('../../../test/fakes/mcp-program.mjs', import.meta.url))
const { sandbox, missing } = { missing: undefined, ...(await findSandbox()) }
if (missing !== undefined) console.warn(`programs are not tested in the sandbox: ${missing}`)
const program = (...args: string[]) => ({ transport: 'stdio', command: process.execPath, args, url: '' })

/** A variable of ours that headers may name. */
const openVariable = 'CLAWMESH_TEST_MCP_HEADER'

let tools: ToolsHarness
let trail: Awaited<ReturnType<typeof auditTrail>>
const children: ChildProcess[] = []
beforeAll(async () => {
  tools = await startTools(
    { mcpStdio: 'all', mcpFolders: [repository], mcpHeaderVariables: [openVariable] },
    { backoffMs: 50 },
  )
  trail = await auditTrail(tools)
})
afterAll(async () => {
  for (const child of children) child.kill('SIGKILL')
  await tools.stop()
})

/** A tenant with an agent that may use one server. */
const withServer = async (server: object, grant: object = {}) => {
  const mine = mcpTenant(tools)
  const agentId = mine.agent()
  const id = await mine.server({ name: 'srv', ...server })
  await mine.post(`/servers/${id}/grants/agent`, { agent_id: agentId, ...grant })
  const rpc = tools.rpc(ToolsServiceService)
  const list = async (userId = 'ann', config: object = {}) =>
    rpc.listTools(tools.call(mine.admin), { agentId, userId, toolsConfigJson: JSON.stringify(config) })
  return {
    ...mine,
    id,
    agentId,
    list,
    /** The names of the tools of MCP servers that the agent is offered. */
    names: async (...args: Parameters<typeof list>) =>
      (await list(...args)).tools.map(({ name }) => name).filter((name) => name.startsWith('mcp_')),
    run: (tool: string, args: object = {}, userId = 'ann', more: object = {}) =>
      rpc.invokeTool(
        { ...tools.call(mine.admin), ...more },
        { tool, argumentsJson: JSON.stringify(args), context: { ...context, agentId, userId } },
      ),
  }
}
const context = {
  agentId: '',
  agentKey: '',
  userId: '',
  sessionKey: '',
  channel: 'ws',
  chatId: '',
  peerKind: 'direct',
  runId: '',
  workspace: '',
  toolsConfigJson: '',
}
/** What the fake says it was told. */
const saidBy = ({ output }: { output: string }): Body =>
  JSON.parse(output.split('\n').find((line) => line.startsWith('{'))!) as Body

/** A server over HTTP in a process of its own. */
const listening = async (script: string, ...args: string[]) => {
  const port = await findFreePort()
  const child = spawn(process.execPath, [script, ...args], {
    env: { ...process.env, PORT: String(port) },
    stdio: 'pipe',
  })
  children.push(child)
  const base = `http://127.0.0.1:${port}`
  while (
    !(await fetch(base).then(
      () => true,
      () => false,
    ))
  )
    await sleep(30)
  return { base, child, port }
}

/** Where the program of a server keeps what it has. */
const ownFolder = ({ admin, id }: { admin: { tenantId: string }; id: string }) =>
  join(tools.mesh.dataDir, 'mcp', admin.tenantId, id, 'shared')

describe('official servers', () => {
  test('everything over stdio', async () => {
    const { names, run } = await withServer(program(official('everything'), 'stdio'))
    // A program that starts slowly has its tools in a later list.
    await eventually('the tools', async () => (await names()).includes('mcp_srv__echo'))
    const { output, isError } = await run('mcp_srv__echo', { message: 'hello' })
    expect([output, isError]).toEqual([expect.stringMatching(/<<<EXTERNAL_UNTRUSTED_CONTENT>>>[^]*Echo: hello/), false])
  })

  test('everything over streamable HTTP and over SSE, restarted in between', async () => {
    for (const [transport, path] of [
      ['streamable-http', 'mcp'],
      ['sse', 'sse'],
    ] as const) {
      const name = transport === 'sse' ? 'sse' : 'streamableHttp'
      const { base, child, port } = await listening(official('everything'), name)
      const { run } = await withServer({ transport, url: `${base}/${path}` })
      expect(await run('mcp_srv__echo', { message: transport })).toMatchObject({ isError: false })
      child.kill('SIGKILL')
      const again = spawn(process.execPath, [official('everything'), name], {
        env: { ...process.env, PORT: String(port) },
        stdio: 'ignore',
      })
      children.push(again)
      while ((await run('mcp_srv__echo', { message: 'again' })).isError) await sleep(100)
    }
  })

  test('filesystem and memory over stdio', async () => {
    const files = await withServer(program(official('filesystem'), '.'))
    await files.run('mcp_srv__write_file', { path: 'note.txt', content: 'a note' })
    const read = await files.run('mcp_srv__read_text_file', { path: 'note.txt' })
    expect([read.isError, read.output]).toEqual([false, expect.stringContaining('a note')])
    expect(await readFile(join(ownFolder(files), 'note.txt'), 'utf8')).toBe('a note')
    const memory = await withServer({
      ...program(official('memory')),
      env: { MEMORY_FILE_PATH: `${sandbox ? insidePath : tools.mesh.dataDir}/graph.json` },
    })
    await memory.run('mcp_srv__create_entities', {
      entities: [{ name: 'Ann', entityType: 'person', observations: ['likes tea'] }],
    })
    expect((await memory.run('mcp_srv__search_nodes', { query: 'tea' })).output).toContain('Ann')
  })
})

describe('programs', () => {
  test('know nothing of our environment but what the server is given', async () => {
    process.env['MCP_TEST_SECRET'] = 'not yours'
    const { run } = await withServer({ ...program(fake, 'plain'), env: { GIVEN: 'yes' } })
    const said = saidBy(await run('mcp_srv__tell', { text: 'hi', other: null }))
    delete process.env['MCP_TEST_SECRET']
    expect(said).toMatchObject({ args: { text: 'hi' }, env: { GIVEN: 'yes' } })
    expect(said['env']).not.toHaveProperty('MCP_TEST_SECRET')
  })

  test('that die are said to have, and are started again', async () => {
    const { run, put, id } = await withServer(program(fake, 'dies'))
    expect(await run('mcp_srv__tell')).toMatchObject({ isError: true, output: expect.stringContaining('srv failed') })
    await put(`/servers/${id}`, { args: [fake, 'plain'] })
    expect(await run('mcp_srv__tell')).toMatchObject({ isError: false })
  })

  test('that hang end at the time of the server, and a caller who leaves waits no longer', async () => {
    const { run } = await withServer({ ...program(fake, 'hangs'), timeout_sec: 1 })
    expect(await run('mcp_srv__tell')).toMatchObject({ isError: true })
    const leaving = new AbortController()
    const waiting = run('mcp_srv__tell', {}, 'ann', { signal: leaving.signal })
    await sleep(50)
    leaving.abort()
    await expect(waiting).rejects.toMatchObject({ code: 'CANCELLED' })
  })

  test('may garble: what is no message is passed over', async () => {
    const { run } = await withServer(program(fake, 'garbles'))
    expect(saidBy(await run('mcp_srv__tell', { text: 'hi' }))).toMatchObject({ args: { text: 'hi' } })
  })

  test('that flood are ended', async () => {
    const { run } = await withServer(program(fake, 'floods'))
    expect(await run('mcp_srv__tell')).toMatchObject({ isError: true })
  })

  const mark = () => {
    const text = `lives-${newId()}`
    const lives = async () => {
      const lines = (await readdir('/proc'))
        .filter((name) => /^\d+$/.test(name))
        .map((name) => readFile(`/proc/${name}/cmdline`, 'latin1').catch(() => ''))
      return (await Promise.all(lines)).some((line) => line.includes(text))
    }
    return { text, lives }
  }

  test('end with all they started', async () => {
    const { text, lives } = mark()
    const { run, remove, id } = await withServer({ ...program(fake, 'leaves-children'), env: { MARK: text } })
    await run('mcp_srv__tell')
    expect(await lives()).toBe(true)
    await remove(`/servers/${id}`)
    await eventually('the end of what it started', async () => !(await lives()))
  })

  rule('deleteMcpUserCredentials.endsTheirConnections', async () => {
    const [theirs, others] = [mark(), mark()]
    const { run, ask, as, id } = await withServer(program(fake, 'leaves-children'))
    const path = `/servers/${id}/user-credentials`
    const set = (userId: string, env: object) => ask(as({ userId }), 'PUT', path, { env })
    for (const [userId, { text }] of [['ann', theirs] as const, ['bob', others] as const]) {
      await set(userId, { MARK: text })
      await run('mcp_srv__tell', {}, userId)
    }
    expect([await theirs.lives(), await others.lives()]).toEqual([true, true])
    await ask(as({ userId: 'ann' }), 'DELETE', path)
    await eventually('the end of hers', async () => !(await theirs.lives()))
    expect(await others.lives()).toBe(true)
    // New secrets end the connection of the old ones, too, used or not.
    await set('bob', { A: 'b' })
    await eventually('the end of his', async () => !(await others.lives()))
  })

  rule('deleteMcpServer.endsItsConnections', async () => {
    const { text, lives } = mark()
    const { run, admin, id } = await withServer({ ...program(fake, 'leaves-children'), env: { MARK: text } })
    await run('mcp_srv__tell')
    expect(await lives()).toBe(true)
    // As it looks to a replica that another one has not asked to do anything.
    const database = tools.mesh.database('tools').forTenant(admin.tenantId)
    await database.query('DELETE FROM tools.mcp_servers WHERE id = $1', [id])
    tools.bus.signal(cacheSubject('mcp'), { kind: 'mcp', tenantId: admin.tenantId })
    await eventually('its end', async () => !(await lives()))
  })
})

const describeSandboxed = sandbox ? describe : describe.skip

describeSandboxed('programs in the sandbox', () => {
  const looking = async (server: object = {}) => {
    const made = await withServer({ ...program(fake, 'looks'), ...server })
    return {
      ...made,
      look: async (where: { read?: string[]; write?: string[]; list?: string[]; port?: number }) => {
        const said = saidBy(await made.run('mcp_srv__tell', { text: JSON.stringify(where) }))
        return { ...said, ...(said['seen'] as Body) }
      },
    }
  }

  test('see no data of others, no process but their own, and nothing of our environment', async () => {
    process.env['MCP_TEST_SECRET'] = 'not yours'
    const theirs = join(tools.workspaceDir, 'tenants', 'other', 'helper', 'ann')
    await mkdir(theirs, { recursive: true })
    await writeFile(join(theirs, 'secret.txt'), 'of others')
    const { look } = await looking({ env: { GIVEN: 'yes' } })
    const mine = [process.pid, process.ppid].flatMap((pid) => [`/proc/${pid}/environ`, `/proc/${pid}/root/etc/passwd`])
    const { read, list, env, cwd } = await look({
      read: [join(theirs, 'secret.txt'), '/etc/passwd', '/proc/1/environ', ...mine],
      list: ['/', '/proc', tools.mesh.dataDir, '/root', '/home'],
    })
    delete process.env['MCP_TEST_SECRET']
    expect(JSON.stringify(read)).not.toMatch(/of others|MCP_TEST_SECRET|root:/)
    expect(read.slice(0, 2)).toEqual(['ENOENT', 'ENOENT'])
    expect((list[1] as string[]).filter((name) => /^\d+$/.test(name)).length).toBeLessThan(10)
    expect(list[2]).toBe('ENOENT')
    expect([env['GIVEN'], env['HOME'], cwd, 'MCP_TEST_SECRET' in env]).toEqual(['yes', insidePath, insidePath, false])
  })

  test('know the certificates that our network is signed with', async () => {
    const certificate = join(tools.mesh.dataDir, 'own-ca.pem')
    await writeFile(certificate, 'a certificate')
    const before = process.env['SSL_CERT_FILE']
    process.env['SSL_CERT_FILE'] = certificate
    try {
      const { env, read } = await (await looking()).look({ read: [certificate] })
      expect([env['SSL_CERT_FILE'], read]).toEqual([certificate, ['a certificate']])
    } finally {
      if (before === undefined) delete process.env['SSL_CERT_FILE']
      else process.env['SSL_CERT_FILE'] = before
    }
  })

  test('write to their own folder alone, which stays, is seen by no other server, and goes with theirs', async () => {
    const one = await looking()
    const { write } = await one.look({ write: ['kept.txt', '/usr/x', '/x', join(repository, 'x'), '/etc/x'] })
    expect(write).toEqual(['written', 'EROFS', 'EROFS', 'EROFS', 'EROFS'])
    await one.post(`/servers/${one.id}/reconnect`, {})
    expect((await one.look({ read: ['kept.txt'] }))['read']).toEqual(['x'])
    expect((await (await looking()).look({ read: ['kept.txt'] }))['read']).toEqual(['ENOENT'])
    await one.remove(`/servers/${one.id}`)
    await expect(readdir(ownFolder(one))).rejects.toMatchObject({ code: 'ENOENT' })
  })

  test('have the network unless the settings of the server say otherwise', async () => {
    const listening = createServer()
    await new Promise<void>((done) => listening.listen(0, '127.0.0.1', done))
    const { port } = listening.address() as AddressInfo
    expect((await (await looking()).look({ port }))['port']).toBe('open')
    expect((await (await looking({ settings: { network: false } })).look({ port }))['port']).toBe('ECONNREFUSED')
    listening.close()
  })

  test('open no file by naming it as an argument, and are told which folders would be seen', async () => {
    const { post } = mcpTenant(tools)
    const { body } = await post('/servers/test', { transport: 'stdio', command: join(tools.mesh.dataDir, 'program') })
    expect(body['error']).toContain('CLAWMESH_MCP_FOLDERS')
    const hidden = join(tools.mesh.dataDir, 'hidden.mjs')
    await writeFile(hidden, 'setInterval(() => {}, 1e6)')
    expect((await post('/servers/test', program(hidden))).body).toMatchObject({ success: false })
  })
})

/** A server of the older protocol that knows no ping, and ends the stream of a call where it is told to. */
const olderServer = async () => {
  const state = { ends: false }
  const server = createServer(keptConnections, (request, response) => {
    if (request.method !== 'POST') return void response.writeHead(405).end()
    void json(request).then((asked) => {
      const { id, method } = asked as { id?: number; method: string }
      if (id === undefined) return response.writeHead(202).end()
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      const results: Record<string, object> = {
        initialize: {
          protocolVersion: '2025-06-18',
          capabilities: { tools: {} },
          serverInfo: { name: 's', version: '1' },
        },
        'tools/list': { tools: [{ name: 'tell', inputSchema: { type: 'object' } }] },
        'tools/call': { content: [{ type: 'text', text: 'told' }] },
      }
      const result = results[method]
      if (method === 'tools/call' && state.ends)
        return void response.write(': still here\n\n', () => response.destroy())
      const answer = result === undefined ? { error: { code: -32601, message: 'unknown' } } : { result }
      return response.end(`data: ${JSON.stringify({ jsonrpc: '2.0', id, ...answer })}\n\n`)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    state,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`,
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

test('a stream that ends without an answer fails the call at once, and the next one is served', async () => {
  const { state, url, close } = await olderServer()
  const { run } = await withServer({ transport: 'streamable-http', url })
  state.ends = true
  const failed = await run('mcp_srv__tell')
  expect([failed.isError, failed.output]).toEqual([true, expect.stringContaining('ended before its answer')])
  state.ends = false
  expect((await run('mcp_srv__tell')).output).toContain('told')
  close()
})

test('a server that does not know pings is alive until it is gone', async () => {
  const { url, close } = await olderServer()
  const programOf = () => Promise.reject(new Error('no program is run'))
  const connections = createConnect({ allow: ['127.0.0.1'], programOf })
  const target = { transport: 'streamable-http' as const, command: '', args: [], env: {}, headers: {}, url }
  const hooks = { closed: () => {}, toolsChanged: () => {} }
  const connection = await connections.connect(target, hooks, { timeoutMs: 30_000 })
  await connection.ping(30_000)
  close()
  await expect(connection.ping(30_000)).rejects.toThrow()
  await connection.close()
  await connections.close()
})

describe('who gets which tools', () => {
  test('agents without a grant get none, nor do those whose server is off', async () => {
    const { names, agent, admin, put, id } = await withServer(program(fake, 'plain'))
    expect(await names()).toEqual(['mcp_srv__tell'])
    const other = agent('other')
    const { tools: theirs } = await tools
      .rpc(ToolsServiceService)
      .listTools(tools.call(admin), { agentId: other, userId: 'ann', toolsConfigJson: '' })
    expect(theirs.filter(({ name }) => name.startsWith('mcp_'))).toEqual([])
    await put(`/servers/${id}`, { enabled: false })
    expect(await names()).toEqual([])
  })

  test('lists are asked at each call: what is taken away is gone at once', async () => {
    const { names, run, post, id } = await withServer(program(fake, 'plain', '3'), { tool_deny: ['tool_0'] })
    expect(await names()).toEqual(['mcp_srv__tool_1', 'mcp_srv__tool_2'])
    expect(await run('mcp_srv__tool_0')).toMatchObject({
      isError: true,
      output: expect.stringContaining('unknown tool'),
    })
    await post(`/servers/${id}/grants/user`, { user_id: 'bob', tool_allow: ['tool_2'] })
    expect([await names('ann'), await names('bob')]).toEqual([
      ['mcp_srv__tool_1', 'mcp_srv__tool_2'],
      ['mcp_srv__tool_2'],
    ])
    expect(await run('mcp_srv__tool_1', {}, 'bob')).toMatchObject({ isError: true })
    expect(await run('mcp_srv__tool_1', {}, 'ann')).toMatchObject({ isError: false })
  })

  test('a grant that is switched off gives nothing: to a user nothing of the server, to an agent nothing to anybody', async () => {
    const { names, post, id, admin } = await withServer(program(fake, 'plain'))
    await post(`/servers/${id}/grants/user`, { user_id: 'bob' })
    expect([await names('ann'), await names('bob')]).toEqual([['mcp_srv__tell'], ['mcp_srv__tell']])
    const switchOff = async (table: string) => {
      const database = tools.mesh.database('tools').forTenant(admin.tenantId)
      await database.query(`UPDATE tools.${table} SET enabled = false WHERE server_id = $1`, [id])
      tools.bus.signal(cacheSubject('mcp'), { kind: 'mcp', tenantId: admin.tenantId })
    }
    await switchOff('mcp_user_grants')
    await eventually('nothing for bob', async () => (await names('bob')).length === 0)
    expect(await names('ann')).toEqual(['mcp_srv__tell'])
    await switchOff('mcp_agent_grants')
    await eventually('nothing for ann', async () => (await names('ann')).length === 0)
  })

  test("each user's calls go over the connection of their own secrets", async () => {
    const { run, ask, as, id, names, list } = await withServer({ ...program(fake, 'plain'), env: { WHO: 'nobody' } })
    for (const userId of ['ann', 'bob'])
      await ask(as({ userId }), 'PUT', `/servers/${id}/user-credentials`, { env: { WHO: userId } })
    const who = async (userId: string) =>
      (saidBy(await run('mcp_srv__tell', {}, userId))['env'] as Body)['WHO'] as string
    const users = ['ann', 'bob', 'eve', 'bob', 'ann']
    expect(await Promise.all(users.map(who))).toEqual(['ann', 'bob', 'nobody', 'bob', 'ann'])
    expect((await list()).ofUser).toBe(true)
    await ask(as({ userId: 'ann' }), 'PUT', `/servers/${id}/user-credentials`, { env: { WHO: 'new' } })
    expect(await who('ann')).toBe('new')
    await ask(as({ userId: 'ann' }), 'PUT', `/servers/${id}`, { settings: { require_user_credentials: true } })
    expect([await names('eve'), await names('bob')]).toEqual([[], ['mcp_srv__tell']])
  })

  test('policies name them by their groups', async () => {
    const { names } = await withServer(program(fake, 'plain', '2'))
    expect(await names('ann', { deny: ['group:mcp'] })).toEqual([])
    expect(await names('ann', { allow: ['group:mcp:srv'], deny: ['mcp_srv__tool_0'] })).toEqual(['mcp_srv__tool_1'])
    expect(await names('ann', { allow: ['group:fs'] })).toEqual([])
  })

  test('beyond forty they are found by searching, and what is found is offered from then on', async () => {
    const { names, run } = await withServer(program(fake, 'plain', '60'))
    const before = await names()
    expect(before).toHaveLength(41)
    expect(before.at(-1)).toBe('mcp_tool_search')
    const { output } = await run('mcp_tool_search', { query: 'number 57' })
    const found = JSON.parse(output) as Body
    expect(found['tools'][0]).toMatchObject({ name: 'mcp_srv__tool_57', original_name: 'tool_57', server: 'srv' })
    expect(await names()).toContain('mcp_srv__tool_57')
    // Called by its name, it is found, too.
    expect(await run('mcp_srv__tool_59')).toMatchObject({ isError: false })
    expect(await names()).toContain('mcp_srv__tool_59')
    expect(await names('bob')).not.toContain('mcp_srv__tool_59')
  })

  test('one that a policy denies is not called, found or not', async () => {
    const { admin, post, id } = await withServer(program(fake, 'plain', '60'))
    const toolsConfigJson = JSON.stringify({ deny: ['mcp_srv__tool_58'] })
    const agentId = tools.addAgent(admin.tenantId, { agentKey: 'strict', toolsConfigJson })
    await post(`/servers/${id}/grants/agent`, { agent_id: agentId })
    const run = (tool: string, args: object = {}) =>
      tools.rpc(ToolsServiceService).invokeTool(tools.call(admin), {
        ...{ tool, argumentsJson: JSON.stringify(args) },
        context: { ...context, agentId, userId: 'ann' },
      })
    expect(await run('mcp_tool_search', { query: 'number 58' })).toMatchObject({ isError: false })
    expect(await run('mcp_srv__tool_58')).toMatchObject({ isError: true, output: 'unknown tool: mcp_srv__tool_58' })
    expect(await run('mcp_srv__tool_57')).toMatchObject({ isError: false })
  })

  test('of two with one name the first is kept', async () => {
    const { names, run, server, post, agentId } = await withServer({
      ...program(fake, 'plain'),
      ...{ tool_prefix: 'same', name: 'a' },
    })
    const other = await server({ ...program(fake, 'plain', '2'), tool_prefix: 'same', name: 'b' })
    const clashing = await server({ ...program(fake, 'dies'), tool_prefix: 'same', name: 'c' })
    for (const each of [other, clashing]) await post(`/servers/${each}/grants/agent`, { agent_id: agentId })
    await eventually('all of them', async () => (await names()).length >= 3)
    expect(await names()).toEqual(['mcp_same__tell', 'mcp_same__tool_0', 'mcp_same__tool_1'])
    expect(await run('mcp_same__tell', { text: 'x' })).toMatchObject({ isError: false })
  })

  test('calls at once share one connection', async () => {
    const { run } = await withServer(program(fake, 'plain'))
    const said = await Promise.all(Array.from({ length: 200 }, (_, at) => run('mcp_srv__tell', { text: `${at}` })))
    const texts = said.map((each) => saidBy(each))
    expect(texts.map(({ args }) => (args as Body)['text'] as string)).toEqual(said.map((_, at) => `${at}`))
    expect(new Set(texts.map(({ birth }) => birth as string)).size).toBe(1)
  })

  test("another tenant's servers are not there", async () => {
    const theirs = await withServer(program(fake, 'plain'))
    await theirs.names()
    const mine = mcpTenant(tools)
    const call = tools.call(mine.admin)
    const request = { agentId: theirs.agentId, userId: 'ann', toolsConfigJson: '' }
    const { tools: listed } = await tools.rpc(ToolsServiceService).listTools(call, request)
    expect(listed.filter(({ name }) => name.startsWith('mcp_'))).toEqual([])
    const asked = { tool: 'mcp_srv__tell', argumentsJson: '{}', context: { ...context, agentId: theirs.agentId } }
    expect(await tools.rpc(ToolsServiceService).invokeTool(call, asked)).toMatchObject({ isError: true })
  })
})

describe('servers of the installation', () => {
  let strict: ToolsHarness
  const configured = {
    everywhere: { ...program(fake, 'plain'), env: { TOKEN: 'of-the-installation' } },
    off: { ...program(fake, 'plain'), enabled: false },
  }
  beforeAll(async () => {
    const mcpServers = sharedServersSchema.parse(configured)
    strict = await startTools({ mcpStdio: 'off', mcpFolders: [repository], mcpServers })
  })
  afterAll(() => strict.stop())

  const agentOf = () => {
    const mine = mcpTenant(strict)
    const agentId = mine.agent()
    const rpc = strict.rpc(ToolsServiceService)
    return {
      ...mine,
      names: async (config: object = {}) => {
        const asked = { agentId, userId: 'ann', toolsConfigJson: JSON.stringify(config) }
        const { tools: offered } = await rpc.listTools(strict.call(mine.admin), asked)
        return offered.map(({ name }) => name).filter((name) => name.startsWith('mcp_'))
      },
      tell: async () => {
        const call = { tool: 'mcp_everywhere__tell', argumentsJson: '{}' }
        return saidBy(
          await rpc.invokeTool(strict.call(mine.admin), { ...call, context: { ...context, agentId, userId: 'ann' } }),
        )
      },
    }
  }

  test('are there for agents of every tenant without a grant, over connections of their own, as policies say', async () => {
    const [one, other] = [agentOf(), agentOf()]
    expect(await one.names()).toContain('mcp_everywhere__tell')
    expect((await one.names()).filter((name) => name.startsWith('mcp_off'))).toEqual([])
    expect(await one.names({ deny: ['group:mcp:everywhere'] })).toEqual([])
    const births = [(await one.tell())['birth'], (await other.tell())['birth'], (await one.tell())['birth']]
    expect(births[2]).toBe(births[0])
    expect(births[1]).not.toBe(births[0])
    // They are no tenant's to see or to change.
    expect(await one.get('/servers')).toMatchObject({ servers: [] })
  })

  it.each([
    ['a way in', { x: { transport: 'sse' } }],
    ['a known transport', { x: { transport: 'pigeon', url: 'http://x' } }],
    ['known fields', { x: { transport: 'sse', url: 'http://x', urll: '' } }],
    ['a name that is a slug', { 'X y': { transport: 'sse', url: 'http://x' } }],
  ])('need %s', (_, servers) => {
    expect(sharedServersSchema.safeParse(servers).success).toBe(false)
  })
})

describe('trials', () => {
  rule('testMcpConnection.tellsBothOutcomes', async () => {
    const { post } = mcpTenant(tools)
    expect(await post('/servers/test', program(fake, 'plain', '3'))).toMatchObject({
      status: 200,
      body: { success: true, tool_count: 3 },
    })
    const { status, body } = await post('/servers/test', { transport: 'stdio', command: 'no-such-program' })
    expect([status, body]).toEqual([200, { success: false, error: expect.any(String) }])
  })

  describe('of a service that is in a hurry, and runs programs for the master tenant only', () => {
    let strict: ToolsHarness
    beforeAll(async () => {
      strict = await startTools({ mcpStdio: 'master', mcpFolders: [repository] }, { connectMs: 300 })
    })
    afterAll(() => strict.stop())

    rule('testMcpConnection.givesUp', async () => {
      const { post } = mcpTenant(strict, { tenantId: masterTenantId })
      expect((await post('/servers/test', program(fake, 'mute'))).body).toMatchObject({ success: false })
    })

    rule('testMcpConnection.guardsPrograms', async () => {
      const { post } = mcpTenant(strict)
      expect((await post('/servers/test', program(fake, 'plain'))).status).toBe(403)
    })
  })

  rule('testMcpConnection.requiresATransport', async () => {
    const { post } = mcpTenant(tools)
    expect((await post('/servers/test', { url: 'https://mcp.example.org/' })).status).toBe(400)
    const { status, body } = await post('/servers/test', { transport: 'pigeon', url: 'https://mcp.example.org/' })
    expect([status, body['success']]).toEqual([200, false])
  })

  it.each(['http://10.0.0.1/', 'http://169.254.169.254/', 'http://[::1]/', 'http://127.0.0.2/', 'file:///etc/passwd'])(
    ruleName('testMcpConnection.guardsAddresses', '%s'),
    async (url) => {
      const { post } = mcpTenant(tools)
      for (const transport of ['sse', 'streamable-http'])
        expect((await post('/servers/test', { transport, url })).status).toBe(400)
    },
  )

  rule('reconnectMcpServer.opensAfresh', async () => {
    const { run, post, id } = await withServer(program(fake, 'plain'))
    const birth = async () => saidBy(await run('mcp_srv__tell'))['birth'] as string
    const before = await birth()
    expect(await birth()).toBe(before)
    expect(await post(`/servers/${id}/reconnect`, {})).toMatchObject({ status: 200, body: { status: 'reconnected' } })
    expect(await birth()).not.toBe(before)
  })

  rule('reconnectMcpServer.refusesUnknownServers', async () => {
    const { id } = await withServer(program(fake, 'plain'))
    expect((await mcpTenant(tools).post(`/servers/${id}/reconnect`, {})).status).toBe(404)
  })

  rule('reconnectMcpServer.isAudited', async () => {
    const { post, id, admin } = await withServer(program(fake, 'plain'))
    await post(`/servers/${id}/reconnect`, {})
    expect(await trail.first(admin.tenantId, 'mcpServerReconnected')).toMatchObject({
      action: 'mcp_server.reconnected',
      data: { id, actorId: 'ann' },
    })
  })

  rule('listMcpServerTools.asksTheServer', async () => {
    const { get, id } = await withServer(program(fake, 'plain'))
    expect(await get(`/servers/${id}/tools`)).toEqual({
      tools: [{ name: 'tell', description: 'Tells what it was told, number 0' }],
    })
  })

  rule('listMcpServerTools.bringsItsSecrets', async () => {
    const { base, close, headers } = await manyTools(1)
    process.env[openVariable] = 'from-outside'
    try {
      const mine = mcpTenant(tools)
      const secrets = { api_key: 's3cret', headers: { 'X-Own': 'mine', 'X-Theirs': `env:${openVariable}` } }
      const open = await mine.server({ name: 'open', url: base, ...secrets })
      expect((await mine.get(`/servers/${open}/tools`))['tools']).toHaveLength(1)
      const sent = { authorization: 'Bearer s3cret', 'x-own': 'mine', 'x-theirs': 'from-outside' }
      expect(headers.map((each) => ({ ...each, ...sent }))).toEqual(headers)
      const asked = headers.length
      const closed = await mine.server({ name: 'closed', url: base, headers: { 'X-Theirs': 'env:PATH' } })
      expect(await mine.get(`/servers/${closed}/tools`)).toEqual({ tools: [] })
      expect(headers).toHaveLength(asked)
    } finally {
      delete process.env[openVariable]
      close()
    }
  })

  rule('listMcpServerTools.isEmptyWithoutAnAnswer', async () => {
    const { get, id } = await withServer({ transport: 'stdio', command: 'no-such-program', url: '' })
    expect(await get(`/servers/${id}/tools`)).toEqual({ tools: [] })
  })
})

test('of a thousand tools of thirty servers the first forty are offered, and the others are found', async () => {
  const mine = mcpTenant(tools)
  const agentId = mine.agent()
  const { base, close } = await manyTools(34)
  try {
    for (let at = 0; at < 30; at++) {
      const id = await mine.server({ name: `srv-${at}`, url: `${base}/${at}` })
      await mine.post(`/servers/${id}/grants/agent`, { agent_id: agentId })
    }
    const list = () =>
      tools.rpc(ToolsServiceService).listTools(tools.call(mine.admin), { agentId, userId: 'ann', toolsConfigJson: '' })
    const before = (await list()).tools.map(({ name }) => name)
    expect(before.filter((name) => name.startsWith('mcp_'))).toHaveLength(41)
    const found = await tools.rpc(ToolsServiceService).invokeTool(tools.call(mine.admin), {
      tool: 'mcp_tool_search',
      argumentsJson: '{"query":"srv-29 number 33"}',
      context: { ...context, agentId, userId: 'ann' },
    })
    expect(found.output).toContain('mcp_srv_29__tool_33')
  } finally {
    close()
  }
})
