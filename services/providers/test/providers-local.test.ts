/** Ollama on this machine: usable where one person runs everything, a switch of the operator's elsewhere. */
import { implementRpc, loadConfigs, type RpcFunctions } from '@clawmesh/chassis'
import { createGuardedDispatcher } from '@clawmesh/chassis/fetch'
import { IdentityServiceService } from '@clawmesh/contracts/gen/clawmesh/identity/v1/identity.ts'
import { ProvidersServiceService } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import { TracesServiceService } from '@clawmesh/contracts/gen/clawmesh/traces/v1/traces.ts'
import type { FakeUpstream } from '../../../test/fakes/http-fake.ts'
import { fakeOpenAi } from '../../../test/fakes/openai.ts'
import { fakeRpc } from '../../../test/support/fake-rpc.ts'
import { startServices, testCaller, type ServiceHarness } from '../../../test/support/service-harness.ts'
import { chat } from '../src/chat/chat.ts'
import { localHosts } from '../src/providers/address.ts'
import { resolveLocal } from '../src/chat/local-machine.ts'
import { providersConfig, providersService } from '../src/index.ts'
import { chatRequest, collect, connectionTo, doneOf, errorOf, testOptions } from './support.ts'

let fake: FakeUpstream
beforeAll(async () => {
  fake = await fakeOpenAi({ text: 'from here' })
})
afterAll(() => fake.close())

const admin = testCaller({ role: 'admin' })
const blocked = { code: 'INVALID_REQUEST', error: expect.stringContaining('CLAWMESH_LOCAL_PROVIDERS') as string }

describe.each([
  // The harness runs as one process for one person does.
  { setting: 'auto', works: true },
  { setting: 'on', works: true },
  { setting: 'off', works: false },
])('with CLAWMESH_LOCAL_PROVIDERS=$setting', ({ setting, works }) => {
  let services: ServiceHarness
  beforeAll(async () => {
    const { providers: config } = loadConfigs({ providers: providersConfig }, { CLAWMESH_LOCAL_PROVIDERS: setting })
    const identity = { listSystemConfigs: async () => ({ values: {} }) }
    services = await startServices({
      services: { providers: (mesh) => providersService(mesh, config) },
      standIns: [
        {
          name: 'identity',
          rpc: [
            implementRpc(IdentityServiceService, identity as unknown as RpcFunctions<typeof IdentityServiceService>),
          ],
          parts: [],
        },
        fakeRpc(TracesServiceService, { listCappedUsage: async () => ({ capped: [] }) }),
      ],
      env: { CLAWMESH_FETCH_ALLOW: '' },
    })
  })
  afterAll(() => services.stop())

  const create = (fields: Record<string, unknown>) =>
    services.request(admin, 'POST', '/v1/providers', { provider_type: 'ollama', enabled: true, ...fields })

  it(`Ollama ${works ? 'is stored and answers' : 'is refused when it is stored, not at every call'}`, async () => {
    const { status, body } = await create({ name: 'local', api_base: fake.origin })
    if (!works) {
      expect([status, body]).toEqual([400, expect.objectContaining(blocked)])
      return
    }
    expect(status).toBe(201)
    const verdict = await services.request(admin, 'POST', `/v1/providers/${String(body['id'])}/verify`, { model: 'm' })
    expect(verdict.body).toEqual({ valid: true })
    const answer = await collect(
      services.rpc(ProvidersServiceService).chat(services.call(admin), chatRequest({ provider: 'local' })) as never,
    )
    expect(doneOf(answer).content).toBe('from here')
    const models = await services.request<{ models: unknown[] }>(
      admin,
      'GET',
      `/v1/providers/${String(body['id'])}/models`,
    )
    expect(models.body.models.length).toBeGreaterThan(0)
  })

  it.each(['', 'http://localhost:11434', 'http://[::1]:11434/v1', 'http://host.docker.internal:11434'])(
    'the address %p is treated alike',
    async (api_base) => {
      const { status, body } = await create({ name: 'elsewhere', ...(api_base === '' ? {} : { api_base }) })
      expect([status, body]).toEqual(works ? [201, expect.anything()] : [400, expect.objectContaining(blocked)])
    },
  )

  it('no other private address, and no other type, is let through', async () => {
    for (const api_base of ['http://10.0.0.1:11434', 'http://169.254.169.254', 'http://metadata.google.internal'])
      expect((await create({ name: 'private', api_base })).status).toBe(400)
    const other = await create({ name: 'other', provider_type: 'openai_compat', api_key: 'k', api_base: fake.base })
    expect(other.status).toBe(400)
  })
})

describe('a call', () => {
  const guarded = createGuardedDispatcher()
  const local = createGuardedDispatcher({ allow: localHosts })
  const around = createGuardedDispatcher({
    allow: localHosts,
    resolve: async () => [{ address: '127.0.0.1', family: 4 }],
  })
  afterAll(() => Promise.all([guarded, local, around].map((each) => each.destroy())))
  const call = (type: string, apiBase: string, fields = {}) =>
    collect(
      chat(connectionTo(apiBase, { type }), chatRequest(), {
        ...testOptions({ retry: { attempts: 1 } }),
        fetcher: guarded,
        localFetcher: local,
        ...fields,
      }),
    )

  it('of a local type leaves by the way that may stay here, of all others by the guarded one', async () => {
    expect(doneOf(await call('ollama', fake.origin)).content).toBe('from here')
    expect(errorOf(await call('openai_compat', fake.base)).key).toBe('error.url_blocked')
    expect(errorOf(await call('ollama', fake.origin, { localFetcher: undefined })).key).toBe('error.url_blocked')
  })

  it('from inside a container stays in it, where the machine around it has no name', async () => {
    const nameless = resolveLocal(async () => {
      throw Object.assign(new Error('not found'), { code: 'ENOTFOUND' })
    })
    expect(await nameless('host.docker.internal')).toContainEqual({ address: '127.0.0.1', family: 4 })
    await expect(nameless('elsewhere')).rejects.toThrow('not found')
  })

  it('from inside a container goes to the machine around it', async () => {
    const { port: own } = new URL(fake.origin)
    const got = await call('ollama', `http://localhost:${own}`, { localFetcher: around, inContainer: true })
    expect(doneOf(got).content).toBe('from here')
    expect(fake.requests.at(-1)!.headers['host']).toBe(`host.docker.internal:${own}`)
  })
})
