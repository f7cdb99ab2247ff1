/** The default agent of a tenant, as the services that act for it see it change. */
import { startAllInOne, type AllInOne, type TestTenant } from '../support/all-in-one.ts'
import { eventually } from '../support/eventually.ts'
import { rule } from '../support/rule.ts'

let mesh: AllInOne
let tenant: TestTenant

beforeAll(async () => {
  mesh = await startAllInOne()
  tenant = await mesh.makeTenant('defaults')
})
afterAll(() => mesh?.stop())

const call = async <B = { id: string; agent_id: string }>(method: string, path: string, body: object): Promise<B> => {
  const answer = await mesh.request<B>(method, path, { headers: tenant.as('admin', 'alice'), body })
  expect(answer.status).toBeLessThan(300)
  return answer.body
}
const remember = async (content: string) => (await call('POST', '/v1/memory', { content })).agent_id
/** Another service hears of a change through NATS. The limit is far below the minute that its cache would live without the news. */
const remembersFor = (agent: string) =>
  eventually('a memory of the new default agent', async () => (await remember('a fact')) === agent, 20_000)
const makeDefault = async (key: string) => (await call('POST', '/v1/agents', { agent_key: key, is_default: true })).id

rule('createAgent.replacesTheDefault', async () => {
  const before = await remember('a fact')
  const agent = await makeDefault('second')
  expect(agent).not.toBe(before)
  await remembersFor(agent)
})

rule('updateAgent.movesTheDefault', async () => {
  const third = await makeDefault('third')
  await remembersFor(await makeDefault('fourth'))
  await call('PUT', '/v1/agents/third', { is_default: true })
  await remembersFor(third)
})
