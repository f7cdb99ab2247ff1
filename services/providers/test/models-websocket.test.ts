/** The models of a tenant's providers over WebSocket, from a fake vendor. */
import type { Caller } from '@clawmesh/contracts'
import type { FakeUpstream } from '../../../test/fakes/http-fake.ts'
import { fakeOpenAi } from '../../../test/fakes/openai.ts'
import { rule } from '../../../test/support/rule.ts'
import { startProviders, type ProvidersHarness } from './harness.ts'

let providers: ProvidersHarness
let fake: FakeUpstream
let admin: Caller
beforeAll(async () => {
  fake = await fakeOpenAi()
  providers = await startProviders()
})
beforeEach(() => {
  admin = providers.admin()
  fake.requests.length = 0
})
afterAll(async () => {
  await providers.stop()
  await fake.close()
})

interface Models {
  name: string
  models: { id: string; name: string }[]
}
const method = async <R>(name: string, params: object = {}, caller = admin): Promise<R> => {
  const { resultJson } = await providers.mesh
    .methods('providers')
    .callMethod(providers.call({ ...caller, role: 'viewer', credential: 'gateway-token' }), {
      method: name,
      paramsJson: JSON.stringify(params),
    })
  return JSON.parse(resultJson) as R
}
const models = async (params?: object, caller?: Caller) =>
  (await method<{ providers: Models[] }>('providers.models', params, caller)).providers
const onFake = (name: string, fields: Record<string, unknown> = {}) =>
  providers.create(admin, { name, api_base: fake.base, ...fields })

rule('providers.models.listsEnabledProviders', async () => {
  const id = await onFake('vendor')
  await onFake('off', { enabled: false })
  await providers.create(admin, { name: 'fixed', provider_type: 'acp', api_key: '' })
  const listed = await models()
  expect(listed.map(({ name }) => name)).toEqual(['fixed', 'vendor'])
  const { body } = await providers.request(admin, 'GET', `/v1/providers/${id}/models`)
  const overHttp = body['models'] as { id: string; name?: string }[]
  expect(listed[1]!.models).toEqual(overHttp.map((model) => ({ id: model.id, name: model.name || model.id })))
  expect(await models({}, providers.admin())).toEqual([])
})

rule('providers.models.isEmptyWhereAProviderFails', async () => {
  await onFake('fails')
  await providers.create(admin, { name: 'fixed', provider_type: 'acp', api_key: '' })
  await onFake('keyless', { api_key: '' })
  fake.next({ status: 500 })
  const listed = await models()
  expect(listed).toMatchObject([{ name: 'fails', models: [] }, { name: 'fixed' }, { name: 'keyless', models: [] }])
  expect(listed[1]!.models.length).toBeGreaterThan(0)
})

rule('providers.models.narrowsToAProvider', async () => {
  await onFake('one')
  await onFake('two')
  expect((await models({ provider: 'two' })).map(({ name }) => name)).toEqual(['two'])
  expect(await models({ provider: 'three' })).toEqual([])
})

rule('providers.models.asksVendorsSeldom', async () => {
  const id = await onFake('vendor')
  const [first, second] = await Promise.all([models(), models()])
  expect(second).toEqual(first)
  await method('models.list')
  expect(fake.requests).toHaveLength(1)
  await providers.put(admin, id, { display_name: 'changed' })
  await models()
  expect(fake.requests).toHaveLength(2)
})

rule('models.list.flattensThem', async () => {
  await onFake('vendor')
  await providers.create(admin, { name: 'fixed', provider_type: 'acp', api_key: '' })
  const flat = (await models()).flatMap(({ name, models: own }) => own.map((model) => ({ ...model, provider: name })))
  expect(await method('models.list')).toEqual({ models: flat })
  expect(new Set(flat.map(({ provider }) => provider)).size).toBe(2)
})
