/** What MCP servers ask in the middle of a call: it goes to the user whose call it is, and the answer goes back. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import type { Caller } from '@clawmesh/contracts'
import { ToolsServiceService } from '@clawmesh/contracts/gen/clawmesh/tools/v1/tools.ts'
import { createLocalBus, createLogger, newId, openServiceDb, type ServiceDb } from '@clawmesh/chassis'
import { acceptedContent, createMcpHandler, inputRequired, McpServer } from '@modelcontextprotocol/server'
import { z } from 'zod'
import { keptConnections } from '../../../test/support/limits.ts'
import { eventually } from '../../../test/support/eventually.ts'
import { rule } from '../../../test/support/rule.ts'
import { PrismaClient } from '../src/db/client/client.ts'
import { createCalls } from '../src/mcp/client/calls.ts'
import { createElicit } from '../src/mcp/elicitation/elicit.ts'
import { createElicitationRows, createElicitationSweep } from '../src/mcp/elicitation/rows.ts'
import { createAsk } from '../src/questions/ask.ts'
import { mcpTenant, repository, type Body } from './mcp-support.ts'
import { startTools, type ToolsHarness } from './support.ts'

const everything = fileURLToPath(
  new URL('../../../node_modules/@modelcontextprotocol/server-everything/dist/index.js', import.meta.url),
)

let tools: ToolsHarness
let db: ServiceDb<PrismaClient>
/** Of the current protocol: it asks by saying that it needs to know more. */
let server: Server
let url: string
beforeAll(async () => {
  tools = await startTools({ mcpStdio: 'all', mcpFolders: [repository] }, { backoffMs: 20 })
  db = openServiceDb(tools.mesh, 'tools', PrismaClient)
  for (const part of db.parts) await part.start?.()
  const wanted = z.object({ size: z.number().min(1).max(9) })
  const handler = createMcpHandler(() => {
    const made = new McpServer({ name: 'asks', version: '1' })
    made.registerTool('order', { inputSchema: z.object({}) }, async (_, context) => {
      const said = acceptedContent(context.mcpReq.inputResponses, 'size', wanted)
      if (said !== undefined) return { content: [{ type: 'text', text: `ordered size ${said.size}` }] }
      if (context.mcpReq.inputResponses !== undefined) return { content: [{ type: 'text', text: 'ordered nothing' }] }
      const asked = inputRequired.elicit({ message: 'Which size?', requestedSchema: wanted })
      return inputRequired({ inputRequests: { size: asked } })
    })
    return made
  })
  server = createServer(keptConnections, (request, response) => {
    void (async () => {
      const parsedBody: unknown = request.method === 'POST' ? await json(request) : undefined
      const headers = Object.entries(request.headers).map(([name, value]): [string, string] => [name, String(value)])
      const asked = new Request(`http://localhost${request.url}`, { method: request.method ?? 'GET', headers })
      const answer = await handler.fetch(asked, { parsedBody })
      response.writeHead(answer.status, Object.fromEntries(answer.headers)).flushHeaders()
      // Some answers are streams that stay open.
      for await (const piece of answer.body ?? []) response.write(piece)
      response.end()
    })()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`
})
afterAll(async () => {
  for (const part of db.parts) await part.stop?.()
  await tools.stop()
  server.closeAllConnections()
  server.close()
})

const withServer = async (fields: object) => {
  const mine = mcpTenant(tools, { credential: 'gateway-token' })
  const agentId = mine.agent()
  const id = await mine.server({ name: 'srv', ...fields })
  await mine.post(`/servers/${id}/grants/agent`, { agent_id: agentId })
  const context = { agentKey: '', channel: 'ws', chatId: '', peerKind: 'direct', runId: '', workspace: '' }
  const rpc = tools.rpc(ToolsServiceService)
  const call = tools.call(mine.admin)
  const run = (tool: string, userId = 'ann') =>
    rpc.invokeTool(call, {
      tool: `mcp_srv__${tool}`,
      argumentsJson: '{}',
      context: { ...context, agentId, userId, sessionKey: 'agent:helper:ws:1', toolsConfigJson: '' },
    })
  const method = async (name: string, params: object, caller: Caller = mine.admin): Promise<Body> => {
    const asked = { method: name, paramsJson: JSON.stringify(params) }
    return JSON.parse((await tools.mesh.methods('tools').callMethod(tools.call(caller), asked)).resultJson) as Body
  }
  const pending = async (caller?: Caller) => (await method('mcp.elicitation.list', {}, caller))['pending'] as Body[]
  const asked = async (userId = 'ann') => {
    const found = await eventually('a question', async () => {
      const all = await pending(mine.as({ userId }))
      return all.length > 0 && all
    })
    return found[0]!
  }
  const answer = (params: object, userId = 'ann') => method('mcp.elicitation.answer', params, mine.as({ userId }))
  return { ...mine, id, agentId, run, pending, asked, answer, rpc, call }
}
const web = () => withServer({ url })

rule('mcp.elicitation.answer.goesBackToTheServer', async () => {
  const { run, asked, answer } = await web()
  const running = run('order')
  const { id, mode, message, server: name } = await asked()
  expect([mode, message, name]).toEqual(['form', 'Which size?', 'srv'])
  expect(await answer({ id, action: 'accept', content: { size: 5 } })).toEqual({ answered: true })
  expect((await running).output).toContain('ordered size 5')
  const declining = run('order')
  await answer({ id: (await asked())['id'], action: 'decline', content: { size: 5 } })
  expect((await declining).output).toContain('ordered nothing')
})

test('servers of the older protocol ask, too: the official one, unmodified', async () => {
  const { run, asked, answer, rpc, call, agentId } = await withServer({
    ...{ transport: 'stdio', command: process.execPath, args: [everything, 'stdio'], url: '' },
  })
  const tool = 'trigger-elicitation-request'
  // It offers this one once it knows that the client can be asked, and says then that there are more.
  await eventually(tool, async () => {
    const { tools: offered } = await rpc.listTools(call, { agentId, userId: 'ann', toolsConfigJson: '' })
    return offered.some(({ name }) => name === `mcp_srv__${tool}`)
  })
  const running = run(tool)
  const { id, schema } = await asked()
  expect(schema).toMatchObject({ properties: { name: { type: 'string' } } })
  await answer({ id, action: 'accept', content: { name: 'Ann Lee' } })
  expect((await running).output).toContain('Ann Lee')
})

describe('calls over one connection', () => {
  const accepted = { action: 'accept' as const }
  const patient = new AbortController().signal
  const begun = (
    calls: ReturnType<typeof createCalls>,
    name: string,
    ask = async (): Promise<typeof accepted | undefined> => accepted,
  ) => calls.begin(60_000, patient, { name, ask })

  test('of two users at once ask nobody where the server does not say whose question it is', async () => {
    const calls = createCalls()
    const anns = begun(calls, 'ann')
    expect(await calls.ask({})).toEqual(accepted)
    const again = begun(calls, 'ann')
    expect(await calls.ask({})).toEqual(accepted)
    const bobs = begun(calls, 'bob')
    expect(await calls.ask({})).toEqual({ action: 'decline' })
    for (const call of [anns, again, bobs]) call.end()
    expect(await calls.ask({})).toEqual({ action: 'decline' })
  })

  test('have as long as they may beside the time in which a user is asked', async () => {
    const { promise, resolve } = Promise.withResolvers<typeof accepted>()
    const call = createCalls().begin(30, patient, { name: 'ann', ask: () => promise })
    const answering = call.answer({ a: { method: 'elicitation/create', params: {} } } as never)
    await new Promise((passed) => setTimeout(passed, 60))
    expect(call.isLate()).toBe(false)
    resolve(accepted)
    expect(await answering).toEqual({ a: accepted })
    await eventually('it is late', async () => call.isLate())
    call.end()
  })

  rule('mcp.elicitation.answer.isNotAskedForEver', async () => {
    const calls = createCalls()
    let times = 0
    const counted = (answer: typeof accepted | undefined) => async () => {
      times++
      return answer
    }
    const call = begun(calls, 'ann', counted(accepted))
    for (let place = 0; place < 10; place++) expect(await calls.ask({})).toEqual(accepted)
    expect([await calls.ask({}), times]).toEqual([{ action: 'decline' }, 10])
    const many = Object.fromEntries(Array.from({ length: 11 }, (_, place) => [place, { method: 'elicitation/create' }]))
    await expect(call.answer(many as never)).rejects.toThrow('too much at once')
    await expect(call.answer({ a: { method: 'sampling/createMessage' } } as never)).rejects.toThrow('not offered')
    call.end()

    times = 0
    const another = begun(calls, 'ann', counted(undefined))
    for (let place = 0; place < 3; place++) expect(await calls.ask({})).toEqual({ action: 'decline' })
    expect(times).toBe(1)
    another.end()
  })
})

rule('mcp.elicitation.list.listsWhatWaits', async () => {
  const { run, asked, answer, pending, as, id, agentId, rpc, call } = await web()
  const running = [run('order', 'ann'), run('order', 'bob')]
  const [anns, bobs] = [await asked('ann'), await asked('bob')]
  expect(await pending()).toEqual([anns])
  expect(anns).toMatchObject({ serverId: id, agentId, userId: 'ann', sessionKey: 'agent:helper:ws:1' })
  const { shownJson } = await rpc.getMcpElicitation(call, { id: String(bobs['id']) })
  expect(JSON.parse(shownJson)).toEqual(bobs)
  const elsewhere = mcpTenant(tools)
  expect(await rpc.getMcpElicitation(tools.call(elsewhere.admin), { id: String(bobs['id']) })).toMatchObject({
    found: false,
  })
  for (const [userId, each] of Object.entries({ ann: anns, bob: bobs }))
    await answer({ id: each['id'], action: 'cancel' }, userId)
  await Promise.all(running)
  expect([await pending(), await pending(as({ userId: 'bob' }))]).toEqual([[], []])
})

rule('mcp.elicitation.answer.checksTheForm', async () => {
  const { run, asked, answer } = await web()
  const running = run('order')
  const { id } = await asked()
  for (const content of [{}, { size: 10 }, { size: '5' }, { size: 5, colour: 'red' }])
    await expect(answer({ id, action: 'accept', content })).rejects.toMatchObject({ code: 'INVALID_REQUEST' })
  await answer({ id, action: 'accept', content: { size: 1 } })
  expect((await running).output).toContain('ordered size 1')
})

rule('mcp.elicitation.answer.isTheUsersAlone', async () => {
  const { run, asked, answer } = await web()
  const running = run('order')
  const { id } = await asked()
  await expect(answer({ id, action: 'accept', content: { size: 1 } }, 'bob')).rejects.toMatchObject({
    code: 'NOT_FOUND',
  })
  await answer({ id, action: 'cancel' })
  await running
})

rule('mcp.elicitation.answer.isNotKeptOpen', async () => {
  const { run, asked, answer, pending } = await web()
  const running = run('order')
  const { id } = await asked()
  await answer({ id, action: 'decline' })
  await expect(answer({ id, action: 'accept', content: { size: 1 } })).rejects.toMatchObject({ code: 'NOT_FOUND' })
  await running
  expect(await pending()).toEqual([])
})

describe('waiting', () => {
  const patient = new AbortController().signal
  const log = createLogger({ level: 'silent', name: 'test' })
  const form = { message: 'x', requestedSchema: { type: 'object', properties: { a: { type: 'string' } } } }
  /** A replica of its own, which no signal of another one reaches. */
  const replica = (waitMs: number) =>
    createElicit({ rowsOf: rowsOf(), log, ask: createAsk({ bus: createLocalBus(log), log, waitMs, lookMs: 200 }) })
  const rowsOf = () => createElicitationRows(db, tools.mesh.secrets)
  const whoOf = ({ admin, id, agentId }: Awaited<ReturnType<typeof web>>) => ({
    ...{ tenantId: admin.tenantId, serverId: id, server: 'srv', agentId, userId: 'ann', sessionKey: '' },
  })
  const stored = async (tenantId: string) => {
    const asked = 'SELECT question, answer FROM tools.mcp_elicitations WHERE tenant_id = $1'
    return (await db.system.sql.query<{ question: string; answer: string | null }>(asked, [tenantId])).rows
  }

  rule('mcp.elicitation.answer.timesOutAsDecline', async () => {
    const mine = await web()
    const who = whoOf(mine)
    const elicit = replica(30)
    expect(await elicit(who, form, patient)).toBeUndefined()
    expect(await mine.pending()).toEqual([])
    for (const params of [
      { ...form, requestedSchema: { type: 'object', properties: { a: { type: 'object' } } } },
      { ...form, message: 'x'.repeat(20_000) },
      { mode: 'url', message: 'x', url: 'javascript:alert(1)' },
      undefined,
    ])
      expect(await elicit(who, params, patient)).toEqual({ action: 'decline' })
    expect(await elicit({ ...who, userId: '' }, form, patient)).toEqual({ action: 'decline' })
  })

  test('hears an answer of another replica whose signal is lost, and keeps nothing of it', async () => {
    const mine = await web()
    const asking = replica(60_000)(whoOf(mine), form, patient)
    const { id } = await mine.asked()
    expect(JSON.stringify(await stored(mine.admin.tenantId))).not.toContain('properties')
    await mine.answer({ id, action: 'accept', content: { a: 'my secret' } })
    expect(await asking).toEqual({ action: 'accept', content: { a: 'my secret' } })
    expect(await stored(mine.admin.tenantId)).toEqual([])
  })

  test('ends with the call that asks', async () => {
    const mine = await web()
    const leaving = new AbortController()
    const asking = replica(60_000)(whoOf(mine), form, leaving.signal)
    const { id } = await mine.asked()
    leaving.abort(new Error('the run is over'))
    await expect(asking).rejects.toThrow('the run is over')
    expect(await mine.pending()).toEqual([])
    await expect(mine.answer({ id, action: 'cancel' })).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })

  test('is over where the process is gone that asked', async () => {
    const mine = await web()
    const { tenantId, ...asked } = whoOf(mine)
    const question = { mode: 'form' as const, message: 'x', schema: form.requestedSchema as never }
    await rowsOf()(tenantId).insert(newId(), asked, question, { waitMs: 60_000, leaseMs: 0 })
    expect(await mine.pending()).toEqual([])
    await createElicitationSweep(db)()
    expect(await stored(tenantId)).toEqual([])
  })

  test('is for ten questions of a user at most', async () => {
    const mine = await web()
    const { tenantId, ...asked } = whoOf(mine)
    const question = { mode: 'form' as const, message: 'x', schema: form.requestedSchema as never }
    const insert = (userId: string) =>
      rowsOf()(tenantId).insert(newId(), { ...asked, userId }, question, { waitMs: 600_000, leaseMs: 600_000 })
    for (let place = 0; place < 10; place++) expect(await insert('ann')).toBe(true)
    expect([await insert('ann'), await insert('bob')]).toEqual([false, true])
  })
})
