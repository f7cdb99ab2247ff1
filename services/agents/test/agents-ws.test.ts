/** Agents and their context files over a WebSocket. */
import { mkdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Caller } from '@clawmesh/contracts'
import { rule } from '../../../test/support/rule.ts'
import { testCaller } from '../../../test/support/service-harness.ts'
import { withIdentityLine } from '../src/chat/identity-file.ts'
import { startAgents, type AgentsUnderTest } from './stand-ins.ts'

type Body = Record<string, any>

let agents: AgentsUnderTest
beforeAll(async () => {
  agents = await startAgents()
})
afterAll(() => agents.stop())

const newTenant = () => {
  const alice = testCaller({ role: 'admin', userId: 'alice', credential: 'gateway-token' })
  return { alice, bob: { ...alice, userId: 'bob' } }
}
const ask = async (caller: Caller, method: string, params: object = {}): Promise<Body> => {
  const asked = { method, paramsJson: JSON.stringify(params) }
  const { resultJson } = await agents.mesh.methods('agents').callMethod(agents.call(caller), asked)
  return JSON.parse(resultJson) as Body
}
const code = (wanted: string) => ({ code: wanted })
const make = (caller: Caller, more: object = {}) => ask(caller, 'agents.create', { name: 'Wren', ...more })
const read = async (caller: Caller, agent = 'wren') =>
  (await agents.request<Body>(caller, 'GET', `/v1/agents/${agent}`)).body
const update = (caller: Caller, changes: object) => ask(caller, 'agents.update', { agentId: 'wren', ...changes })
const remove = (caller: Caller, more: object = {}) => ask(caller, 'agents.delete', { agentId: 'wren', ...more })
const fileOf = async (caller: Caller, name: string, agentId = 'wren'): Promise<Body> =>
  (await ask(caller, 'agents.files.get', { agentId, name }))['file'] as Body
const setFile = (caller: Caller, name: string, content: string, more: object = {}) =>
  ask(caller, 'agents.files.set', { agentId: 'wren', name, content, ...more })

const expectOwnersOnly = async (act: (caller: Caller) => Promise<unknown>) => {
  const { alice, bob } = newTenant()
  await make(alice)
  await expect(act(bob)).rejects.toMatchObject(code('FORBIDDEN'))
  await expect(act(newTenant().alice)).rejects.toMatchObject(code('NOT_FOUND'))
  await act({ ...alice, userId: '' })
}

rule('agents.list.showsWhatMayBeUsed', async () => {
  const { alice, bob } = newTenant()
  await make(alice, { model: 'm', provider: 'p' })
  await make(alice, { name: 'Idle' })
  await ask(alice, 'agents.update', { agentId: 'idle', status: 'inactive' })
  const listed = async (caller: Caller) => (await ask(caller, 'agents.list'))['agents'] as Body[]
  const wren = (await listed(alice)).find(({ key }) => key === 'wren')
  const { id } = await read(alice)
  expect(wren).toEqual({
    ...{ id: 'wren', key: 'wren', uuid: id, name: 'Wren', model: 'm', provider: 'p' },
    ...{ agentType: 'open', status: 'active', isRunning: false },
  })
  expect((await listed(alice)).map(({ key }) => key as string).toSorted()).toEqual(['default', 'wren'])
  expect((await listed(bob)).map(({ key }) => key as string)).toEqual(['default'])
})

rule('agents.list.requiresUser', async () => {
  await expect(ask({ ...newTenant().alice, userId: '' }, 'agents.list')).rejects.toMatchObject(code('INVALID_REQUEST'))
})

rule('agents.create.derivesTheKey', async () => {
  const { alice } = newTenant()
  expect(await make(alice)).toMatchObject({ ok: true, agentId: 'wren', name: 'Wren' })
  await expect(make(alice)).rejects.toMatchObject(code('ALREADY_EXISTS'))
})

rule('agents.create.namesItsOwner', async () => {
  const { alice } = newTenant()
  const ownerOf = async (caller: Caller, name: string, more: object = {}) => {
    const { agentId } = await make(caller, { name, ...more })
    return (await read({ ...alice, userId: '' }, agentId as string))['owner_id'] as string
  }
  expect(await ownerOf(alice, 'One')).toBe('alice')
  expect(await ownerOf(alice, 'Two', { ownerIds: ['zoe', 'mia'] })).toBe('zoe')
  expect(await ownerOf({ ...alice, userId: '' }, 'Three')).toBe('system')
  const bound = { ...alice, userBound: true }
  await expect(make(bound, { owner_ids: ['zoe'] })).rejects.toMatchObject(code('FORBIDDEN'))
  expect(await ownerOf(bound, 'Four', { owner_ids: ['alice'] })).toBe('alice')
})

rule('agents.create.writesIdentity', async () => {
  const { alice } = newTenant()
  await make(alice, { emoji: 'E', avatar: 'a.png' })
  const { content } = await fileOf(alice, 'IDENTITY.md')
  for (const said of ['- **Name:** Wren', '- **Emoji:** E', '- **Avatar:** a.png']) expect(content).toContain(said)
  expect(await ask(alice, 'agent.identity.get', { agentId: 'wren' })).toMatchObject({ name: 'Wren', emoji: 'E' })
})

rule('agents.create.hasDefaults', async () => {
  const { alice } = newTenant()
  await make(alice, { agent_type: 'predefined', context_window: 1_000, other_config: { note: 'kept' } })
  expect(await read(alice)).toMatchObject({
    agent_type: 'predefined',
    context_window: 1_000,
    max_tool_iterations: 30,
    status: 'active',
    other_config: { note: 'kept' },
  })
  expect(await fileOf(alice, 'SOUL.md')).toMatchObject({ missing: false })
})

rule('agents.update.requiresOwnership', () => expectOwnersOnly((caller) => update(caller, { model: 'm' })))

rule('agents.update.changesWhatIsNamed', async () => {
  const { alice } = newTenant()
  await make(alice, { model: 'm', other_config: { a: 1 } })
  expect(await update(alice, { provider: 'p', model: '', status: '', other_config: { b: 2 } })).toEqual({
    ok: true,
    agentId: 'wren',
  })
  expect(await read(alice)).toMatchObject({ provider: 'p', model: 'm', status: 'active', other_config: { b: 2 } })
})

rule('agents.update.rewritesIdentity', async () => {
  const { alice } = newTenant()
  await make(alice, { avatar: 'a.png' })
  await update(alice, { name: 'Robin', avatar: 'b.png' })
  const { content } = await fileOf(alice, 'IDENTITY.md')
  expect(content).toMatch(/\*\*Name:\*\* Robin\n/)
  expect(content).toContain('- **Avatar:** b.png')
  expect(content).not.toContain('a.png')
})

rule('agents.delete.requiresOwnership', () => expectOwnersOnly((caller) => remove(caller)))

rule('agents.delete.keepsTheDefault', async () => {
  const owner = testCaller({ role: 'owner', userId: 'root', credential: 'gateway-token' })
  await expect(remove(owner, { agentId: 'default' })).rejects.toMatchObject(code('INVALID_REQUEST'))
  expect((await read(owner, 'default'))['agent_key']).toBe('default')
})

rule('agents.delete.removesFiles', async () => {
  const isThere = async (path: string) =>
    stat(path).then(
      () => true,
      () => false,
    )
  const { alice } = newTenant()
  const workspaceOf = async (name: string, more: object = {}) => {
    const { workspace } = await make(alice, { name, ...more })
    await mkdir(workspace as string, { recursive: true })
    await writeFile(join(workspace as string, 'note.txt'), 'x')
    return workspace as string
  }
  const own = await workspaceOf('Own')
  expect(await remove(alice, { agentId: 'own' })).toEqual({ ok: true, agentId: 'own', removedBindings: 0 })
  expect(await isThere(own)).toBe(false)

  const kept = await workspaceOf('Kept')
  await remove(alice, { agentId: 'kept', deleteFiles: false })
  expect(await isThere(kept)).toBe(true)

  const others = await workspaceOf('Other')
  await make(alice, { name: 'Thief', workspace: others })
  await remove(alice, { agentId: 'thief' })
  expect(await isThere(others)).toBe(true)
})

const expectReadable = async (method: string, params: object = {}) => {
  const { alice, bob } = newTenant()
  await make(alice)
  const as = (caller: Caller) => ask({ ...caller, role: 'viewer' }, method, { agentId: 'wren', ...params })
  expect((await as(alice))['agentId']).toBe('wren')
  await expect(as(bob)).rejects.toMatchObject(code('FORBIDDEN'))
  await expect(as(newTenant().alice)).rejects.toMatchObject(code('NOT_FOUND'))
}
rule('agents.files.list.needsAccess', () => expectReadable('agents.files.list'))
rule('agents.files.get.needsAccess', () => expectReadable('agents.files.get', { name: 'SOUL.md' }))

rule('agents.files.list.listsAllNames', async () => {
  const { alice } = newTenant()
  await make(alice)
  await setFile(alice, 'SOUL.md', 'é')
  const { files } = await ask(alice, 'agents.files.list', { agent_id: 'wren' })
  expect((files as Body[]).map(({ name, missing }) => [name, missing] as unknown)).toEqual([
    ['AGENTS.md', true],
    ['SOUL.md', false],
    ['IDENTITY.md', false],
    ['USER.md', true],
    ['USER_PREDEFINED.md', true],
    ['BOOTSTRAP.md', true],
    ['MEMORY.json', true],
    ['HEARTBEAT.md', true],
  ])
  expect((files as Body[])[1]).toEqual({ name: 'SOUL.md', missing: false, size: 2 })
})

rule('agents.files.get.tellsMissing', async () => {
  const { alice } = newTenant()
  await make(alice)
  expect(await fileOf(alice, 'SOUL.md')).toEqual({ name: 'SOUL.md', missing: true })
  for (const name of ['soul.md', '../SOUL.md', 'TEAM.md'])
    await expect(fileOf(alice, name)).rejects.toMatchObject(code('INVALID_REQUEST'))
})

rule('agents.files.set.requiresOwnership', () => expectOwnersOnly((caller) => setFile(caller, 'SOUL.md', 'x')))

rule('agents.files.set.actsAtOnce', async () => {
  const { alice } = newTenant()
  await make(alice)
  const says = async () => {
    const body = { model: 'goclaw:wren', messages: [{ role: 'user', content: 'hi' }] }
    const { status } = await agents.request({ ...alice, role: 'operator' }, 'POST', '/v1/chat/completions', body)
    expect(status).toBe(200)
    return agents.asked.at(-1)!.messages[0]!.content
  }
  await says()
  expect(await setFile(alice, 'SOUL.md', 'Be terse.')).toEqual({
    agentId: 'wren',
    file: { name: 'SOUL.md', missing: false, size: 9, content: 'Be terse.' },
    propagated: 0,
  })
  expect(await says()).toContain('Be terse.')
  expect(await setFile(alice, 'SOUL.md', '')).toMatchObject({ file: { missing: true } })
  expect(await says()).not.toContain('Be terse.')
})

rule('agents.files.set.propagates', async () => {
  const { alice } = newTenant()
  await make(alice)
  for (const user of ['bob', 'mia'])
    await agents.request(alice, 'PUT', `/v1/agents/wren/instances/${user}/files/USER.md`, { content: user })
  const copyOf = async (user: string) =>
    (await agents.request<Body>(alice, 'GET', `/v1/agents/wren/instances/${user}/files/USER.md`)).body[
      'content'
    ] as string
  expect(await setFile(alice, 'USER.md', 'all')).toMatchObject({ propagated: 0 })
  expect(await copyOf('bob')).toBe('bob')
  expect(await setFile(alice, 'USER.md', 'all', { propagate: true })).toMatchObject({ propagated: 2 })
  expect([await copyOf('bob'), await copyOf('mia')]).toEqual(['all', 'all'])
})

rule('agents.files.set.isAudited', async () => {
  const { alice } = newTenant()
  await make(alice)
  await setFile(alice, 'SOUL.md', 'x')
  expect(await agents.auditOf(alice.tenantId, 'agentFileSet')).toMatchObject({
    action: 'agent.file_set',
    data: { file: 'SOUL.md' },
  })
})

it.each([
  ['# I\n\n- **Name:** A\n- x', '# I\n\n- **Name:** B c\n- x'],
  ['Name: A\nName: D', '- **Name:** B c\nName: D'],
  ['# I\n\n', '# I\n- **Name:** B c\n'],
])('a line of IDENTITY.md is replaced, or added: %j', (before, after) => {
  expect(withIdentityLine(before, 'Name', ' B \n c ')).toBe(after)
})
