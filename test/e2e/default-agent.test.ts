/** The default agent of a tenant, as the services that act for it see it change. */
import { startAllInOne, type AllInOne, type TestTenant } from '../support/all-in-one.ts'
import { rule } from '../support/rule.ts'

let mesh: AllInOne
let tenant: TestTenant

beforeAll(async () => {
  mesh = await startAllInOne()
  tenant = await mesh.makeTenant('defaults')
})
afterAll(() => mesh?.stop())

const call = async <B = Record<string, string>>(method: string, path: string, body: object): Promise<B> => {
  const answer = await mesh.request<B>(method, path, { headers: tenant.as('admin', 'alice'), body })
  expect(answer.status).toBeLessThan(300)
  return answer.body
}
const remember = async (content: string) => (await call('POST', '/v1/memory', { content })).agent_id
const makeDefault = async (key: string) => (await call('POST', '/v1/agents', { agent_key: key, is_default: true })).id

rule('createAgent.replacesTheDefault', async () => {
  const before = await remember('for the first default')
  const agent = await makeDefault('second')
  expect(agent).not.toBe(before)
  expect(await remember('for the second')).toBe(agent)
})

rule('updateAgent.movesTheDefault', async () => {
  const first = await makeDefault('third')
  expect(await remember('for the third')).toBe(first)
  await call('PUT', '/v1/agents/second', { is_default: true })
  expect(await remember('for the second again')).not.toBe(first)
})
