/**
 * A service that hears of a change before its owner's cache does asks the owner at once, and keeps the answer. Here the
 * owners' caches never hear of anything, which is the same order for ever.
 */
import { createCache, loadConfigs, type Call, type CacheOptions, type Mesh, type Service } from '@clawmesh/chassis'
import { masterTenantId } from '@clawmesh/contracts'
import { AgentsServiceService } from '@clawmesh/contracts/gen/clawmesh/agents/v1/agents.ts'
import { IdentityServiceService } from '@clawmesh/contracts/gen/clawmesh/identity/v1/identity.ts'
import { ProvidersServiceService } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import { ToolsServiceService } from '@clawmesh/contracts/gen/clawmesh/tools/v1/tools.ts'
import { agentsConfig, agentsService } from '../../services/agents/src/index.ts'
import { createAgentDirectory } from '../../services/memory/src/agents/directory.ts'
import { hashingAlone } from '../../services/memory/src/embeddings/built-in.ts'
import { createEmbedder } from '../../services/memory/src/embeddings/embedder.ts'
import { providersConfig, providersService } from '../../services/providers/src/index.ts'
import { toolsConfig, toolsService } from '../../services/tools/src/index.ts'
import { fakeOpenAi } from '../fakes/openai.ts'
import { fakeRpc } from '../support/fake-rpc.ts'
import { startServices, testCaller, type ServiceHarness } from '../support/service-harness.ts'

const { agents, providers, tools } = loadConfigs(
  { agents: agentsConfig, providers: providersConfig, tools: toolsConfig },
  {},
)
const configs: Record<string, string> = {}
const caller = testCaller({ role: 'admin' })
let upstream: Awaited<ReturnType<typeof fakeOpenAi>>
let harness: ServiceHarness
let call: Call

/** The mesh with caches that keep everything and hear of nothing. */
const deaf = (mesh: Mesh): Mesh => ({
  ...mesh,
  cache: (kinds, max) =>
    createCache({
      kinds: [kinds].flat() as unknown as CacheOptions['kinds'],
      max,
      ttlMs: 600_000,
      bus: { ...mesh.bus, subscribe: () => () => undefined },
    }),
})
const owner = (build: (mesh: Mesh) => Service) => (mesh: Mesh) => build(deaf(mesh))

beforeAll(async () => {
  upstream = await fakeOpenAi()
  harness = await startServices({
    services: {
      agents: owner((mesh) => agentsService(mesh, agents)),
      providers: owner((mesh) => providersService(mesh, providers)),
      tools: owner((mesh) => toolsService(mesh, tools)),
    },
    standIns: [fakeRpc(IdentityServiceService, { listSystemConfigs: async () => ({ values: { ...configs } }) })],
    env: { CLAWMESH_LOCAL_PROVIDERS: 'true' },
  })
  call = harness.call(caller)
})
afterAll(() => Promise.all([harness.stop(), upstream.close()]))

const send = async (method: string, path: string, body?: object, as = caller): Promise<string> => {
  const answer = await harness.request<{ id: string }>(as, method, path, body)
  expect(answer.status).toBeLessThan(300)
  return answer.body.id
}

it('memory keeps no agent that has been deleted, nor the settings that it had', async () => {
  const findAgent = createAgentDirectory(harness.mesh)
  const cached = () => harness.rpc(AgentsServiceService).resolveAgent(call, { agent: 'writer' })
  const id = await send('POST', '/v1/agents', { agent_key: 'writer', provider: 'p', model: 'm' })
  expect((await cached()).found).toBe(true)
  expect((await findAgent(call, 'writer')).settings.embeddingModel).toBe('')
  await send('PUT', `/v1/agents/${id}`, { memory_config: { embedding_model: 'another' } })
  expect((await findAgent(call, 'writer')).settings.embeddingModel).toBe('another')
  await send('DELETE', `/v1/agents/${id}`)
  expect((await cached()).found).toBe(true)
  await expect(findAgent(call, 'writer')).rejects.toMatchObject({ code: 'NOT_FOUND' })
})

it("memory keeps the space of the provider and model that are set now, by the provider's settings or the tenant's", async () => {
  const { spaceOf } = createEmbedder(harness.mesh, hashingAlone)
  const wish = { provider: '', model: '' }
  const id = await send('POST', '/v1/providers', {
    name: 'vectors',
    provider_type: 'openai_compat',
    api_base: upstream.base,
    api_key: 'sk-x',
    settings: { embedding: { enabled: true, model: 'first' } },
  })
  const cached = () =>
    harness.rpc(ProvidersServiceService).embed(call, { texts: ['x'], provider: '', model: '', dimensions: 0 })
  expect((await cached()).model).toBe('first')
  expect(await spaceOf(call, wish)).toMatchObject({ model: 'first' })
  await send('PUT', `/v1/providers/${id}`, { settings: { embedding: { enabled: true, model: 'second' } } })
  expect((await cached()).model).toBe('first')
  expect(await spaceOf(call, wish)).toMatchObject({ model: 'second' })
  configs['embedding.model'] = 'third'
  harness.bus.signal('mesh.cache.system_configs', { kind: 'system_configs', tenantId: caller.tenantId })
  expect((await cached()).model).toBe('first')
  expect(await spaceOf(call, wish)).toMatchObject({ model: 'third' })
})

it('agents are given the tools as they are set now', async () => {
  const listed = async () =>
    (
      await harness.rpc(ToolsServiceService).listTools(call, { agentId: '', toolsConfigJson: '', userId: '' })
    ).tools.map(({ name }) => name)
  expect(await listed()).toContain('web_fetch')
  await send(
    'PUT',
    '/v1/tools/builtin/web_fetch',
    { enabled: false },
    testCaller({ role: 'owner', tenantId: masterTenantId }),
  )
  expect(await listed()).not.toContain('web_fetch')
  configs['tools.profile'] = 'minimal'
  expect(await listed()).toEqual(['session_status'])
})
