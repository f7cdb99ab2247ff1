/** Shares over a real database: who may see and grant them, and what they open. */
import type { Caller } from '@clawmesh/contracts'
import { rule, ruleName } from '../../../test/support/rule.ts'
import { testCaller } from '../../../test/support/service-harness.ts'
import { startAgents, type AgentsUnderTest } from './stand-ins.ts'

type Body = Record<string, any>

let agents: AgentsUnderTest
beforeAll(async () => {
  agents = await startAgents()
})
afterAll(() => agents.stop())

const pathOf = (agent: string) => `/v1/agents/${agent}/shares`
const list = (caller: Caller, agent = 'hers') => agents.request<Body>(caller, 'GET', pathOf(agent))
const usersOf = async (caller: Caller, agent = 'hers') =>
  ((await list(caller, agent)).body['shares'] as Body[]).map((share) => share['user_id'] as string)
const share = (caller: Caller, input: object, agent = 'hers') =>
  agents.request<Body>(caller, 'POST', pathOf(agent), input)
const revoke = (caller: Caller, userId: string, agent = 'hers') =>
  agents.request<Body>(caller, 'DELETE', `${pathOf(agent)}/${encodeURIComponent(userId)}`)

/** A tenant in which alice has an agent called `hers`, which bob may not use. */
const newTenant = async () => {
  const alice = testCaller({ role: 'admin', userId: 'alice' })
  const { status, body } = await agents.request<Body>(alice, 'POST', '/v1/agents', { agent_key: 'hers' })
  expect(status).toBe(201)
  return { alice, bob: { ...alice, role: 'viewer' as const, userId: 'bob' }, agentId: body['id'] as string }
}
/** What a user is answered who looks at the agent, and who starts a run of it, which asks through the caches. */
const useOf = async (caller: Caller) => {
  const read = await agents.request(caller, 'GET', '/v1/agents/hers')
  const run = await agents.request({ ...caller, role: 'operator' }, 'POST', '/v1/agents/hers/wake', { message: 'hi' })
  return [read.status, run.status]
}

type Ask = (caller: Caller, agent?: string) => Promise<{ status: number }>
const shareWithBob: Ask = (caller, agent) => share(caller, { user_id: 'bob' }, agent)
const revokeOfBob: Ask = (caller, agent) => revoke(caller, 'bob', agent)

const expectOwnersOnly = async (ask: Ask, done: number) => {
  const { alice } = await newTenant()
  expect((await ask(alice)).status).toBe(done)
  expect((await ask({ ...alice, userId: 'carol' })).status).toBe(403)
  expect((await ask({ ...alice, userId: 'carol', role: 'owner' })).status).toBe(done)
  expect((await ask({ ...alice, userId: '' })).status).toBe(done)
}
const expectIdOrKey = async (ask: Ask, done: number) => {
  const { alice, agentId } = await newTenant()
  for (const known of [agentId, 'hers']) expect((await ask(alice, known)).status).toBe(done)
  for (const unknown of ['nobodys', crypto.randomUUID()]) expect((await ask(alice, unknown)).status).toBe(404)
  expect((await ask(testCaller({ role: 'admin', userId: 'alice' }), agentId)).status).toBe(404)
}

rule('listAgentShares.requiresOwnership', () => expectOwnersOnly(list, 200))
rule('listAgentShares.takesIdOrKey', () => expectIdOrKey(list, 200))
rule('shareAgent.requiresOwnership', async () => {
  await expectOwnersOnly(shareWithBob, 201)
  const { alice } = await newTenant()
  expect((await shareWithBob({ ...alice, role: 'operator' })).status).toBe(403)
})
rule('shareAgent.takesIdOrKey', () => expectIdOrKey(shareWithBob, 201))
rule('revokeAgentShare.requiresOwnership', async () => {
  await expectOwnersOnly(revokeOfBob, 200)
  const { alice } = await newTenant()
  expect((await revokeOfBob({ ...alice, role: 'operator' })).status).toBe(403)
})
rule('revokeAgentShare.takesIdOrKey', () => expectIdOrKey(revokeOfBob, 200))

rule('listAgentShares.ordersByArrival', async () => {
  const { alice, agentId } = await newTenant()
  expect((await list(alice)).body).toEqual({ shares: [] })
  for (const user_id of ['zoe', 'bob', 'mia']) await share(alice, { user_id })
  await share(alice, { user_id: 'zoe', role: 'viewer' })
  const { shares } = (await list(alice)).body
  expect(shares).toMatchObject([{ user_id: 'zoe' }, { user_id: 'bob' }, { user_id: 'mia' }])
  expect(shares[1]).toEqual({
    id: expect.any(String),
    created_at: expect.any(String),
    agent_id: agentId,
    user_id: 'bob',
    role: 'user',
    granted_by: 'alice',
  })
})

rule('shareAgent.changesRoles', async () => {
  const { alice } = await newTenant()
  await share(alice, { user_id: 'bob', role: 'viewer' })
  const again = await share({ ...alice, userId: 'root', role: 'owner' }, { user_id: 'bob', role: 'admin' })
  expect(again).toMatchObject({ status: 201, body: { ok: 'true' } })
  expect((await list(alice)).body['shares']).toMatchObject([{ user_id: 'bob', role: 'admin', granted_by: 'root' }])
})

it.each([
  ['missing', {}],
  ['empty', { user_id: '' }],
  ['too long', { user_id: 'x'.repeat(256) }],
  ['null', { user_id: null }],
])(ruleName('shareAgent.checksTheUser', '%s'), async (_what, input) => {
  const { alice } = await newTenant()
  const { status, body } = await share(alice, input)
  expect(status).toBe(400)
  expect(body['error']).toContain('user_id')
  expect((await share(alice, { user_id: 'x'.repeat(255) })).status).toBe(201)
})

it.each([
  [undefined, 'user'],
  ['', 'user'],
  ['operator', 'operator'],
  ['x'.repeat(20), 'x'.repeat(20)],
  ['x'.repeat(21), undefined],
])(ruleName('shareAgent.takesAnyRole', '%j'), async (role, stored) => {
  const { alice } = await newTenant()
  const { status } = await share(alice, { user_id: 'bob', role })
  expect(status).toBe(stored === undefined ? 400 : 201)
  const { shares } = (await list(alice)).body
  expect(shares).toMatchObject(stored === undefined ? [] : [{ role: stored }])
})

rule('shareAgent.remembersTheGranter', async () => {
  const { alice } = await newTenant()
  await share({ ...alice, userId: '' }, { user_id: 'bob', granted_by: 'mallory' })
  await share(alice, { user_id: 'mia' })
  expect((await list(alice)).body['shares']).toMatchObject([{ granted_by: '' }, { granted_by: 'alice' }])
})

it.each(['user', 'viewer', 'anything'])(ruleName('shareAgent.actsAtOnce', '%s'), async (role) => {
  const { alice, bob } = await newTenant()
  expect(await useOf(bob)).toEqual([403, 403])
  await share(alice, { user_id: 'bob', role })
  expect(await useOf(bob)).toEqual([200, 200])
  expect(await useOf({ ...bob, userId: 'mia' })).toEqual([403, 403])
})

rule('shareAgent.isAudited', async () => {
  const { alice, agentId } = await newTenant()
  await share(alice, { user_id: 'bob', role: 'viewer' })
  expect(await agents.auditOf(alice.tenantId, 'agentShared')).toMatchObject({
    action: 'agent.shared',
    data: { id: agentId, userId: 'bob', role: 'viewer', actorId: 'alice' },
  })
})

rule('revokeAgentShare.actsAtOnce', async () => {
  const { alice, bob } = await newTenant()
  for (const user_id of ['bob', 'mia']) await share(alice, { user_id })
  expect(await useOf(bob)).toEqual([200, 200])
  expect(await revoke(alice, 'bob')).toMatchObject({ status: 200, body: { ok: 'true' } })
  expect(await useOf(bob)).toEqual([403, 403])
  expect(await usersOf(alice)).toEqual(['mia'])
})

rule('revokeAgentShare.isFineForStrangers', async () => {
  const { alice } = await newTenant()
  await share(alice, { user_id: 'bob' })
  expect((await revoke(alice, 'nobody')).status).toBe(200)
  await revoke(alice, 'bob')
  // Events of a tenant come in order, so the first one would be that of nobody.
  expect((await agents.auditOf(alice.tenantId, 'agentShareRevoked')).data).toMatchObject({ userId: 'bob' })
})

rule('revokeAgentShare.isAudited', async () => {
  const { alice, agentId } = await newTenant()
  await share(alice, { user_id: 'a/b' })
  await revoke(alice, 'a/b')
  expect(await agents.auditOf(alice.tenantId, 'agentShareRevoked')).toMatchObject({
    action: 'agent.share_revoked',
    data: { id: agentId, userId: 'a/b', actorId: 'alice' },
  })
})

test('the path called sharing is the same resource', async () => {
  const { alice } = await newTenant()
  const alias = '/v1/agents/hers/sharing'
  expect((await agents.request(alice, 'POST', alias, { user_id: 'bob' })).status).toBe(201)
  expect((await agents.request(alice, 'GET', alias)).body).toEqual((await list(alice)).body)
  expect((await agents.request(alice, 'DELETE', `${alias}/bob`)).status).toBe(200)
  expect(await usersOf(alice)).toEqual([])
})
