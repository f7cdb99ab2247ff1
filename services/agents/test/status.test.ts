import { testCaller } from '../../../test/support/service-harness.ts'
import { StatusServiceService } from '@clawmesh/contracts/gen/clawmesh/agents/v1/status.ts'
import { rule } from '../../../test/support/rule.ts'
import { startAgents, type AgentsUnderTest } from './stand-ins.ts'

let agents: AgentsUnderTest
beforeAll(async () => {
  agents = await startAgents()
})
afterAll(() => agents.stop())

rule('status.showsRunningAgents', async () => {
  const admin = testCaller({ role: 'admin', userId: 'alice' })
  for (const agent_key of ['idle', 'busy'])
    await agents.request(admin, 'POST', '/v1/agents', { agent_key, model: 'gpt-4o' })
  for (const agent of ['idle', 'busy'])
    await agents.request(admin, 'POST', `/v1/agents/${agent}/wake`, { message: 'hi' })
  const status = () => agents.rpc(StatusServiceService).getStatus(agents.call(admin), {})
  const { body } = await agents.request<{ agents: object[] }>(admin, 'GET', '/v1/agents')
  expect(await status()).toEqual({ running: [], agents: body.agents.length, sessions: 2 })

  await agents.mesh.database('agents').pool.query(
    `UPDATE agents.sessions s SET lease_run_id = gen_random_uuid() FROM agents.agents a
     WHERE a.id = s.agent_id AND a.tenant_id = $1 AND a.agent_key = 'busy'`,
    [admin.tenantId],
  )
  expect((await status()).running).toEqual([{ agentKey: 'busy', model: 'gpt-4o' }])
  const stranger = testCaller({ role: 'admin' })
  expect(await agents.rpc(StatusServiceService).getStatus(agents.call(stranger), {})).toMatchObject({
    running: [],
    sessions: 0,
  })
})

test('runs that are on are told of, and called what their traces will be', async () => {
  const [admin, stranger] = [testCaller({ role: 'admin', userId: 'alice' }), testCaller({ role: 'admin' })]
  await agents.request(admin, 'POST', '/v1/agents', { agent_key: 'helper' })
  for (const message of ['first', 'second', 'third'])
    await agents.request(admin, 'POST', '/v1/agents/helper/wake', { message })
  const none = { runId: '', agentId: '', userId: '', sessionKey: '', channel: '' }
  const running = async (filter: Partial<typeof none> = {}, caller = admin) =>
    (await agents.rpc(StatusServiceService).listRunning(agents.call(caller), { ...none, ...filter })).runs
  expect(await running()).toEqual([])

  // The first is a heartbeat, and the third has ended.
  await agents.mesh.database('agents').pool.query(
    `UPDATE agents.runs SET status = 'running', lease_until = now() + interval '1 hour',
       channel = CASE input_preview WHEN 'first' THEN 'heartbeat' ELSE channel END
     WHERE tenant_id = $1 AND input_preview IN ('first', 'second')`,
    [admin.tenantId],
  )
  const [second, first] = await running()
  expect(second).toMatchObject({ name: 'chat helper', input: 'second', userId: 'alice' })
  expect(first).toMatchObject({ name: 'Heartbeat [helper]', input: 'first', channel: 'heartbeat' })
  expect(second!.startedAtMs).toBeGreaterThan(first!.startedAtMs)
  const { runId, agentId, sessionKey } = second!
  for (const filter of [{ runId }, { sessionKey }, { channel: second!.channel }])
    expect(await running(filter)).toEqual([second])
  expect(await running({ agentId, userId: 'alice' })).toEqual([second, first])
  for (const filter of [{ runId: 'odd' }, { agentId: runId }, { userId: 'bob' }])
    expect(await running(filter)).toEqual([])
  expect(await running({}, stranger)).toEqual([])

  // One that has just ended is found by its id alone, as its trace may not be stored yet.
  const end = (ago: string) =>
    agents.mesh
      .database('agents')
      .pool.query(`UPDATE agents.runs SET status = 'completed', ended_at = now() - $2::interval WHERE id = $1`, [
        runId,
        ago,
      ])
  await end('5 seconds')
  expect(await running()).toEqual([first])
  expect(await running({ runId })).toEqual([second])
  expect(await running({ runId }, stranger)).toEqual([])
  await end('2 minutes')
  expect(await running({ runId })).toEqual([])
})
