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
