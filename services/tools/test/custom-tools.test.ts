/** Custom tools over a real database, and their commands. */
import { newId, outboxRow } from '@clawmesh/chassis'
import type { Caller, EventName } from '@clawmesh/contracts'
import { ToolsServiceService } from '@clawmesh/contracts/gen/clawmesh/tools/v1/tools.ts'
import { eventually } from '../../../test/support/eventually.ts'
import { rule, ruleName } from '../../../test/support/rule.ts'
import { auditTrail, type Body } from './mcp-support.ts'
import { newTenant, startTools, type ToolsHarness } from './support.ts'

let tools: ToolsHarness
let trail: Awaited<ReturnType<typeof auditTrail>>
beforeAll(async () => {
  tools = await startTools({ execOnHost: true, sandboxMode: 'off' })
  trail = await auditTrail(tools)
})
afterAll(() => tools.stop())

const secret = 'tok-abcdefgh'
const fields = { name: 'say', command: 'echo {{.text}}' }

const tenant = () => {
  const admin = newTenant(tools, { role: 'admin', userId: 'ann' })
  const ask = (method: string, path: string, body?: object, caller: Caller = admin) =>
    tools.request<Body>(caller, method, `/v1/tools/custom${path}`, body)
  const run = async (tool: string, args: object = {}, agentId = 'default') => {
    const { body } = await tools.invoke(admin, { tool, agentId, args })
    return body.result?.output ?? body.error
  }
  return {
    admin,
    ask,
    run,
    create: async (body: object = fields): Promise<string> => {
      const answer = await ask('POST', '', { ...fields, ...body })
      if (answer.status !== 201) throw new Error(JSON.stringify(answer))
      return String(answer.body['id'])
    },
    get: async (path: string): Promise<Body> => (await ask('GET', path)).body,
    offered: async (agentId: string, toolsConfig: object = {}) => {
      const request = { agentId, userId: 'ann', toolsConfigJson: JSON.stringify(toolsConfig) }
      const { tools: listed } = await tools.rpc(ToolsServiceService).listTools(tools.call(admin), request)
      return new Map(listed.map((tool) => [tool.name, tool]))
    },
  }
}
const names = ({ tools: listed }: Body): string[] => listed.map(({ name }: Body) => name)
const expectAudit = async (tenantId: string, name: EventName, action: string, data: object) =>
  expect(await trail.first(tenantId, name)).toMatchObject({ action, data: { ...data, actorId: 'ann' } })

describe('the API of custom tools', () => {
  rule('listCustomTools.ordersByName', async () => {
    const mine = tenant()
    for (const name of ['b', 'c', 'a']) await mine.create({ name })
    await tenant().create({ name: 'theirs' })
    expect(names(await mine.get(''))).toEqual(['a', 'b', 'c'])
  })

  rule('listCustomTools.listsThoseThatAreOff', async () => {
    const mine = tenant()
    await mine.create({ name: 'a', enabled: false })
    expect(await mine.get('')).toMatchObject({ tools: [{ name: 'a', enabled: false }], total: 1 })
  })

  rule('listCustomTools.pages', async () => {
    const mine = tenant()
    for (const name of ['b', 'c', 'a']) await mine.create({ name })
    expect(await mine.get('')).toMatchObject({ total: 3, limit: 50, offset: 0 })
    expect(await mine.get('?limit=500')).toMatchObject({ total: 3, limit: 200 })
    const second = await mine.get('?limit=2&offset=1')
    expect(second).toMatchObject({ total: 3, limit: 2, offset: 1 })
    expect(names(second)).toEqual(['b', 'c'])
  })

  rule('listCustomTools.filters', async () => {
    const mine = tenant()
    const helper = tools.addAgent(mine.admin.tenantId, { agentKey: 'helper' })
    await mine.create({ name: 'a', description: '100% Weather', enabled: false })
    await mine.create({ name: 'b', agent_id: helper })
    await mine.create({ name: 'weather-now' })
    expect(names(await mine.get('?search=WEATHER'))).toEqual(['a', 'weather-now'])
    expect(names(await mine.get('?search=%25'))).toEqual(['a'])
    expect(names(await mine.get(`?agent_id=${helper}`))).toEqual(['b'])
    expect(names(await mine.get('?enabled=false'))).toEqual(['a'])
    for (const query of ['agent_id=x', 'enabled=perhaps', 'limit=0'])
      expect((await mine.ask('GET', `?${query}`)).status).toBe(400)
  })

  it.each([
    ['no name', { command: 'ls' }],
    ['no command', { name: 'a' }],
    ['an empty one', { name: 'a', command: '' }],
    ['no slug', { name: 'A_b', command: 'ls' }],
  ])(ruleName('createCustomTool.requiresNameAndCommand', '%s'), async (_, body) => {
    expect((await tenant().ask('POST', '', body)).status).toBe(400)
  })

  rule('createCustomTool.keepsNamesUnique', async () => {
    const mine = tenant()
    const helper = tools.addAgent(mine.admin.tenantId, { agentKey: 'helper' })
    await mine.create()
    await mine.create({ agent_id: helper })
    await tenant().create()
    for (const body of [
      fields,
      { ...fields, agent_id: helper },
      { ...fields, name: 'exec' },
      { ...fields, name: 'bash' },
    ])
      expect(await mine.ask('POST', '', body)).toMatchObject({
        status: 409,
        body: { error: `tool name already exists: ${body.name}` },
      })
  })

  rule('createCustomTool.hasDefaults', async () => {
    const { status, body } = await tenant().ask('POST', '', { ...fields, timeout_seconds: 0 })
    expect(status).toBe(201)
    expect(body).toMatchObject({ enabled: true, timeout_seconds: 60, parameters: {}, description: '' })
    expect(body).not.toHaveProperty('agent_id')
    expect(body).not.toHaveProperty('working_dir')
  })

  rule('createCustomTool.assignsItsOwn', async () => {
    const id = newId()
    const { body } = await tenant().ask('POST', '', {
      ...fields,
      id,
      created_by: 'eve',
      created_at: '2000-01-01T00:00:00Z',
    })
    expect(body).toMatchObject({ created_by: 'ann' })
    expect([body['id'] === id, String(body['created_at']).startsWith('2000')]).toEqual([false, false])
  })

  rule('createCustomTool.sealsEnv', async () => {
    const mine = tenant()
    const { body } = await mine.ask('POST', '', { ...fields, env: { DEMO_KEY: secret } })
    const seen = [body, await mine.get(''), await mine.get(`/${String(body['id'])}`)]
    const { rows } = await tools.mesh
      .database('tools')
      .forTenant(mine.admin.tenantId)
      .query('SELECT * FROM tools.custom_tools')
    expect(JSON.stringify([seen, rows])).not.toContain(secret)
    expect(JSON.stringify(seen)).not.toContain('DEMO_KEY')
    expect(rows).toMatchObject([{ env_keys: ['DEMO_KEY'], encrypted_env: expect.any(String) }])
  })

  rule('createCustomTool.refusesBadNames', async () => {
    for (const name of ['PATH', 'LD_PRELOAD', 'GOCLAW_X', 'A-B'])
      expect((await tenant().ask('POST', '', { ...fields, env: { [name]: 'x' } })).status).toBe(400)
  })

  rule('createCustomTool.wantsAnAgentOfTheTenant', async () => {
    const theirs = tools.addAgent(tenant().admin.tenantId, { agentKey: 'b' })
    for (const agent_id of [newId(), theirs])
      expect((await tenant().ask('POST', '', { ...fields, agent_id })).status).toBe(404)
  })

  it.each([
    ['createCustomTool.wantsASchema', { parameters: { type: 'array' } }, 'parameters: no JSON Schema of an object'],
    [
      'createCustomTool.wantsWordsForArguments',
      { command: 'sh -c {{.x}}' },
      'command: cannot be read, or has a placeholder where no word can stand',
    ],
  ] as const)('%s', async (_, body, error) => {
    expect(await tenant().ask('POST', '', { ...fields, ...body })).toMatchObject({
      status: 400,
      body: { error: `invalid request: ${error}` },
    })
  })

  rule('getCustomTool.answersItAlone', async () => {
    const mine = tenant()
    const id = await mine.create({ enabled: false })
    expect(await mine.get(`/${id}`)).toMatchObject({ id, name: 'say', enabled: false })
    expect((await mine.ask('GET', `/${newId()}`)).status).toBe(404)
    expect((await mine.ask('GET', '/nonsense')).status).toBe(400)
  })

  rule('updateCustomTool.writesWhatIsGiven', async () => {
    const mine = tenant()
    const helper = tools.addAgent(mine.admin.tenantId, { agentKey: 'helper' })
    const id = await mine.create({ description: 'old', working_dir: 'x', agent_id: helper })
    const { body } = await mine.ask('PUT', `/${id}`, { description: 'new', created_by: 'eve', timeout_seconds: -1 })
    expect(body).toEqual({ status: 'updated' })
    expect(await mine.get(`/${id}`)).toMatchObject({
      description: 'new',
      working_dir: 'x',
      agent_id: helper,
      created_by: 'ann',
      timeout_seconds: 60,
    })
    await mine.ask('PUT', `/${id}`, { agent_id: null })
    expect(await mine.get(`/${id}`)).not.toHaveProperty('agent_id')
  })

  rule('updateCustomTool.replacesEnv', async () => {
    const mine = tenant()
    const both = `awk 'BEGIN{print length(ENVIRON["DEMO_KEY"]), length(ENVIRON["B"])}'`
    const id = await mine.create({ command: both, env: { DEMO_KEY: secret, B: 'b' } })
    await mine.ask('PUT', `/${id}`, { description: 'x' })
    expect(await mine.run('say')).toBe('12 1\n')
    await mine.ask('PUT', `/${id}`, { env: JSON.stringify({ DEMO_KEY: '***', NEVER: '***' }) })
    expect(await mine.run('say')).toBe('12 0\n')
    await mine.ask('PUT', `/${id}`, { env: { B: 'bb' } })
    expect(await mine.run('say')).toBe('0 2\n')
    expect((await mine.ask('PUT', `/${id}`, { env: '[' })).status).toBe(400)
  })

  it.each<[object, number]>([
    [{ name: 'exec' }, 409],
    [{ name: 'taken' }, 409],
    [{ name: 'A' }, 400],
    [{ command: 'eval {{.x}}' }, 400],
    [{ parameters: { type: 'string' } }, 400],
    [{ env: { PATH: 'x' } }, 400],
    [{ agent_id: newId() }, 404],
  ])(ruleName('updateCustomTool.isCheckedAsNew', '%j'), async (body, status) => {
    const mine = tenant()
    await mine.create({ name: 'taken' })
    expect((await mine.ask('PUT', `/${await mine.create()}`, body)).status).toBe(status)
  })

  rule('updateCustomTool.refusesUnknownOnes', async () => {
    const theirs = await tenant().create()
    for (const id of [newId(), theirs])
      expect((await tenant().ask('PUT', `/${id}`, { description: 'x' })).status).toBe(404)
  })

  rule('deleteCustomTool.isIdempotent', async () => {
    const mine = tenant()
    const id = await mine.create()
    for (const each of [newId(), id, id]) {
      const { status, body } = await mine.ask('DELETE', `/${each}`)
      expect({ status, body }).toEqual({ status: 200, body: { status: 'deleted' } })
    }
    await trail.first(mine.admin.tenantId, 'customToolDeleted')
    expect(trail.of(mine.admin.tenantId, 'customToolDeleted')).toHaveLength(1)
    expect(names(await mine.get(''))).toEqual([])
  })

  const expectEntry = async (name: EventName, verb: string) => {
    const mine = tenant()
    const id = await mine.create()
    await mine.ask('PUT', `/${id}`, { description: 'x' })
    await mine.ask('DELETE', `/${id}`)
    await expectAudit(mine.admin.tenantId, name, `custom_tool.${verb}`, { id })
  }
  rule('createCustomTool.isAudited', () => expectEntry('customToolCreated', 'created'))
  rule('updateCustomTool.isAudited', () => expectEntry('customToolUpdated', 'updated'))
  rule('deleteCustomTool.isAudited', () => expectEntry('customToolDeleted', 'deleted'))
})

describe('custom tools of agents', () => {
  rule('createCustomTool.quotesArguments', async () => {
    const mine = tenant()
    await mine.create()
    expect(await mine.run('say', { text: `a'; echo "$HOME" $(id) \`id\` > x` })).toBe(
      `a'; echo "$HOME" $(id) \`id\` > x\n`,
    )
    expect(await mine.run('say')).toBe('\n')
  })

  rule('createCustomTool.checksArguments', async () => {
    const mine = tenant()
    const parameters = { properties: { text: { type: 'string' } }, required: ['text'] }
    await mine.create({ parameters, command: 'touch ran-{{.text}}' })
    expect(await mine.run('say')).toBe('invalid arguments for say: text is required')
    expect(await mine.run('say', { text: ['a'] })).toMatch('invalid arguments for say: text')
    expect(await mine.run('list_files')).not.toContain('ran-')
  })

  rule('createCustomTool.staysBehindTheGuard', async () => {
    const mine = tenant()
    const groups = { shellDenyGroupsJson: '{"destructive_ops":false}' }
    tools.addAgent(mine.admin.tenantId, { agentKey: 'free', ...groups })
    await mine.create({ name: 'wipe', command: 'rm -rf {{.path}}' })
    await mine.create({ name: 'slow', command: 'sleep 30', timeout_seconds: 1 })
    // What its owner allows to the agent is not allowed to the tool.
    expect(await mine.run('exec', { command: 'rm -rf nothing' }, 'free')).not.toMatch('denied')
    expect(await mine.run('wipe', { path: 'x' }, 'free')).toBe(
      'command denied by safety policy: Destructive Operations',
    )
    expect(await mine.run('slow')).toMatch('it did not end within 1 seconds')
  })

  rule('createCustomTool.isOffered', async () => {
    const mine = tenant()
    const helper = tools.addAgent(mine.admin.tenantId, { agentKey: 'helper' })
    const parameters = { properties: { text: { type: 'string', description: 'What' } } }
    await mine.create({ description: 'Says it', parameters })
    await mine.create({ agent_id: helper, command: 'echo of-helper' })
    await mine.create({ name: 'off', enabled: false })
    const offered = await mine.offered(newId())
    expect(offered.get('say')).toMatchObject({
      description: 'Says it',
      parametersJson: JSON.stringify({ ...parameters, type: 'object' }),
    })
    expect(offered.has('off')).toBe(false)
    expect((await mine.offered(helper)).has('say')).toBe(true)
    expect(await mine.run('say', {}, 'helper')).toBe('of-helper\n')
    expect((await tenant().offered(newId())).has('say')).toBe(false)
    for (const [toolsConfig, isOffered] of [
      [{ profile: 'coding' }, false],
      [{ profile: 'coding', alsoAllow: ['group:custom'] }, true],
      [{ deny: ['say'] }, false],
      [{ allow: ['group:custom'] }, true],
    ] as const)
      expect((await mine.offered(helper, toolsConfig)).has('say')).toBe(isOffered)
  })

  rule('createCustomTool.overridesNothing', async () => {
    const mine = tenant()
    const id = await mine.create({ command: 'echo custom' })
    // As a version before that had no such tool let it in.
    await tools.mesh
      .database('tools')
      .forTenant(mine.admin.tenantId)
      .query(`UPDATE tools.custom_tools SET name = 'exec' WHERE id = '${id}'`)
    expect((await mine.offered(newId())).get('exec')?.description).toMatch('Run a shell command')
    expect(await mine.run('exec', { command: 'echo built-in' })).toBe('built-in\n')
  })

  rule('createCustomTool.givesTheCommandAlone', async () => {
    const mine = tenant()
    const length = `awk 'BEGIN{print length(ENVIRON["DEMO_KEY"])}'`
    await mine.create({ command: length, env: { DEMO_KEY: secret } })
    await mine.create({ name: 'show', command: 'echo "$DEMO_KEY"', env: { DEMO_KEY: secret } })
    expect(await mine.run('say')).toBe('12\n')
    expect(await mine.run('exec', { command: length })).toBe('0\n')
    expect(await mine.run('show')).toBe('[REDACTED]\n')
    expect(await mine.run('exec', { command: `echo ${secret}` })).toBe('[REDACTED]\n')
  })

  it('run in their folder of the workspace, else in the workspace itself, and nowhere else', async () => {
    const mine = tenant()
    await mine.run('write_file', { path: 'sub/a.txt', content: 'x' })
    for (const [name, working_dir] of Object.entries({ here: undefined, below: 'sub', outside: '../..' }))
      await mine.create({ name, command: 'pwd', working_dir })
    expect([await mine.run('here'), await mine.run('below')]).toEqual(['.\n', './sub\n'])
    expect(await mine.run('outside')).toMatch('path refused')
  })

  rule('updateCustomTool.holdsAtOnce', async () => {
    const mine = tenant()
    const id = await mine.create({ command: 'echo one' })
    expect(await mine.run('say')).toBe('one\n')
    await mine.ask('PUT', `/${id}`, { command: 'echo two' })
    expect(await mine.run('say')).toBe('two\n')
    await mine.ask('PUT', `/${id}`, { enabled: false })
    expect(await mine.run('say')).toBe('unknown tool: say')
  })

  rule('createCustomTool.goesWithTheAgent', async () => {
    const mine = tenant()
    const { tenantId } = mine.admin
    const helper = tools.addAgent(tenantId, { agentKey: 'helper' })
    await mine.create()
    await mine.create({ agent_id: helper })
    await tools.bus.publishDurable([outboxRow('agentDeleted', tenantId, { id: helper, actorId: 'ann' })])
    await eventually('what is for the agent is gone', async () => (await mine.get(''))['total'] === 1)
  })
})
