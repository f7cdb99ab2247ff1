/** Credentials of programs over a real database, and commands that get them. */
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
const fields = { binary_name: 'awk', env: { DEMO_KEY: secret } }
const shown = `awk 'BEGIN{print length(ENVIRON["DEMO_KEY"])}'`

const tenant = () => {
  const admin = newTenant(tools, { role: 'admin', userId: 'ann' })
  const ask = (method: string, path: string, body?: object, caller: Caller = admin) =>
    tools.request<Body>(caller, method, `/v1/cli-credentials${path}`, body)
  return {
    admin,
    ask,
    create: async (body: object = fields): Promise<string> => {
      const answer = await ask('POST', '', body)
      if (answer.status !== 201) throw new Error(JSON.stringify(answer))
      return String(answer.body['id'])
    },
    get: async (path: string): Promise<Body> => (await ask('GET', path)).body,
    run: async (command: string, caller: Caller = admin, agentId = 'default') => {
      const { body } = await tools.invoke(caller, { tool: 'exec', agentId, args: { command } })
      return body.result?.output ?? body.error
    },
  }
}
const stored = async (tenantId: string): Promise<string> => {
  const { rows } = await tools.mesh
    .database('tools')
    .forTenant(tenantId)
    .query(
      `SELECT encrypted_env FROM tools.secure_cli_binaries
       UNION ALL SELECT encrypted_env FROM tools.secure_cli_user_credentials`,
    )
  return JSON.stringify(rows)
}
const expectAudit = async (tenantId: string, name: EventName, action: string, data: object) =>
  expect(await trail.first(tenantId, name)).toMatchObject({ action, data: { ...data, actorId: 'ann' } })

describe('listing', () => {
  rule('listCliCredentials.ordersByProgram', async () => {
    const mine = tenant()
    const agent = tools.addAgent(mine.admin.tenantId, { agentKey: 'a' })
    await mine.create({ ...fields, binary_name: 'gh' })
    await mine.create({ ...fields, binary_name: 'awk' })
    await mine.create({ ...fields, binary_name: 'gh', agent_id: agent })
    const { items } = await mine.get('')
    expect(items.map((item: Body) => [item['binary_name'], item['agent_id']])).toEqual([
      ['awk', undefined],
      ['gh', agent],
      ['gh', undefined],
    ])
  })

  rule('listCliCredentials.isTheTenantsOwn', async () => {
    const mine = tenant()
    await tenant().create()
    expect(await mine.get('')).toEqual({ items: [] })
    const id = await mine.create()
    const answers = await Promise.all(['', `/${id}`, '/presets', `/${id}/user-credentials`].map(mine.get))
    expect(answers[0]!['items']).toMatchObject([{ id, env_keys: ['DEMO_KEY'] }])
    expect(JSON.stringify(answers)).not.toContain(secret)
  })

  rule('listCliCredentialPresets.isKeyedByName', async () => {
    const { presets } = await tenant().get('/presets')
    expect(Object.keys(presets)).toEqual(['gh', 'gcloud', 'aws', 'kubectl', 'terraform'])
    expect(presets.gcloud).toEqual({
      binary_name: 'gcloud',
      description: 'Google Cloud CLI',
      env_vars: [{ name: 'GOOGLE_APPLICATION_CREDENTIALS', desc: 'Service account JSON', is_file: true }],
      deny_args: ['iam\\s+', 'auth\\s+', 'projects\\s+delete', 'services\\s+disable', 'kms\\s+'],
      deny_verbose: ['--verbosity=debug', '--log-http'],
      timeout: 120,
      tips: 'Use --format=json for structured output',
    })
    expect(presets.aws).toEqual({
      binary_name: 'aws',
      description: 'AWS CLI',
      env_vars: [
        { name: 'AWS_ACCESS_KEY_ID', desc: 'AWS access key' },
        { name: 'AWS_SECRET_ACCESS_KEY', desc: 'AWS secret key' },
        { name: 'AWS_DEFAULT_REGION', desc: 'AWS region', optional: true },
      ],
      deny_args: ['iam\\s+', 'organizations\\s+', 'sts\\s+assume', 'ec2\\s+terminate'],
      deny_verbose: ['--debug'],
      timeout: 60,
      tips: 'Use --output json for structured output',
    })
    expect(presets.kubectl).toEqual({
      binary_name: 'kubectl',
      description: 'Kubernetes CLI',
      env_vars: [{ name: 'KUBECONFIG', desc: 'Path to kubeconfig', is_file: true }],
      deny_args: ['delete\\s+namespace', 'delete\\s+node', 'drain\\s+', 'cordon\\s+'],
      deny_verbose: [],
      timeout: 60,
      tips: 'Use -o json for structured output',
    })
    expect(presets.terraform).toEqual({
      binary_name: 'terraform',
      description: 'Terraform CLI',
      env_vars: [{ name: 'TF_TOKEN_app_terraform_io', desc: 'Terraform Cloud token', optional: true }],
      deny_args: ['destroy', 'force-unlock'],
      deny_verbose: [],
      timeout: 300,
      tips: 'Use -json flag for structured output',
    })
    expect(presets.gh).toEqual({
      binary_name: 'gh',
      description: 'GitHub CLI',
      env_vars: [{ name: 'GH_TOKEN', desc: 'GitHub PAT or App token' }],
      deny_args: ['auth\\s+', 'ssh-key', 'gpg-key', 'repo\\s+delete', 'secret\\s+'],
      deny_verbose: ['--verbose', '-v'],
      timeout: 30,
      tips: 'Use --json flag for structured output',
    })
  })

  rule('getCliCredential.answersItAlone', async () => {
    const mine = tenant()
    const id = await mine.create()
    expect(await mine.get(`/${id}`)).toMatchObject({ id, binary_name: 'awk', env_keys: ['DEMO_KEY'], tips: '' })
    for (const [path, status] of [
      [`/${newId()}`, 404],
      ['/nonsense', 400],
    ] as const)
      expect((await mine.ask('GET', path)).status).toBe(status)
  })
})

describe('creating', () => {
  rule('createCliCredential.fillsFromThePreset', async () => {
    const mine = tenant()
    const env = { TF_TOKEN_app_terraform_io: secret }
    const own = { description: '', deny_args: [], tips: 'mine', timeout_seconds: 0 }
    const { body } = await mine.ask('POST', '', { preset: 'terraform', env, ...own })
    expect(body).toMatchObject({
      binary_name: 'terraform',
      description: 'Terraform CLI',
      deny_args: ['destroy', 'force-unlock'],
      deny_verbose: [],
      timeout_seconds: 300,
      tips: 'mine',
    })
    const unknown = await mine.ask('POST', '', { preset: 'nope', env })
    expect(unknown).toMatchObject({ status: 400, body: { error: 'unknown preset: nope' } })
  })

  it.each([
    ['no program', { env: { A: 'b' } }],
    ['an empty name', { ...fields, binary_name: '' }],
    ['a path', { ...fields, binary_name: '/bin/awk' }],
    ['no env', { binary_name: 'awk' }],
    ['an empty env', { ...fields, env: {} }],
    ['nothing but masks', { ...fields, env: { A: '***' } }],
    ['values that are no texts', { ...fields, env: { A: 1 } }],
  ])(ruleName('createCliCredential.requiresProgramAndEnv', '%s'), async (_, body) => {
    expect((await tenant().ask('POST', '', body)).status).toBe(400)
  })

  rule('createCliCredential.hasDefaults', async () => {
    const { status, body } = await tenant().ask('POST', '', { ...fields, timeout_seconds: -1 })
    expect({ status, body }).toMatchObject({
      status: 201,
      body: { enabled: true, timeout_seconds: 30, description: '', deny_args: [], deny_verbose: [] },
    })
    expect(body).not.toHaveProperty('agent_id')
    expect(body).not.toHaveProperty('binary_path')
  })

  rule('createCliCredential.sealsEnv', async () => {
    const mine = tenant()
    const { body } = await mine.ask('POST', '', fields)
    await mine.ask('PUT', `/${String(body['id'])}/user-credentials/bob`, { env: { OWN: secret } })
    expect(JSON.stringify(body)).not.toContain(secret)
    const rows = await stored(mine.admin.tenantId)
    expect(rows).not.toContain(secret)
    expect(rows.match(/encrypted_env":"/g)).toHaveLength(2)
  })

  rule('createCliCredential.keepsProgramsUnique', async () => {
    const mine = tenant()
    const agent = tools.addAgent(mine.admin.tenantId, { agentKey: 'a' })
    await mine.create()
    await mine.create({ ...fields, agent_id: agent })
    await tenant().create()
    for (const agent_id of [null, agent])
      expect(await mine.ask('POST', '', { ...fields, agent_id })).toMatchObject({
        status: 409,
        body: { error: 'credential already exists: awk' },
      })
  })

  it.each(['deny_args', 'deny_verbose'])(ruleName('createCliCredential.refusesBadPatterns', '%s'), async (list) => {
    const { status, body } = await tenant().ask('POST', '', { ...fields, [list]: ['fine', '('] })
    expect({ status, error: body['error'] }).toEqual({
      status: 400,
      error: `invalid request: ${list}: no pattern that can be read`,
    })
  })

  it.each([
    ...'PATH LD_PRELOAD LD_LIBRARY_PATH NODE_OPTIONS PYTHONPATH GOCLAW_X CLAWMESH_X BASH_ENV'.split(' '),
    '1A',
    'A-B',
    'A=B',
  ])(ruleName('createCliCredential.refusesBadNames', '%s'), async (name) => {
    expect((await tenant().ask('POST', '', { ...fields, env: { [name]: 'x' } })).status).toBe(400)
  })

  rule('createCliCredential.wantsAnAgentOfTheTenant', async () => {
    const theirs = tools.addAgent(tenant().admin.tenantId, { agentKey: 'b' })
    for (const agent_id of [newId(), theirs])
      expect((await tenant().ask('POST', '', { ...fields, agent_id })).status).toBe(404)
  })

  rule('createCliCredential.isAudited', async () => {
    const mine = tenant()
    const id = await mine.create()
    await expectAudit(mine.admin.tenantId, 'secureCliCreated', 'secure_cli.created', { id })
  })

  rule('createCliCredential.remembersTheCreator', async () => {
    const mine = tenant()
    expect(await mine.get(`/${await mine.create({ ...fields, created_by: 'eve' })}`)).toMatchObject({
      created_by: 'ann',
    })
  })
})

describe('running', () => {
  rule('createCliCredential.givesNobodyElse', async () => {
    const mine = tenant()
    const helper = tools.addAgent(mine.admin.tenantId, { agentKey: 'helper' })
    await mine.create({ ...fields, agent_id: helper })
    expect(await mine.run(shown, mine.admin, 'helper')).toBe('12\n')
    expect(await mine.run(shown)).toBe('0\n')
    expect(await tenant().run(shown)).toBe('0\n')
  })

  rule('createCliCredential.scrubsAnswers', async () => {
    const mine = tenant()
    await mine.create()
    const argument = `awk 'BEGIN{print ENVIRON["DEMO_KEY"]}'`
    expect(await mine.run(argument)).toBe('[REDACTED]\n')
    // Another tool, which never had it, and would show what was kept of it.
    const written = await tools.invoke(mine.admin, {
      tool: 'write_file',
      args: { path: 'a.txt', content: `x ${secret} y` },
    })
    expect(written.status).toBe(200)
    const read = await tools.invoke(mine.admin, { tool: 'read_file', args: { path: 'a.txt' } })
    expect(read.body.result.output).toContain('x [REDACTED] y')
    expect(await tenant().run(`echo ${secret}`)).toContain(secret)
  })

  rule('setCliUserCredential.liesOverTheBase', async () => {
    const mine = tenant()
    const id = await mine.create({ ...fields, env: { DEMO_KEY: secret, OTHER_KEY: 'base' } })
    await mine.ask('PUT', `/${id}/user-credentials/bob`, { env: { DEMO_KEY: 'of-bob-alone' + 'x' } })
    const both = `awk 'BEGIN{print length(ENVIRON["DEMO_KEY"]), ENVIRON["OTHER_KEY"]}'`
    expect(await mine.run(both, { ...mine.admin, userId: 'bob' })).toBe('13 base\n')
    expect(await mine.run(both)).toBe('12 base\n')
  })

  rule('createCliCredential.tellsAgents', async () => {
    const mine = tenant()
    const helper = tools.addAgent(mine.admin.tenantId, { agentKey: 'helper' })
    await mine.create({ preset: 'gh', env: { GH_TOKEN: secret } })
    await mine.create({ ...fields, tips: 'for the helper', agent_id: helper })
    await mine.create({ ...fields, binary_name: 'off', enabled: false })
    const described = async (agentId: string) => {
      const { tools: listed } = await tools
        .rpc(ToolsServiceService)
        .listTools(tools.call(mine.admin), { agentId, userId: 'ann', toolsConfigJson: '' })
      return listed.find(({ name }) => name === 'exec')!.description
    }
    const notes = await described(helper)
    expect(notes).toContain('- gh: GitHub CLI; blocked: auth\\s+, ssh-key')
    expect(notes).toContain('Use --json flag for structured output')
    expect(notes).toContain('- awk: for the helper')
    expect(notes).not.toContain('off')
    for (const stranger of [newId(), 'helper', '']) expect(await described(stranger)).not.toContain('awk')
  })

  rule('createCliCredential.goesWithTheAgent', async () => {
    const mine = tenant()
    const helper = tools.addAgent(mine.admin.tenantId, { agentKey: 'helper' })
    const kept = await mine.create()
    await mine.create({ ...fields, agent_id: helper })
    const { tenantId } = mine.admin
    await tools.bus.publishDurable([outboxRow('agentDeleted', tenantId, { id: helper, actorId: 'ann' })])
    await eventually('what is for the agent is gone', async () => (await mine.get(''))['items'].length === 1)
    expect((await mine.get(''))['items']).toMatchObject([{ id: kept }])
  })
})

describe('changing', () => {
  rule('updateCliCredential.writesWhatIsGiven', async () => {
    const mine = tenant()
    const id = await mine.create({ ...fields, tips: 'old', binary_path: '/usr/bin/awk' })
    const { body } = await mine.ask('PUT', `/${id}`, { description: 'new', created_by: 'eve', timeout_seconds: 0 })
    expect(body).toEqual({ status: 'updated' })
    expect(await mine.get(`/${id}`)).toMatchObject({
      description: 'new',
      tips: 'old',
      binary_path: '/usr/bin/awk',
      created_by: 'ann',
      timeout_seconds: 30,
    })
    await mine.ask('PUT', `/${id}`, { binary_path: null })
    expect(await mine.get(`/${id}`)).not.toHaveProperty('binary_path')
  })

  rule('updateCliCredential.replacesEnv', async () => {
    const mine = tenant()
    const id = await mine.create({ ...fields, env: { DEMO_KEY: secret, B: 'b' } })
    await mine.ask('PUT', `/${id}`, { tips: 'x' })
    expect((await mine.get(`/${id}`))['env_keys']).toEqual(['DEMO_KEY', 'B'])
    await mine.ask('PUT', `/${id}`, { env: { C: 'c' } })
    expect((await mine.get(`/${id}`))['env_keys']).toEqual(['C'])
  })

  rule('updateCliCredential.keepsMaskedValues', async () => {
    const mine = tenant()
    const id = await mine.create()
    await mine.ask('PUT', `/${id}`, { env: { DEMO_KEY: '***', NEW: 'n', NEVER: '***' } })
    expect((await mine.get(`/${id}`))['env_keys']).toEqual(['DEMO_KEY', 'NEW'])
    expect(await mine.run(shown)).toBe('12\n')
  })

  rule('updateCliCredential.dropsSecretsWithTheProgram', async () => {
    const mine = tenant()
    const id = await mine.create()
    await mine.ask('PUT', `/${id}/user-credentials/bob`, { env: { DEMO_KEY: 'bobs' } })
    await mine.ask('PUT', `/${id}`, { binary_name: 'gawk', env: { DEMO_KEY: '***', OWN: 'o' } })
    expect(await mine.get(`/${id}`)).toMatchObject({ binary_name: 'gawk', env_keys: ['OWN'] })
    expect(await mine.get(`/${id}/user-credentials`)).toEqual({ user_credentials: [] })
  })

  it.each<[object, number]>([
    [{ deny_args: ['('] }, 400],
    [{ env: { PATH: 'x' } }, 400],
    [{ binary_name: '' }, 400],
    [{ agent_id: newId() }, 404],
    [{ binary_name: 'taken' }, 409],
  ])(ruleName('updateCliCredential.isCheckedAsNew', '%j'), async (body, status) => {
    const mine = tenant()
    const id = await mine.create()
    await mine.create({ ...fields, binary_name: 'taken' })
    expect((await mine.ask('PUT', `/${id}`, body)).status).toBe(status)
  })

  rule('updateCliCredential.refusesUnknownOnes', async () => {
    const theirs = await tenant().create()
    for (const id of [newId(), theirs]) expect((await tenant().ask('PUT', `/${id}`, { tips: 'x' })).status).toBe(404)
  })

  rule('updateCliCredential.isAudited', async () => {
    const mine = tenant()
    const id = await mine.create()
    await mine.ask('PUT', `/${id}`, { tips: 'x' })
    await expectAudit(mine.admin.tenantId, 'secureCliUpdated', 'secure_cli.updated', { id })
  })
})

describe('deleting', () => {
  rule('deleteCliCredential.isIdempotent', async () => {
    const mine = tenant()
    const { status, body } = await mine.ask('DELETE', `/${newId()}`)
    expect({ status, body }).toEqual({ status: 200, body: { status: 'deleted' } })
    const id = await mine.create()
    await mine.ask('DELETE', `/${id}`)
    await expectAudit(mine.admin.tenantId, 'secureCliDeleted', 'secure_cli.deleted', { id })
    expect(trail.of(mine.admin.tenantId, 'secureCliDeleted')).toHaveLength(1)
  })

  rule('deleteCliCredential.takesUsersWithIt', async () => {
    const mine = tenant()
    const id = await mine.create()
    await mine.ask('PUT', `/${id}/user-credentials/bob`, { env: { A: 'b' } })
    await mine.ask('DELETE', `/${id}`)
    expect(await stored(mine.admin.tenantId)).toBe('[]')
    expect(await mine.run(shown)).toBe('0\n')
  })

  rule('deleteCliCredential.isAudited', async () => {
    const mine = tenant()
    const id = await mine.create()
    await mine.ask('DELETE', `/${id}`)
    await expectAudit(mine.admin.tenantId, 'secureCliDeleted', 'secure_cli.deleted', { id })
  })
})

describe('testing', () => {
  const patterns = { deny_args: ['repo\\s+delete', 'x'], deny_verbose: ['-v', 'repo'] }

  rule('testCliCredential.judgesTheRest', async () => {
    const mine = tenant()
    const id = await mine.create({ ...fields, ...patterns })
    const test_commands = ['awk repo delete', 'repo -v', 'awk ls', 'awkx']
    expect((await mine.ask('POST', `/${id}/test`, { test_commands })).body).toEqual({
      results: [
        { command: 'awk repo delete', allowed: false, matched_deny: 'repo\\s+delete' },
        { command: 'repo -v', allowed: false, matched_deny: '-v' },
        { command: 'awk ls', allowed: true, matched_deny: null },
        { command: 'awkx', allowed: false, matched_deny: 'x' },
      ],
    })
    expect((await mine.ask('POST', `/${newId()}/test`, {})).status).toBe(404)
  })

  rule('testCliCredential.runsNothing', async () => {
    const mine = tenant()
    const id = await mine.create({ ...fields, binary_name: 'touch' })
    const test_commands = [`touch ${tools.workspaceDir}/made-by-a-test`]
    expect((await mine.ask('POST', `/${id}/test`, { test_commands })).status).toBe(200)
    expect(await mine.run('ls ..')).not.toContain('made-by-a-test')
  })

  rule('testCliCredential.needsNoBody', async () => {
    const mine = tenant()
    expect((await mine.ask('POST', `/${await mine.create()}/test`)).body).toEqual({ results: [] })
  })
})

describe('variables of users', () => {
  const withBob = async () => {
    const mine = tenant()
    const id = await mine.create()
    const set = (user: string, env: unknown) => mine.ask('PUT', `/${id}/user-credentials/${user}`, { env })
    expect((await set('bob', { DEMO_KEY: secret, B: 'b' })).body).toEqual({ status: 'ok' })
    return { ...mine, id, set, path: `/${id}/user-credentials/bob` }
  }

  rule('listCliUserCredentials.listsNoValues', async () => {
    const mine = await withBob()
    await mine.set('abe', {})
    const { user_credentials } = await mine.get(`/${mine.id}/user-credentials`)
    expect(user_credentials).toMatchObject([
      { binary_id: mine.id, user_id: 'bob', has_env: true },
      { user_id: 'abe', has_env: false },
    ])
    expect(JSON.stringify(user_credentials)).not.toContain(secret)
    expect((await tenant().ask('GET', `/${mine.id}/user-credentials`)).status).toBe(404)
  })

  rule('getCliUserCredential.masksValues', async () => {
    const mine = await withBob()
    expect(await mine.get(mine.path)).toEqual({ user_id: 'bob', env: { DEMO_KEY: '***', B: '***' } })
    await mine.set('abe', {})
    expect(await mine.get(`/${mine.id}/user-credentials/abe`)).toEqual({ user_id: 'abe', env: null })
  })

  rule('getCliUserCredential.isNotKept', async () => {
    const mine = await withBob()
    expect((await mine.ask('GET', mine.path)).headers.get('cache-control')).toBe('no-store')
  })

  rule('getCliUserCredential.refusesUnknownUsers', async () => {
    const mine = await withBob()
    expect((await mine.ask('GET', `/${mine.id}/user-credentials/eve`)).status).toBe(404)
    expect((await tenant().ask('GET', mine.path)).status).toBe(404)
  })

  rule('setCliUserCredential.replacesAll', async () => {
    const mine = await withBob()
    await mine.set('bob', { DEMO_KEY: '***', C: 'c' })
    expect((await mine.get(mine.path))['env']).toEqual({ DEMO_KEY: '***', C: '***' })
    expect(await mine.run(shown, { ...mine.admin, userId: 'bob' })).toBe('12\n')
  })

  it.each([undefined, null, 'text', ['a'], { A: 1 }, { PATH: 'x' }])(
    ruleName('setCliUserCredential.wantsTexts', '%j'),
    async (env) => {
      const mine = tenant()
      const path = `/${await mine.create()}/user-credentials/bob`
      expect((await mine.ask('PUT', path, { env })).status).toBe(400)
    },
  )

  rule('setCliUserCredential.refusesUnknownOnes', async () => {
    const mine = await withBob()
    expect((await tenant().ask('PUT', mine.path, { env: { A: 'b' } })).status).toBe(404)
  })

  const expectUserAudit = async (name: EventName, verb: string) => {
    const mine = await withBob()
    await mine.get(mine.path)
    await mine.ask('DELETE', mine.path)
    const data = { id: mine.id, userId: 'bob' }
    await expectAudit(mine.admin.tenantId, name, `secure_cli.user_credentials.${verb}`, data)
  }
  rule('setCliUserCredential.isAudited', () => expectUserAudit('secureCliUserSet', 'set'))
  rule('getCliUserCredential.isAudited', () => expectUserAudit('secureCliUserRead', 'read'))
  rule('deleteCliUserCredential.isAudited', () => expectUserAudit('secureCliUserDeleted', 'deleted'))

  rule('deleteCliUserCredential.isIdempotent', async () => {
    const mine = await withBob()
    for (let times = 0; times < 2; times++) {
      const { status, body } = await mine.ask('DELETE', mine.path)
      expect({ status, body }).toEqual({ status: 200, body: { status: 'ok' } })
    }
    expect(await mine.get(`/${mine.id}/user-credentials`)).toEqual({ user_credentials: [] })
    expect(await mine.run(shown, { ...mine.admin, userId: 'bob' })).toBe('12\n')
    await trail.first(mine.admin.tenantId, 'secureCliUserDeleted')
    expect(trail.of(mine.admin.tenantId, 'secureCliUserDeleted')).toHaveLength(1)
  })
})
