/** Links between agents over a real database. */
import { wsEventSources, type Caller, type EventName } from '@clawmesh/contracts'
import { rule } from '../../../test/support/rule.ts'
import { testCaller } from '../../../test/support/service-harness.ts'
import { startAgents, type AgentsUnderTest } from './stand-ins.ts'

type Body = Record<string, any>

let agents: AgentsUnderTest
beforeAll(async () => {
  agents = await startAgents()
})
afterAll(() => agents.stop())

const ask = async (caller: Caller, method: string, params: object = {}): Promise<Body> => {
  const asked = { method, paramsJson: JSON.stringify(params) }
  const { resultJson } = await agents.mesh.methods('agents').callMethod(agents.call(caller), asked)
  return JSON.parse(resultJson) as Body
}
const create = async (caller: Caller, more: object = {}): Promise<Body> =>
  (await ask(caller, 'agents.links.create', { sourceAgent: 'lead', targetAgent: 'helper', ...more }))['link'] as Body
const list = (caller: Caller, agentId: string, direction?: string) =>
  ask(caller, 'agents.links.list', { agentId, direction })
const code = (wanted: string) => ({ code: wanted })

/** A tenant in which alice has agents that may be linked. */
const newTenant = async () => {
  const alice = testCaller({ role: 'admin', userId: 'alice', credential: 'gateway-token' })
  for (const [agent_key, agent_type] of [
    ['lead', 'open'],
    ['helper', 'predefined'],
    ['other', 'predefined'],
  ])
    await agents.request(alice, 'POST', '/v1/agents', {
      agent_key,
      agent_type,
      display_name: agent_key,
      frontmatter: 'f',
    })
  return { alice, bob: { ...alice, userId: 'bob' } }
}
const expectOwnersOnly = async (act: (caller: Caller, linkId: string) => Promise<unknown>) => {
  const { alice, bob } = await newTenant()
  const { id } = await create(alice)
  await expect(act(bob, id as string)).rejects.toMatchObject(code('FORBIDDEN'))
  await expect(act((await newTenant()).alice, id as string)).rejects.toMatchObject(code('NOT_FOUND'))
  await act({ ...alice, userId: '' }, id as string)
}
/** What admins are shown of an event. */
const shown = (name: EventName, data: unknown) => wsEventSources.find((source) => source.name === name)!.toMessage(data)

rule('agents.links.list.looksBothWays', async () => {
  const { alice } = await newTenant()
  await create(alice)
  await create(alice, { source: 'helper', sourceAgent: undefined, targetAgent: 'other' })
  const keysOf = async (direction?: string) =>
    ((await list(alice, 'helper', direction))['links'] as Body[]).map(
      ({ source_agent_key: source }) => source as string,
    )
  expect(await keysOf()).toEqual(['helper'])
  expect(await keysOf('to')).toEqual(['lead'])
  expect(await keysOf('all')).toEqual(['lead', 'helper'])
  await expect(list(alice, 'nobody')).rejects.toMatchObject(code('NOT_FOUND'))
})

rule('agents.links.list.ordersByArrival', async () => {
  const { alice } = await newTenant()
  expect(await list(alice, 'lead')).toEqual({ links: [], count: 0 })
  for (const targetAgent of ['other', 'helper']) await create(alice, { targetAgent })
  const { links, count } = await list(alice, 'lead')
  expect(count).toBe(2)
  expect(links).toMatchObject([{ target_agent_key: 'other' }, { target_agent_key: 'helper' }])
})

rule('agents.links.create.requiresOwnership', async () => {
  const { alice, bob } = await newTenant()
  await expect(create(bob)).rejects.toMatchObject(code('FORBIDDEN'))
  await create({ ...alice, userId: '' })
})

rule('agents.links.create.needsTwoAgents', async () => {
  const { alice } = await newTenant()
  for (const ends of [
    { sourceAgent: 'helper', targetAgent: 'helper' },
    { sourceAgent: 'helper', targetAgent: 'lead' },
  ])
    await expect(create(alice, ends)).rejects.toMatchObject(code('INVALID_REQUEST'))
  await expect(create(alice, { targetAgent: 'nobody' })).rejects.toMatchObject(code('NOT_FOUND'))
})

rule('agents.links.create.linksOnce', async () => {
  const { alice } = await newTenant()
  await create(alice)
  await expect(create(alice)).rejects.toMatchObject(code('ALREADY_EXISTS'))
})

rule('agents.links.create.hasDefaults', async () => {
  const { alice } = await newTenant()
  expect(await create(alice, { max_concurrent: 0, description: 'd', settings: { user_allow: ['bob'] } })).toMatchObject(
    {
      direction: 'outbound',
      max_concurrent: 3,
      description: 'd',
      settings: { user_allow: ['bob'] },
      status: 'active',
      created_by: 'alice',
      source_agent_key: 'lead',
      target_agent_key: 'helper',
      target_display_name: 'helper',
      target_description: 'f',
    },
  )
})

rule('agents.links.create.tellsAdmins', async () => {
  const { alice } = await newTenant()
  const { id, source_agent_id, target_agent_id } = await create(alice)
  const created = await agents.auditOf(alice.tenantId, 'agentLinkCreated')
  const keys = { source_agent_key: 'lead', target_agent_key: 'helper' }
  expect(shown('agentLinkCreated', created.data)).toMatchObject({
    event: 'agent_link.created',
    payload: { link_id: id, source_agent_id, target_agent_id, ...keys, direction: 'outbound', status: 'active' },
  })
  await ask(alice, 'agents.links.update', { linkId: id, status: 'disabled', max_concurrent: 5 })
  const updated = await agents.auditOf(alice.tenantId, 'agentLinkUpdated')
  const { payload } = shown('agentLinkUpdated', updated.data) as { payload: Body }
  expect(payload).toMatchObject({ link_id: id, ...keys, status: 'disabled' })
  expect((payload['changes'] as string[]).toSorted()).toEqual(['max_concurrent', 'status'])
  await ask(alice, 'agents.links.delete', { linkId: id })
  const deleted = await agents.auditOf(alice.tenantId, 'agentLinkDeleted')
  expect(shown('agentLinkDeleted', deleted.data)).toMatchObject({ payload: { link_id: id, ...keys } })
})

rule('agents.links.update.requiresOwnership', () =>
  expectOwnersOnly((caller, linkId) => ask(caller, 'agents.links.update', { linkId, description: 'x' })),
)
rule('agents.links.delete.requiresOwnership', () =>
  expectOwnersOnly((caller, linkId) => ask(caller, 'agents.links.delete', { linkId })),
)

rule('agents.links.update.changesWhatIsGiven', async () => {
  const { alice } = await newTenant()
  const { id } = await create(alice, { description: 'before' })
  expect(await ask(alice, 'agents.links.update', { id, direction: 'bidirectional' })).toEqual({ ok: true })
  const { links } = await list(alice, 'lead')
  expect(links).toMatchObject([{ direction: 'bidirectional', description: 'before', status: 'active' }])
  await expect(ask(alice, 'agents.links.update', { id })).rejects.toMatchObject(code('INVALID_REQUEST'))
})

rule('agents.links.delete.removesTheLink', async () => {
  const { alice } = await newTenant()
  const { id } = await create(alice)
  expect(await ask(alice, 'agents.links.delete', { link_id: id })).toEqual({ ok: true })
  expect(await list(alice, 'lead')).toMatchObject({ count: 0 })
  await expect(ask(alice, 'agents.links.delete', { link_id: id })).rejects.toMatchObject(code('NOT_FOUND'))
})

for (const [verb, name] of [
  ['created', 'agentLinkCreated'],
  ['updated', 'agentLinkUpdated'],
  ['deleted', 'agentLinkDeleted'],
] as const) {
  const audited = async () => {
    const { alice } = await newTenant()
    const { id } = await create(alice)
    await ask(alice, 'agents.links.update', { id, description: 'x' })
    await ask(alice, 'agents.links.delete', { id })
    expect(await agents.auditOf(alice.tenantId, name)).toMatchObject({ action: `agent_link.${verb}` })
  }
  if (verb === 'created') rule('agents.links.create.isAudited', audited)
  else if (verb === 'updated') rule('agents.links.update.isAudited', audited)
  else rule('agents.links.delete.isAudited', audited)
}
