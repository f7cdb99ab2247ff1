import { testCaller } from '../../../test/support/service-harness.ts'
import { knownTenant, startAgents, type AgentsUnderTest } from './stand-ins.ts'

let agents: AgentsUnderTest
beforeAll(async () => {
  agents = await startAgents()
})
afterAll(() => agents.stop())

const admin = testCaller({ role: 'admin', userId: 'alice' })
const create = (input: object, caller = admin) =>
  agents.request<Record<string, unknown>>(caller, 'POST', '/v1/agents', input)

describe('agents', () => {
  it('are created with defaults and read back by id and by key', async () => {
    const { status, body } = await create({ display_name: 'My Helper' })
    expect(status).toBe(201)
    expect(body).toMatchObject({
      agent_key: 'my-helper',
      owner_id: 'alice',
      context_window: 200_000,
      max_tool_iterations: 30,
      status: 'active',
      agent_type: 'open',
      memory_config: { enabled: true },
    })
    for (const ref of [body['id'], 'my-helper'])
      expect((await agents.request(admin, 'GET', `/v1/agents/${String(ref)}`)).body['id']).toBe(body['id'])
  })

  it('answer 409 for a key that is taken, and allow it in another tenant', async () => {
    await create({ agent_key: 'taken' })
    expect((await create({ agent_key: 'taken' })).status).toBe(409)
    expect((await create({ agent_key: 'taken' }, testCaller({ role: 'admin' }))).status).toBe(201)
  })

  it('change only what is named, and answer with the string "true"', async () => {
    await create({ agent_key: 'changing', model: 'm1', description: 'before' })
    const answer = await agents.request(admin, 'PUT', '/v1/agents/changing', {
      provider: 'p1',
      restrict_to_workspace: false,
    })
    expect(answer.body).toEqual({ ok: 'true' })
    const { body } = await agents.request(admin, 'GET', '/v1/agents/changing')
    expect(body).toMatchObject({
      provider: 'p1',
      model: 'm1',
      other_config: { description: 'before' },
      restrict_to_workspace: true,
    })
  })

  it('have one default a tenant', async () => {
    const caller = testCaller({ role: 'admin' })
    await create({ agent_key: 'first', is_default: true }, caller)
    await create({ agent_key: 'second', is_default: true }, caller)
    const { body } = await agents.request<{ agents: { agent_key: string; is_default: boolean }[] }>(
      caller,
      'GET',
      '/v1/agents',
    )
    expect(body.agents.filter((agent) => agent.is_default).map((agent) => agent.agent_key)).toEqual(['second'])
  })

  it('give each tenant a default agent once; deleted, it stays deleted', async () => {
    const owner = testCaller({ role: 'owner', userId: 'system' })
    const list = async () =>
      (await agents.request<{ agents: { agent_key: string }[] }>(owner, 'GET', '/v1/agents')).body.agents
    expect((await list()).map((agent) => agent.agent_key)).toEqual(['default'])
    expect((await agents.request(owner, 'DELETE', '/v1/agents/default')).status).toBe(200)
    expect(await list()).toEqual([])
  })

  it('can be changed by their owner only, whatever the role', async () => {
    await create({ agent_key: 'owned' })
    const colleague = { ...admin, userId: 'bob' }
    expect((await agents.request(colleague, 'PUT', '/v1/agents/owned', { model: 'x' })).status).toBe(403)
    expect((await agents.request(colleague, 'DELETE', '/v1/agents/owned')).status).toBe(403)
    const owner = { ...admin, role: 'owner' as const, userId: 'system' }
    expect((await agents.request(owner, 'PUT', '/v1/agents/owned', { model: 'x' })).status).toBe(200)
  })

  it('are hidden from users without access', async () => {
    await create({ agent_key: 'private' })
    const viewer = { ...admin, role: 'viewer' as const, userId: 'carol' }
    expect((await agents.request(viewer, 'GET', '/v1/agents/private')).status).toBe(403)
    const { body } = await agents.request<{ agents: { agent_key: string }[] }>(viewer, 'GET', '/v1/agents')
    expect(body.agents.map((agent) => agent.agent_key)).not.toContain('private')
  })

  it('of another tenant do not exist', async () => {
    const { body } = await create({ agent_key: 'foreign' })
    const stranger = testCaller({ role: 'owner', userId: 'system' })
    for (const [method, path] of [
      ['GET', `/v1/agents/${String(body['id'])}`],
      ['PUT', `/v1/agents/${String(body['id'])}`],
      ['DELETE', '/v1/agents/foreign'],
    ] as const)
      expect((await agents.request(stranger, method, path, method === 'PUT' ? { model: 'x' } : undefined)).status).toBe(
        404,
      )
  })

  it('are created in another tenant by a system owner only, and only in one that exists', async () => {
    const owner = { ...admin, role: 'owner' as const }
    const there = { agent_key: 'elsewhere', tenant_id: knownTenant }
    const { status, body } = await create(there, owner)
    expect(status).toBe(201)
    expect(body['tenant_id']).toBe(knownTenant)
    expect(String(body['workspace'])).toMatch(/tenants\/known\/elsewhere$/)
    expect((await create(there)).body['tenant_id']).toBe(admin.tenantId)
    expect((await create({ ...there, tenant_id: testCaller().tenantId }, owner)).status).toBe(404)
  })

  it('need a user id to be listed or created', async () => {
    const nobody = { ...admin, userId: '' }
    expect((await agents.request(nobody, 'GET', '/v1/agents')).status).toBe(400)
    expect((await create({ agent_key: 'x' }, nobody)).status).toBe(400)
  })

  it.each([
    ['agent_key', { agent_key: 'No Spaces' }],
    ['status', { status: 'asleep' }],
    ['context_window', { context_window: 'big' }],
    ['other_config', { other_config: [] }],
  ])('answer 400 naming %s', async (field, input) => {
    const { status, body } = await create(input)
    expect(status).toBe(400)
    expect(String(body['error'])).toContain(field)
  })
})
