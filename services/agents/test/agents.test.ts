import { AgentsServiceService } from '@clawmesh/contracts/gen/clawmesh/agents/v1/agents.ts'
import { rule, ruleName } from '../../../test/support/rule.ts'
import { testCaller } from '../../../test/support/service-harness.ts'
import { knownTenant, startAgents, type AgentsUnderTest } from './stand-ins.ts'

let agents: AgentsUnderTest
beforeAll(async () => {
  agents = await startAgents()
})
afterAll(() => agents.stop())

type Body = Record<string, any>

const admin = testCaller({ role: 'admin', userId: 'alice' })
/** An admin of a tenant in which nothing has happened yet. */
const newAdmin = () => testCaller({ role: 'admin', userId: 'alice' })
const create = (input: object, caller = admin) => agents.request<Body>(caller, 'POST', '/v1/agents', input)
const get = async (ref: string, caller = admin) => (await agents.request<Body>(caller, 'GET', `/v1/agents/${ref}`)).body
const update = (ref: string, input: object, caller = admin) =>
  agents.request<Body>(caller, 'PUT', `/v1/agents/${ref}`, input)
const remove = (ref: string, caller = admin) => agents.request<Body>(caller, 'DELETE', `/v1/agents/${ref}`)
const list = async (caller = admin) =>
  (await agents.request<{ agents: Body[] }>(caller, 'GET', '/v1/agents')).body.agents
const keysOf = async (caller = admin) => (await list(caller)).map((agent) => agent['agent_key'] as string)
const pool = () => agents.mesh.database('agents').pool
const share = (tenantId: string, agentId: string, userId: string) =>
  pool().query('INSERT INTO agents.agent_shares (id, tenant_id, agent_id, user_id) VALUES ($1, $2, $3, $4)', [
    crypto.randomUUID(),
    tenantId,
    agentId,
    userId,
  ])
const rpc = () => agents.rpc(AgentsServiceService)
const fileOf = async (agentId: string, fileName = 'IDENTITY.md', userId = '', caller = admin) => {
  const { found, content } = await rpc().getContextFile(agents.call(caller), { agentId, userId, fileName })
  return found ? content : undefined
}

describe('listing', () => {
  rule('listAgents.requiresUser', async () => {
    expect((await agents.request({ ...admin, userId: '' }, 'GET', '/v1/agents')).status).toBe(400)
  })

  rule('listAgents.showsWhatMayBeUsed', async () => {
    const owner = newAdmin()
    const made: Body = {}
    for (const key of ['hers', 'shared', 'opened', 'closed'])
      made[key] = (await create({ agent_key: key, agent_type: 'predefined' }, owner)).body['id']
    await create({ agent_key: 'standard', is_default: true }, owner)
    await share(owner.tenantId, made['shared'], 'bob')
    agents.openedByChannels = [made['opened']]
    const bob = { ...owner, userId: 'bob' }
    await create({ agent_key: 'his' }, bob)
    expect((await keysOf(bob)).sort()).toEqual(['his', 'opened', 'shared', 'standard'])
    agents.openedByChannels = []
    expect((await keysOf(bob)).sort()).toEqual(['his', 'shared', 'standard'])
  })

  rule('listAgents.showsAllToSystemOwners', async () => {
    const caller = newAdmin()
    await create({ agent_key: 'hidden' }, caller)
    expect(await keysOf({ ...caller, userId: 'bob' })).not.toContain('hidden')
    expect(await keysOf({ ...caller, userId: 'bob', role: 'owner' })).toContain('hidden')
  })

  rule('listAgents.ordersNewestFirst', async () => {
    const caller = newAdmin()
    for (const agent_key of ['one', 'two', 'three']) await create({ agent_key }, caller)
    await create({ agent_key: 'elsewhere' }, newAdmin())
    expect((await keysOf(caller)).filter((key) => key !== 'default')).toEqual(['three', 'two', 'one'])
  })

  rule('listAgents.showsChangesAtOnce', async () => {
    const caller = newAdmin()
    const bob = { ...caller, userId: 'bob' }
    const { body } = await create({ agent_key: 'renamed' }, caller)
    expect(await keysOf(caller)).toContain('renamed')
    expect(await keysOf(bob)).not.toContain('renamed')
    // As other replicas do, whose news have not come yet.
    await pool().query(`UPDATE agents.agents SET display_name = 'Elsewhere' WHERE id = $1`, [body['id']])
    await share(caller.tenantId, body['id'], 'bob')
    for (const user of [caller, bob])
      expect(await list(user)).toContainEqual(expect.objectContaining({ id: body['id'], display_name: 'Elsewhere' }))
    await pool().query('DELETE FROM agents.agents WHERE id = $1', [body['id']])
    expect(await keysOf(caller)).not.toContain('renamed')
  })

  rule('listAgents.emptyIsAList', async () => {
    const owner = testCaller({ role: 'owner' })
    await remove('default', owner)
    expect((await agents.request(owner, 'GET', '/v1/agents')).body).toEqual({ agents: [] })
  })
})

describe('creating', () => {
  rule('createAgent.requiresUser', async () => {
    expect((await create({ agent_key: 'nobodys' }, { ...admin, userId: '' })).status).toBe(400)
  })

  it.each(['No Spaces', 'UPPER', '-edge', 'edge-', 'dot.ted', '', 'x'.repeat(101)])(
    ruleName('createAgent.requiresSlug', '%j'),
    async (agent_key) => {
      const { status, body } = await create({ agent_key })
      expect(status).toBe(400)
      expect(body['error']).toContain('agent_key')
    },
  )

  it.each([
    ['status', { status: 'asleep' }],
    ['context_window', { context_window: 'big' }],
    ['other_config', { other_config: [] }],
  ])('answers 400 naming %s', async (field, input) => {
    const { status, body } = await create(input)
    expect(status).toBe(400)
    expect(body['error']).toContain(field)
  })

  rule('createAgent.keepsKeysUnique', async () => {
    await create({ agent_key: 'taken' })
    const { status, body } = await create({ agent_key: 'taken' })
    expect(status).toBe(409)
    expect(body).toMatchObject({ code: 'ALREADY_EXISTS', error: expect.stringContaining('taken') })
    expect((await create({ agent_key: 'taken' }, newAdmin())).status).toBe(201)
  })

  rule('createAgent.belongsToCaller', async () => {
    const forged = { id: crypto.randomUUID(), owner_id: 'mallory', created_at: '2001-01-01T00:00:00Z' }
    const { body } = await create({ agent_key: 'mine', ...forged })
    expect(body['owner_id']).toBe('alice')
    expect(body['id']).not.toBe(forged.id)
    expect(Date.parse(body['created_at'])).toBeGreaterThan(Date.parse(forged.created_at))
  })

  rule('createAgent.staysInWorkspace', async () => {
    const { body } = await create({ agent_key: 'confined', restrict_to_workspace: false })
    expect(body['restrict_to_workspace']).toBe(true)
  })

  rule('createAgent.takesTenantFromSystemOwners', async () => {
    const owner = { ...admin, role: 'owner' as const }
    const there = { agent_key: 'elsewhere', tenant_id: knownTenant }
    const { status, body } = await create(there, owner)
    expect(status).toBe(201)
    expect(body['tenant_id']).toBe(knownTenant)
    expect(body['workspace']).toMatch(/tenants\/known\/elsewhere$/)
    expect((await create(there)).body['tenant_id']).toBe(admin.tenantId)
    expect((await create({ ...there, tenant_id: testCaller().tenantId }, owner)).status).toBe(404)
  })

  rule('createAgent.hasDefaults', async () => {
    const { body } = await create({ agent_key: 'plain', context_window: 0, max_tool_iterations: -1 })
    expect(body).toMatchObject({
      agent_type: 'open',
      context_window: 200_000,
      max_tool_iterations: 30,
      workspace: expect.stringMatching(/tenants\/test\/plain$/),
      memory_config: { enabled: true },
      compaction_config: {},
      tools_config: {},
      other_config: {},
      provider: '',
      model: '',
      is_default: false,
      status: 'active',
    })
  })

  rule('createAgent.checksTheWayOfItsPool', async () => {
    const account = { isAccount: true, strategy: 'round_robin', signedIn: [] }
    agents.accountPools = {
      alone: { ...account, extraProviders: [] },
      pooled: { ...account, extraProviders: ['b', 'c'] },
    }
    const statusOf = async (provider: string, routing: object) => {
      const agent_key = `routed-${Math.random().toString(36).slice(2, 10)}`
      return (await create({ agent_key, provider, other_config: { chatgpt_oauth_routing: routing } })).status
    }
    const cases: [string, object, number][] = [
      ['alone', { strategy: 'manual' }, 201],
      ['alone', { strategy: 'round_robin' }, 400],
      ['alone', { extra_provider_names: ['b'] }, 400],
      ['alone', { override_mode: 'inherit', strategy: 'round_robin' }, 201],
      ['pooled', { override_mode: 'custom', strategy: 'priority_order' }, 201],
      ['pooled', { strategy: 'round_robin', extra_provider_names: [' b ', 'c', 'b'] }, 201],
      ['pooled', { strategy: 'round_robin', extra_provider_names: ['c', 'b'] }, 400],
      ['other', { strategy: 'round_robin', extra_provider_names: ['x'] }, 201],
    ]
    for (const [provider, routing, status] of cases)
      expect([provider, routing, await statusOf(provider, routing)]).toEqual([provider, routing, status])
    const { body } = await create({ agent_key: 'changed-later', provider: 'alone' })
    const changed = { other_config: { chatgpt_oauth_routing: { strategy: 'round_robin' } } }
    expect((await agents.request(admin, 'PUT', `/v1/agents/${String(body['id'])}`, changed)).status).toBe(400)
  })

  rule('createAgent.checksFallbacks', async () => {
    const withChain = (fallbacks: unknown) => create({ agent_key: 'chained', other_config: { fallbacks } })
    const chain = [{ provider: 'backup' }, { provider: 'other', model: 'm' }]
    for (const bad of ['backup', [{ model: 'm' }], [{ provider: '' }], Array(9).fill(chain[0])])
      expect((await withChain(bad)).status).toBe(400)
    const { status, body } = await withChain(chain)
    expect([status, body['other_config']]).toEqual([201, { fallbacks: chain }])
  })

  rule('createAgent.seedsContextFiles', async () => {
    const names = ['AGENTS.md', 'SOUL.md', 'IDENTITY.md', 'USER_PREDEFINED.md']
    const of = async (agent_type: string) => {
      const { body } = await create({ agent_key: `files-${agent_type}`, agent_type })
      return Promise.all(names.map((name) => fileOf(body['id'], name)))
    }
    for (const content of await of('predefined')) expect(content).toMatch(/^# /)
    expect(await of('open')).toEqual(names.map(() => undefined))
  })

  rule('createAgent.isAudited', async () => {
    const caller = newAdmin()
    const { body } = await create({ agent_key: 'watched' }, caller)
    const { action, data } = await agents.auditOf(caller.tenantId, 'agentCreated')
    expect(action).toBe('agent.created')
    expect(data).toEqual({ id: body['id'], actorId: 'alice' })
  })

  rule('createAgent.answersTheAgent', async () => {
    const { status, body } = await create({ agent_key: 'whole', display_name: 'Whole', frontmatter: 'knows it all' })
    expect(status).toBe(201)
    expect(body).toMatchObject({ display_name: 'Whole', frontmatter: 'knows it all', tenant_id: admin.tenantId })
    expect(body).toEqual(await get('whole'))
  })

  rule('createAgent.takesAliases', async () => {
    const aliases = { name: 'alias', description: 'helps', system_prompt: 'Be brief.', monthly_cents: 5 }
    expect((await create(aliases)).body).toMatchObject({
      agent_key: 'alias',
      budget_monthly_cents: 5,
      other_config: { description: 'helps', system_prompt: 'Be brief.' },
    })
    const canonical = { agent_key: 'canonical', budget_monthly_cents: 7, other_config: { description: 'own' } }
    expect((await create({ ...aliases, ...canonical })).body).toMatchObject({
      agent_key: 'canonical',
      budget_monthly_cents: 7,
      other_config: { description: 'own', system_prompt: 'Be brief.' },
    })
  })

  rule('createAgent.derivesKeys', async () => {
    const keyOf = async (display_name?: string) => (await create({ display_name })).body['agent_key'] as string
    expect(await keyOf('My Helper')).toBe('my-helper')
    expect(await keyOf('  Été à Zürich!  ')).toBe('ete-a-zurich')
    for (const name of ['Default', 'system', 'MASTER']) expect(await keyOf(name)).toBe(`agent-${name.toLowerCase()}`)
    expect(await keyOf('Ольга')).toBe('ol-ga')
    for (const name of [undefined, '', '!!!']) expect(await keyOf(name)).toMatch(/^agent-[0-9a-f]{6}$/)
  })

  rule('createAgent.replacesTheDefault', async () => {
    const caller = newAdmin()
    const resolved = async () => (await rpc().resolveAgent(agents.call(caller), { agent: '' })).agentKey
    expect(await resolved()).toBe('default')
    for (const agent_key of ['first', 'second']) {
      await create({ agent_key, is_default: true }, caller)
      expect(await resolved()).toBe(agent_key)
    }
    expect((await list(caller)).filter((agent) => agent['is_default'])).toHaveLength(1)
  })

  rule('createAgent.checksNoModel', async () => {
    const input = { agent_key: 'carefree', provider: 'no-such-provider', model: 'no-such-model', made_up: true }
    const { status, body } = await create(input)
    expect(status).toBe(201)
    expect(body).toMatchObject({ provider: 'no-such-provider', model: 'no-such-model' })
    expect(body).not.toHaveProperty('made_up')
  })
})

describe('reading', () => {
  rule('getAgent.takesIdOrKey', async () => {
    const { body } = await create({ agent_key: 'named' })
    for (const ref of [body['id'], String(body['id']).toUpperCase(), 'named'])
      expect((await get(ref))['id']).toBe(body['id'])
    const stranger = testCaller({ role: 'owner', userId: 'system' })
    for (const [caller, ref] of [
      [admin, crypto.randomUUID()],
      // Another version of UUID, or none at all.
      [admin, '00000000-0000-f000-0000-000000000001'],
      [admin, 'nobody'],
      [stranger, body['id']],
      [stranger, 'named'],
    ] as const)
      expect((await agents.request(caller, 'GET', `/v1/agents/${ref}`)).status).toBe(404)
  })

  rule('getAgent.requiresAccess', async () => {
    const { body } = await create({ agent_key: 'private' })
    const statusFor = async (ref: string, as: Partial<typeof admin>) =>
      (await agents.request({ ...admin, role: 'viewer', ...as }, 'GET', `/v1/agents/${ref}`)).status
    expect(await statusFor('private', { userId: 'carol' })).toBe(403)
    expect(await statusFor('private', { userId: 'carol', role: 'admin' })).toBe(403)
    expect(await statusFor('private', { userId: 'alice' })).toBe(200)
    expect(await statusFor('private', { userId: '' })).toBe(200)
    expect(await statusFor('private', { userId: 'carol', role: 'owner' })).toBe(200)
    expect(await statusFor('default', { userId: 'carol' })).toBe(200)
    await share(admin.tenantId, body['id'], 'carol')
    expect(await statusFor('private', { userId: 'carol' })).toBe(200)
  })

  rule('getAgent.answersBareAgent', async () => {
    await create({ agent_key: 'bare' })
    const agent = await get('bare')
    expect(agent['agent_key']).toBe('bare')
    for (const field of ['display_name', 'frontmatter', 'budget_monthly_cents', 'sandbox_config', 'context_pruning'])
      expect(agent).not.toHaveProperty(field)
  })
})

describe('changing', () => {
  rule('updateAgent.requiresOwnership', async () => {
    await create({ agent_key: 'owned' })
    const statusFor = async (as: Partial<typeof admin>) =>
      (await update('owned', { model: 'x' }, { ...admin, ...as })).status
    expect(await statusFor({ userId: 'bob' })).toBe(403)
    expect(await statusFor({ userId: 'system', role: 'owner' })).toBe(200)
    expect(await statusFor({ userId: '' })).toBe(200)
    expect(await statusFor({})).toBe(200)
  })

  rule('updateAgent.takesIdOrKey', async () => {
    const { body } = await create({ agent_key: 'either' })
    for (const ref of [body['id'], 'either']) expect((await update(ref, { model: ref })).status).toBe(200)
    expect((await get('either'))['model']).toBe('either')
    expect((await update('nobody', {})).status).toBe(404)
    expect((await update(body['id'], {}, newAdmin())).status).toBe(404)
  })

  rule('updateAgent.changesWhatIsNamed', async () => {
    const { body: before } = await create({ agent_key: 'changing', model: 'm1', description: 'before' })
    await update('changing', {
      provider: 'p1',
      restrict_to_workspace: false,
      owner_id: 'mallory',
      tenant_id: knownTenant,
      made_up: 1,
    })
    const { updated_at, ...after } = await get('changing')
    expect(after).toEqual({ ...before, provider: 'p1', updated_at: undefined })
    expect(Date.parse(updated_at)).toBeGreaterThanOrEqual(Date.parse(before['updated_at']))
  })

  rule('updateAgent.replacesObjects', async () => {
    const both = { tools_config: { a: 1, b: 2 }, sandbox_config: { a: 1, b: 2 }, other_config: { a: 1 } }
    await create({ agent_key: 'objects', ...both, frontmatter: 'x', budget_monthly_cents: 9 })
    await update('objects', { tools_config: { b: 3 }, sandbox_config: { b: 3 } })
    expect(await get('objects')).toMatchObject({ tools_config: { b: 3 }, sandbox_config: { b: 3 } })
    const cleared = ['tools_config', 'other_config', 'sandbox_config', 'memory_config', 'frontmatter']
    await update('objects', Object.fromEntries([...cleared, 'budget_monthly_cents'].map((field) => [field, null])))
    const after = await get('objects')
    expect(after).toMatchObject({ tools_config: {}, other_config: {} })
    for (const field of [...cleared.slice(2), 'budget_monthly_cents']) expect(after).not.toHaveProperty(field)
  })

  rule('updateAgent.movesTheDefault', async () => {
    const caller = newAdmin()
    const resolved = async () => (await rpc().resolveAgent(agents.call(caller), { agent: '' })).agentKey
    await create({ agent_key: 'first', is_default: true }, caller)
    await create({ agent_key: 'second' }, caller)
    expect(await resolved()).toBe('first')
    await update('second', { is_default: true }, caller)
    expect(await resolved()).toBe('second')
    const defaults = (await list(caller)).filter((agent) => agent['is_default'])
    expect(defaults.map((agent) => agent['agent_key'])).toEqual(['second'])
  })

  it.each([
    ['- **Name:**\n- **Purpose:** all', '- **Name:** Ada\n- **Purpose:** all'],
    ['# Who\r\n\n* Name: Old name\nName: again', '# Who\r\n\n* Name: Ada\nName: again'],
    ['**Name**: x', '**Name**: Ada'],
    ['Nothing of names here\n\n', 'Nothing of names here\n- **Name:** Ada\n'],
  ])(ruleName('updateAgent.rewritesTheName', '%j'), async (before, after) => {
    const agentId = (await create({ agent_type: 'predefined' })).body['id'] as string
    const file = { agentId, fileName: 'IDENTITY.md', content: before }
    await rpc().setContextFile(agents.call(admin), { ...file, userId: '' })
    await rpc().setContextFile(agents.call(admin), { ...file, userId: 'bob' })
    await update(agentId, { display_name: ' Ada ' })
    expect(await fileOf(agentId)).toBe(after)
    expect(await fileOf(agentId, 'IDENTITY.md', 'bob')).toBe(before)
    await update(agentId, { display_name: '' })
    expect(await fileOf(agentId)).toBe(after)
  })

  it('makes an IDENTITY.md for the name where there is none, and takes any name as text', async () => {
    const agentId = (await create({})).body['id'] as string
    const name = String.raw`A\1 \& $1 'B' \\`
    await update(agentId, { display_name: name })
    expect(await fileOf(agentId)).toContain(`\n- **Name:** ${name}\n- **Purpose:** a helpful assistant`)
  })

  rule('updateAgent.rewritesNamesOfUsers', async () => {
    const agentId = (await create({ agent_type: 'open' })).body['id'] as string
    const users = ['bob', 'carol']
    for (const userId of users)
      await rpc().setContextFile(agents.call(admin), {
        agentId,
        fileName: 'IDENTITY.md',
        content: `- **Name:** ${userId}'s`,
        userId,
      })
    await update(agentId, { display_name: 'Grace' })
    for (const userId of users) expect(await fileOf(agentId, 'IDENTITY.md', userId)).toBe('- **Name:** Grace')
  })

  rule('updateAgent.actsAtOnce', async () => {
    await create({ agent_key: 'fickle', model: 'before' })
    const ask = async () => {
      const body = { model: 'goclaw:fickle', messages: [{ role: 'user', content: 'hi' }] }
      expect((await agents.request(admin, 'POST', '/v1/chat/completions', body)).status).toBe(200)
      const { model, messages } = agents.asked.at(-1)!
      return [model, messages[0]!.content]
    }
    expect((await ask())[0]).toBe('before')
    await update('fickle', { model: 'after', display_name: 'Weathercock' })
    expect(await ask()).toEqual(['after', expect.stringContaining('**Name:** Weathercock')])
  })

  rule('updateAgent.announcesStatus', async () => {
    const announced = async (...statuses: string[]) => {
      const caller = newAdmin()
      const { body } = await create({ agent_key: 'moody' }, caller)
      for (const status of statuses) await update('moody', { status }, caller)
      const { data } = await agents.auditOf(caller.tenantId, 'agentUpdated')
      return { data, about: { id: body['id'], actorId: 'alice' } }
    }
    const changed = await announced('inactive')
    expect(changed.data).toEqual({ ...changed.about, status: 'inactive', oldStatus: 'active' })
    const same = await announced('active')
    expect(same.data).toEqual(same.about)
  })

  it.each([
    ['agent_key', { agent_key: 'No Spaces' }, 400],
    ['status', { status: 'asleep' }, 400],
    ['agent_type', { agent_type: 'closed' }, 400],
    ['occupied', { agent_key: 'occupied' }, 409],
  ])(ruleName('updateAgent.validates', '%s'), async (named, input, expected) => {
    await create({ agent_key: 'checked' })
    await create({ agent_key: 'occupied' })
    const { status, body } = await update('checked', input)
    expect(status).toBe(expected)
    expect(body['error']).toContain(named)
  })

  rule('updateAgent.takesAliases', async () => {
    await create({ agent_key: 'aliased', other_config: { emoji: '🐾', description: 'old' } })
    await update('aliased', { description: 'new', monthly_cents: 3, name: 'renamed' })
    expect(await get('renamed')).toMatchObject({
      other_config: { emoji: '🐾', description: 'new' },
      budget_monthly_cents: 3,
    })
  })

  rule('updateAgent.acknowledges', async () => {
    await create({ agent_key: 'told' })
    expect((await update('told', { model: 'm' })).body).toEqual({ ok: 'true' })
  })

  rule('updateAgent.isAudited', async () => {
    const caller = newAdmin()
    const { body } = await create({ agent_key: 'watched' }, caller)
    await update('watched', { model: 'secret-model' }, caller)
    const { action, data } = await agents.auditOf(caller.tenantId, 'agentUpdated')
    expect(action).toBe('agent.updated')
    expect(data).toEqual({ id: body['id'], actorId: 'alice' })
  })
})

describe('deleting', () => {
  rule('deleteAgent.requiresOwnership', async () => {
    const { body } = await create({ agent_key: 'kept' })
    expect((await remove('kept', { ...admin, userId: 'bob' })).status).toBe(403)
    expect((await remove('kept', testCaller({ role: 'owner' }))).status).toBe(404)
    expect((await remove(body['id'], { ...admin, userId: 'bob', role: 'owner' })).status).toBe(200)
    await create({ agent_key: 'kept' })
    expect((await remove('kept')).body).toEqual({ ok: 'true' })
    expect((await remove('kept')).status).toBe(404)
  })

  rule('deleteAgent.removesWhatHangsOnIt', async () => {
    const { body } = await create({ agent_key: 'doomed', agent_type: 'predefined' })
    await share(admin.tenantId, body['id'], 'bob')
    const wake = { message: 'hi', session_key: 'agent:doomed:talk' }
    expect((await agents.request(admin, 'POST', '/v1/agents/doomed/wake', wake)).status).toBe(200)
    const counted = async () => {
      const tables = ['agent_shares', 'context_files', 'sessions', 'runs']
      const counts = tables.map((table) =>
        pool().query<{ n: number }>(`SELECT count(*)::int AS n FROM agents.${table} WHERE agent_id = $1`, [body['id']]),
      )
      return (await Promise.all(counts)).map(({ rows }) => rows[0]!.n)
    }
    expect(await counted()).toEqual([1, 4, 1, 1])
    await remove('doomed')
    expect(await counted()).toEqual([0, 0, 0, 0])
    expect((await agents.request(admin, 'GET', '/v1/sessions/agent:doomed:talk')).status).toBe(404)
    expect((await agents.request(admin, 'POST', '/v1/agents/doomed/wake', wake)).status).toBe(404)
  })

  rule('deleteAgent.isAudited', async () => {
    const caller = newAdmin()
    const { body } = await create({ agent_key: 'watched' }, caller)
    await remove('watched', caller)
    const { action, data } = await agents.auditOf(caller.tenantId, 'agentDeleted')
    expect(action).toBe('agent.deleted')
    expect(data).toEqual({ id: body['id'], actorId: 'alice' })
  })

  rule('deleteAgent.staysDeleted', async () => {
    const owner = testCaller({ role: 'owner', userId: 'system' })
    expect(await keysOf(owner)).toEqual(['default'])
    expect((await remove('default', owner)).status).toBe(200)
    expect(await keysOf(owner)).toEqual([])
    expect((await agents.request(owner, 'GET', '/v1/agents/default')).status).toBe(404)
  })
})

describe('other services', () => {
  it('learn of an agent which provider it has', async () => {
    const caller = newAdmin()
    await create({ agent_key: 'of-small', provider: 'small' }, caller)
    const resolved = (agent: string) => rpc().resolveAgent(agents.call(caller), { agent })
    expect((await resolved('of-small')).provider).toBe('small')
  })

  it('learn of an agent who works in its own folder; what makes no sense lets nobody', async () => {
    const caller = newAdmin()
    const sharingOf = async (workspace_sharing: unknown) => {
      const agent_key = `sharing-${crypto.randomUUID()}`
      await create({ agent_key, other_config: { workspace_sharing } }, caller)
      return (await rpc().resolveAgent(agents.call(caller), { agent: agent_key })).workspaceSharing
    }
    expect(await sharingOf({ shared_dm: true, shared_group: false, shared_users: ['ann'] })).toEqual({
      direct: true,
      group: false,
      users: ['ann'],
    })
    const nobody = { direct: false, group: false, users: [] }
    expect(await sharingOf({ shared_dm: 'yes', shared_group: 1, shared_users: [{}] })).toEqual(nobody)
    expect(await sharingOf('all')).toEqual(nobody)
  })

  it('learn of an agent whether the caller has access to it, and that at once when that changes', async () => {
    const caller = newAdmin()
    const { body } = await create({ agent_key: 'private' }, caller)
    const hasAccess = async (as: Partial<typeof admin>, agent = 'private') =>
      (await rpc().resolveAgent(agents.call({ ...caller, ...as }), { agent })).hasAccess
    expect(await hasAccess({ userId: 'alice' })).toBe(true)
    expect(await hasAccess({ userId: 'bob' })).toBe(false)
    expect(await hasAccess({ userId: '' })).toBe(true)
    expect(await hasAccess({ userId: 'bob', role: 'owner' })).toBe(true)
    expect(await hasAccess({ userId: 'bob' }, '')).toBe(true)
    await update('private', { is_default: true }, caller)
    expect(await hasAccess({ userId: 'bob' })).toBe(true)
    await create({ agent_key: 'other', is_default: true }, caller)
    expect(await hasAccess({ userId: 'bob' })).toBe(false)
    await share(caller.tenantId, body['id'], 'bob')
    // Whoever shares an agent says so; here it is the table alone.
    agents.bus.signal('mesh.cache.agents', { kind: 'agents', tenantId: caller.tenantId })
    expect(await hasAccess({ userId: 'bob' })).toBe(true)
  })
})
