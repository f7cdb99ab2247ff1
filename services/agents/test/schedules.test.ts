/** What agents do at set times as their own tools manage it: of this agent and this user, within bounds. */
import { randomUUID } from 'node:crypto'
import { SchedulesServiceService } from '@clawmesh/contracts/gen/clawmesh/agents/v1/schedules.ts'
import type { Caller } from '@clawmesh/contracts'
import { verdictOf } from '../src/config-permissions/verdict.ts'
import { mostJobsOfAgent } from '../src/cron/rows-of-agent.ts'
import { testCaller } from '../../../test/support/service-harness.ts'
import { startAgents, type AgentsUnderTest } from './stand-ins.ts'

type Body = Record<string, any>

let agents: AgentsUnderTest
beforeAll(async () => {
  // Nothing that is due is done here.
  agents = await startAgents({ CLAWMESH_CRON_TICK_MS: '600000' })
})
afterAll(() => agents.stop())

/** The owner of an agent in a new tenant, and somebody with whom it is shared. */
const tenant = async () => {
  const alice = testCaller({ role: 'operator', userId: 'alice', credential: 'gateway-token' })
  const admin = { ...alice, role: 'admin' as const }
  const { body } = await agents.request<Body>(admin, 'POST', '/v1/agents', { agent_key: 'helper' })
  await agents.request(admin, 'POST', '/v1/agents', { agent_key: 'other' })
  await agents.request(admin, 'POST', '/v1/agents/helper/shares', { user_id: 'bob' })
  return { alice, admin, bob: { ...alice, userId: 'bob' }, agentId: body['id'] as string }
}

const direct = { agentId: 'helper', channel: 'ws', chatId: '1', peerKind: 'direct' }
const manage = async (caller: Caller, operation: string, params: object = {}, where: object = {}): Promise<Body> => {
  const asked = { ...direct, userId: caller.userId, operation, paramsJson: JSON.stringify(params), ...where }
  const { resultJson } = await agents.rpc(SchedulesServiceService).manageSchedule(agents.call(caller), asked)
  return JSON.parse(resultJson) as Body
}
const overWs = async (caller: Caller, method: string, params: object): Promise<Body> => {
  const asked = { method, paramsJson: JSON.stringify(params) }
  return JSON.parse((await agents.mesh.methods('agents').callMethod(agents.call(caller), asked)).resultJson) as Body
}
const daily = { name: 'digest', schedule: { kind: 'cron', expr: '0 9 * * *', tz: 'UTC' }, message: 'good morning' }
const add = async (caller: Caller, fields: object = {}, where: object = {}): Promise<Body> =>
  (await manage(caller, 'cron.create', { ...daily, ...fields }, where))['job'] as Body
const refused = (code: string) => expect.objectContaining({ code })

describe('jobs', () => {
  test('belong to the agent and the user who talks with it, whatever the params name', async () => {
    const { alice, bob, agentId } = await tenant()
    const job = await add(bob, { agentId: 'other', userId: 'alice' })
    expect(job).toMatchObject({ agentId, userId: 'bob', name: 'digest' })
    const moved = await manage(bob, 'cron.update', { jobId: job['id'], patch: { agentId: 'other', name: 'later' } })
    expect(moved['job']).toMatchObject({ agentId, name: 'later' })
    expect((await overWs(bob, 'cron.list', {}))['jobs']).toMatchObject([{ id: job['id'] }])
    expect((await overWs(alice, 'cron.list', {}))['jobs']).toEqual([])
  })

  test('of another user, of another agent and those that are not there are alike', async () => {
    const { alice, bob } = await tenant()
    const own = await add(bob)
    const ofAnotherAgent = (await overWs(bob, 'cron.create', daily))['job'] as Body
    const ofAnotherUser = await add(alice)
    for (const jobId of [ofAnotherAgent['id'], ofAnotherUser['id'], randomUUID()]) {
      for (const method of ['cron.update', 'cron.delete', 'cron.status'])
        await expect(manage(bob, method, { jobId, name: 'x' })).rejects.toThrow(refused('NOT_FOUND'))
      await expect(manage(bob, 'cron.run', { jobId })).rejects.toThrow(refused('INVALID_REQUEST'))
      expect(await manage(bob, 'cron.runs', { jobId })).toEqual({ entries: [], total: 0 })
    }
    const { jobs, status } = await manage(bob, 'cron.list')
    expect([jobs, status]).toMatchObject([[{ id: own['id'] }], { jobs: 1 }])
    expect(await manage(bob, 'cron.run', { jobId: own['id'] })).toEqual({ ok: true, ran: true })
    expect(await manage(bob, 'cron.delete', { jobId: own['id'] })).toEqual({ deleted: true })
  })

  test('run at most once a minute, and there are no more than an agent may have for a user', async () => {
    const { alice, bob } = await tenant()
    const often = { schedule: { kind: 'every', everyMs: 59_999 } }
    await expect(add(bob, often)).rejects.toThrow(refused('INVALID_REQUEST'))
    const job = await add(bob)
    await expect(manage(bob, 'cron.update', { jobId: job['id'], ...often })).rejects.toThrow(refused('INVALID_REQUEST'))
    // All but one.
    await agents.mesh.database('agents').pool.query(
      `INSERT INTO agents.cron_jobs (id, tenant_id, agent_id, user_id, name, enabled, schedule, message, delete_after_run,
         stateless, deliver, deliver_channel, deliver_to, wake_heartbeat)
       SELECT gen_random_uuid(), tenant_id, agent_id, user_id, name, false, schedule, message, delete_after_run,
         stateless, deliver, deliver_channel, deliver_to, wake_heartbeat
       FROM agents.cron_jobs, generate_series(1, $2) WHERE id = $1`,
      [job['id'], mostJobsOfAgent - 2],
    )
    const asked = await Promise.allSettled([add(bob), add(bob)])
    expect(asked.filter(({ status }) => status === 'rejected')).toMatchObject([{ reason: refused('ALREADY_EXISTS') }])
    await expect(add(alice)).resolves.toMatchObject({ userId: 'alice' })
  })

  test('are not made by turns that a schedule has begun, which may end their own', async () => {
    const { bob } = await tenant()
    const job = await add(bob)
    for (const channel of ['cron', 'heartbeat']) {
      await expect(add(bob, {}, { channel })).rejects.toThrow(refused('FORBIDDEN'))
      await expect(manage(bob, 'cron.run', { jobId: job['id'] }, { channel })).rejects.toThrow(refused('FORBIDDEN'))
      const patch = { enabled: true, schedule: { kind: 'every', everyMs: 60_000 } }
      const moved = manage(bob, 'cron.update', { jobId: job['id'], patch }, { channel })
      await expect(moved).rejects.toThrow(refused('FORBIDDEN'))
    }
    expect(await manage(bob, 'cron.delete', { jobId: job['id'] }, { channel: 'cron' })).toEqual({ deleted: true })
  })

  test('need access to the agent, a role that may change things, and no rule that denies it', async () => {
    const { admin, bob } = await tenant()
    await expect(add({ ...bob, userId: 'eve' })).rejects.toThrow(refused('FORBIDDEN'))
    await expect(add({ ...bob, role: 'viewer' })).rejects.toThrow(refused('FORBIDDEN'))
    await expect(add(bob, {}, { agentId: randomUUID() })).rejects.toThrow(refused('NOT_FOUND'))
    await expect(manage(bob, 'sessions.list')).rejects.toThrow(refused('INVALID_REQUEST'))
    const rule = { agentId: 'helper', scope: 'group:*', configType: 'cron', userId: '*', permission: 'deny' }
    await overWs(admin, 'config.permissions.grant', rule)
    await expect(add(bob, {}, { peerKind: 'group' })).rejects.toThrow(refused('FORBIDDEN'))
    await expect(add(bob)).resolves.toMatchObject({ userId: 'bob' })
  })
})

describe('the heartbeat', () => {
  test('is changed for the owner of the agent, and for whom a rule allows to', async () => {
    const { alice, admin, bob, agentId } = await tenant()
    const set = (caller: Caller) => manage(caller, 'heartbeat.set', { agentId: 'other', intervalSec: 600 })
    await expect(set(bob)).rejects.toThrow(refused('FORBIDDEN'))
    expect(await manage(bob, 'heartbeat.get')).toEqual({ heartbeat: null })
    expect((await set(alice))['heartbeat']).toMatchObject({ agentId, intervalSec: 600, enabled: false })
    const rule = { agentId: 'helper', scope: 'agent', configType: 'heartbeat', userId: 'bob', permission: 'allow' }
    await overWs(admin, 'config.permissions.grant', rule)
    expect(await manage(bob, 'heartbeat.toggle', { enabled: true })).toEqual({ agentId, enabled: true })
    await manage(bob, 'heartbeat.checklist.set', { content: '- mail' })
    expect(await manage(alice, 'heartbeat.checklist.get')).toEqual({ content: '- mail' })
  })

  test('is not begun by a turn that a schedule has begun', async () => {
    const { alice } = await tenant()
    await manage(alice, 'heartbeat.set', {})
    for (const [operation, params] of [
      ['heartbeat.test', {}],
      ['heartbeat.toggle', { enabled: true }],
      ['heartbeat.set', { intervalSec: 300 }],
    ] as const)
      await expect(manage(alice, operation, params, { channel: 'cron' })).rejects.toThrow(refused('FORBIDDEN'))
    await manage(alice, 'heartbeat.checklist.set', { content: '- done' }, { channel: 'heartbeat' })
  })
})

describe('a rule about who may change an agent', () => {
  const wish = { configType: 'cron', scope: 'group:telegram:1', userId: 'bob' } as const
  const said = (...rules: [userId: string, permission: 'allow' | 'deny', scope?: string, configType?: string][]) =>
    verdictOf(
      rules.map(([userId, permission, scope = '*', configType = '*']) => ({ userId, permission, scope, configType })),
      wish,
    )
  test('about the user goes before one about everybody, and one that denies before one that allows', () => {
    expect(said()).toBeUndefined()
    expect(said(['*', 'allow'], ['*', 'deny'])).toBe('deny')
    expect(said(['*', 'deny'], ['bob', 'allow'])).toBe('allow')
    expect(said(['bob', 'allow'], ['bob', 'deny', 'agent'], ['*', 'allow'])).toBe('deny')
    expect(said(['eve', 'allow'])).toBeUndefined()
  })
  test('holds where its scope and kind do', () => {
    for (const scope of ['*', 'agent', 'group:*', 'group:telegram:*', 'group:telegram:1'])
      expect([scope, said(['bob', 'deny', scope])]).toEqual([scope, 'deny'])
    for (const scope of ['group:telegram:2', 'group:slack:*', 'grou'])
      expect([scope, said(['bob', 'deny', scope])]).toEqual([scope, undefined])
    expect(said(['bob', 'deny', '*', 'heartbeat'])).toBeUndefined()
  })
})
