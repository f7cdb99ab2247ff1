/** Rules about who may change an agent from a chat, over a real database. */
import { AgentsServiceService } from '@clawmesh/contracts/gen/clawmesh/agents/v1/agents.ts'
import type { Caller } from '@clawmesh/contracts'
import { rule } from '../../../test/support/rule.ts'
import { testCaller } from '../../../test/support/service-harness.ts'
import { createPermissionUseCases } from '../src/config-permissions/use-cases.ts'
import { startAgents, type AgentsUnderTest } from './stand-ins.ts'

type Body = Record<string, any>

let agents: AgentsUnderTest
beforeAll(async () => {
  agents = await startAgents()
})
afterAll(() => agents.stop())

const ask = async (caller: Caller, method: string, params: object): Promise<Body> => {
  const asked = { method: `config.permissions.${method}`, paramsJson: JSON.stringify(params) }
  const { resultJson } = await agents.mesh.methods('agents').callMethod(agents.call(caller), asked)
  return JSON.parse(resultJson) as Body
}
const named = { scope: 'group:telegram:-100', configType: 'file_writer', userId: 'bob' }
const list = async (caller: Caller, params: object = {}) =>
  (await ask(caller, 'list', { agentId: 'hers', ...params }))['permissions'] as Body[]
const grant = (caller: Caller, params: object = {}) =>
  ask(caller, 'grant', { agentId: 'hers', ...named, permission: 'allow', ...params })
const revoke = (caller: Caller, params: object = {}) => ask(caller, 'revoke', { agentId: 'hers', ...named, ...params })

/** The admin of a tenant in which somebody else has an agent called `hers`. */
const newTenant = async () => {
  const admin = testCaller({ role: 'admin', userId: 'carol', credential: 'gateway-token' })
  const alice = { ...admin, userId: 'alice' }
  const { body } = await agents.request<Body>(alice, 'POST', '/v1/agents', { agent_key: 'hers' })
  return { admin, agentId: body['id'] as string }
}

const expectIdOrKey = async (use: (caller: Caller, params: object) => Promise<unknown>) => {
  const { admin, agentId } = await newTenant()
  for (const known of [agentId, 'hers']) await use(admin, { agentId: known })
  const stranger = testCaller({ role: 'admin', credential: 'gateway-token' })
  await expect(use(stranger, { agentId })).rejects.toMatchObject({ code: 'NOT_FOUND' })
}

rule('config.permissions.list.takesIdOrKey', () => expectIdOrKey(list))
rule('config.permissions.list.narrowsToAKind', async () => {
  const { admin, agentId } = await newTenant()
  await grant(admin)
  await grant(admin, { configType: 'cron', userId: 'dora' })
  expect(await list(admin)).toMatchObject([
    { agentId, ...named, permission: 'allow', metadata: {} },
    { agentId, configType: 'cron', userId: 'dora' },
  ])
  expect((await list(admin, { configType: 'cron' })).map(({ userId }) => userId as string)).toEqual(['dora'])
})

rule('config.permissions.grant.takesIdOrKey', () => expectIdOrKey(grant))
rule('config.permissions.grant.replacesTheRule', async () => {
  const { admin } = await newTenant()
  await grant(admin, { metadata: { displayName: 'Bob' } })
  const [first] = await list(admin)
  await grant({ ...admin, userId: 'dora' }, { permission: 'deny' })
  const rules = await list(admin)
  expect(rules).toHaveLength(1)
  expect(rules[0]).toMatchObject({ id: first!['id'], permission: 'deny', grantedBy: 'dora', metadata: {} })
})
rule('config.permissions.grant.remembersTheGranter', async () => {
  const { admin } = await newTenant()
  await grant(admin)
  await grant(admin, { userId: 'dora', grantedBy: 'the boss' })
  expect((await list(admin)).map(({ grantedBy }) => grantedBy as string)).toEqual(['carol', 'the boss'])
})
rule('config.permissions.grant.readsOlderNames', async () => {
  const { admin } = await newTenant()
  const { scope, configType: key, userId: user_id } = named
  const older = { agent_id: 'hers', scope, key, user_id, permission: 'allow', granted_by: 'old' }
  expect(await ask(admin, 'grant', older)).toEqual({ ok: true })
  expect(await list(admin)).toMatchObject([{ ...named, grantedBy: 'old' }])
})
rule('config.permissions.grant.letsWriteInGroups', async () => {
  const { admin, agentId } = await newTenant()
  const mayWrite = async (userId: string, chatId = '-100') =>
    (
      await agents
        .rpc(AgentsServiceService)
        .checkFileWriter(agents.call(admin), { agentId, userId, channel: 'telegram', chatId })
    ).allowed
  await grant(admin, { configType: 'cron', userId: 'dora' })
  expect(await mayWrite('bob')).toBe(false)
  await grant(admin)
  expect([await mayWrite('bob'), await mayWrite('bob', '-200'), await mayWrite('dora')]).toEqual([true, false, false])
  await grant(admin, { scope: 'group:*', userId: '*' })
  expect([await mayWrite('bob', '-200'), await mayWrite('dora')]).toEqual([true, true])
  await grant(admin, { permission: 'deny' })
  expect([await mayWrite('bob'), await mayWrite('bob', '-200')]).toEqual([false, true])
  // The system itself.
  expect(await mayWrite('')).toBe(true)
})
rule('config.permissions.grant.isAudited', async () => {
  const { admin, agentId } = await newTenant()
  await grant(admin)
  const [{ id } = {}] = await list(admin)
  expect(await agents.auditOf(admin.tenantId, 'configPermissionGranted')).toMatchObject({
    action: 'config_permission.granted',
    data: { id, agentId, ...named, actorId: 'carol' },
  })
})

rule('config.permissions.revoke.takesIdOrKey', () => expectIdOrKey(revoke))
rule('config.permissions.revoke.removesTheRule', async () => {
  const { admin } = await newTenant()
  await grant(admin)
  await grant(admin, { userId: 'dora' })
  expect(await revoke(admin, { userId: 'nobody' })).toEqual({ ok: true })
  expect(await revoke(admin)).toEqual({ ok: true })
  expect((await list(admin)).map(({ userId }) => userId as string)).toEqual(['dora'])
  // The first record is of the rule that was there.
  expect(await agents.auditOf(admin.tenantId, 'configPermissionRevoked')).toMatchObject({ data: { userId: 'bob' } })
})
rule('config.permissions.revoke.isAudited', async () => {
  const { admin, agentId } = await newTenant()
  await grant(admin)
  await revoke(admin)
  expect(await agents.auditOf(admin.tenantId, 'configPermissionRevoked')).toMatchObject({
    action: 'config_permission.revoked',
    data: { agentId, ...named, actorId: 'carol' },
  })
})

test('rules that cannot be read keep no file writer of a group from writing', async () => {
  const warnings: string[] = []
  const { isFileWriter } = createPermissionUseCases({
    rowsOf: () => ({
      list: () => Promise.reject(new Error('the database is away')),
      put: () => Promise.reject(new Error('unused')),
      remove: () => Promise.reject(new Error('unused')),
    }),
    requireAgent: () => Promise.reject(new Error('unused')),
    log: { warn: (_: unknown, text?: string) => void warnings.push(text!) },
  })
  const where = { channel: 'telegram', chatId: '-100', peerKind: 'group' }
  expect(await isFileWriter('tenant', 'agent', { userId: 'bob', ...where })).toBe(true)
  expect(warnings).toEqual(['who may change an agent could not be read'])
})
