import { rule } from '../../../test/support/rule.ts'
import { testCaller } from '../../../test/support/service-harness.ts'
import { startAgents, type AgentsUnderTest } from './stand-ins.ts'

type Body = Record<string, any>

let agents: AgentsUnderTest
beforeAll(async () => {
  agents = await startAgents()
})
afterAll(() => agents.stop())

const caller = testCaller({ role: 'viewer', userId: 'alice' })
const admin = { ...caller, role: 'admin' as const }
const get = (path: string, as = caller) => agents.request<Body>(as, 'GET', `/v1/models${path}`)
const create = async (agent_key: string, more: object = {}, as = admin) =>
  (await agents.request<Body>(as, 'POST', '/v1/agents', { agent_key, ...more })).body
const idsOf = async (as = caller) => (await get('', as)).body['data'].map(({ id }: Body) => id) as string[]

rule('listModels.listsUsableAgents', async () => {
  await get('')
  await create('older')
  await create('mine')
  await create('retired', { status: 'inactive' })
  await create('bobs', {}, { ...admin, userId: 'bob' })
  expect(await idsOf()).toEqual(['goclaw:mine', 'goclaw:older', 'goclaw:default'])
  expect(await idsOf({ ...caller, userId: 'bob' })).toEqual(['goclaw:bobs', 'goclaw:default'])
  expect(await idsOf(testCaller({ role: 'viewer', userId: 'alice' }))).toEqual(['goclaw:default'])
})

rule('listModels.isOpenAisShape', async () => {
  const { status, body } = await get('')
  expect(status).toBe(200)
  const now = Date.now() / 1000
  expect(body).toEqual({
    object: 'list',
    data: expect.arrayContaining([
      { id: 'goclaw:default', object: 'model', created: expect.any(Number), owned_by: caller.tenantSlug },
    ]),
  })
  const [{ created }] = body['data']
  expect(Number.isInteger(created)).toBe(true)
  expect(Math.abs(created - now)).toBeLessThan(3_600)
})

rule('listModels.showsWhatIsKnown', async () => {
  await create('seeing', { model: 'gpt-4o-2024-11-20' })
  const { body } = await get('')
  const shown = (body['data'] as { id: string }[]).find(({ id }) => id === 'goclaw:seeing')
  expect(shown).toMatchObject({ context_window: 128_000, max_output_tokens: 16_384, abilities: ['images', 'tools'] })
})

rule('getModel.findsByModelName', async () => {
  const { id } = await create('named')
  for (const ref of ['goclaw:named', 'agent:named', 'named', id, `goclaw:${id}`])
    expect((await get(`/${encodeURIComponent(ref)}`)).body).toMatchObject({ id: 'goclaw:named', object: 'model' })
  expect((await get('/goclaw%3A')).body).toMatchObject({ id: 'goclaw:default' })
})

rule('getModel.findsActiveAgents', async () => {
  await create('asleep', { status: 'inactive' })
  for (const ref of ['goclaw:asleep', 'goclaw:nobody', 'gpt-4o']) {
    const { status, body } = await get(`/${encodeURIComponent(ref)}`)
    expect([status, body['error'].type]).toEqual([404, 'not_found_error'])
  }
})

rule('listModels.speaksAnthropic', async () => {
  const { body } = await agents.request<Body>(caller, 'GET', '/v1/models', undefined, { 'anthropic-version': 'any' })
  const [first] = body['data']
  expect(first).toEqual({
    id: expect.stringMatching(/^goclaw:/),
    type: 'model',
    display_name: expect.stringMatching(/./),
    created_at: expect.stringMatching(/Z$/),
  })
  const ids = body['data'].map(({ id }: Body) => id)
  expect(ids).toEqual(await idsOf())
  expect(body).toMatchObject({ has_more: false, first_id: ids[0], last_id: ids.at(-1) })
})

rule('getModel.speaksAnthropic', async () => {
  const headers = { 'anthropic-version': '2023-06-01' }
  const { body } = await agents.request<Body>(caller, 'GET', '/v1/models/default', undefined, headers)
  expect(body).toMatchObject({ id: 'goclaw:default', type: 'model' })
})

rule('getModel.requiresAccess', async () => {
  await create('hers')
  expect((await get('/goclaw%3Ahers', { ...caller, userId: 'mallory' })).status).toBe(403)
})
