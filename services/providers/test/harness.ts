/** Providers over a real database, with an identity whose system configuration a test sets. */
import { createLifecycle, loadConfigs } from '@clawmesh/chassis'
import { MeshError, type Caller, type CloudEvent } from '@clawmesh/contracts'
import { IdentityServiceService } from '@clawmesh/contracts/gen/clawmesh/identity/v1/identity.ts'
import { ProvidersServiceService, type ChatRequest } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import {
  TracesServiceService,
  type CappedUsage,
  type ReserveUsageRequest,
  type SettleUsageRequest,
  type SumPoolActivityRequest,
} from '@clawmesh/contracts/gen/clawmesh/traces/v1/traces.ts'
import { consumeEvents } from '../../../test/support/events.ts'
import { fakeRpc } from '../../../test/support/fake-rpc.ts'
import { startServices, testCaller, type Answer, type ServiceHarness } from '../../../test/support/service-harness.ts'
import { providersConfig, providersService } from '../src/index.ts'
import { chatRequest, collect, type Collected } from './support.ts'

type Body = Record<string, unknown>

/** What traces says of usage caps, and what it is told. */
export interface FakeUsage {
  capped: CappedUsage[]
  /** Answers a reservation; true is what it says unless told otherwise. */
  reserve: (request: ReserveUsageRequest) => Promise<boolean> | boolean
  /** Throws while it cannot settle. */
  settle: () => void
  lists: number
  reserved: ReserveUsageRequest[]
  settled: SettleUsageRequest[]
}

export interface ProvidersHarness extends ServiceHarness {
  usage: FakeUsage
  /** System configuration by tenant. */
  configs: Map<string, Record<string, string>>
  events: CloudEvent[]
  /** What was asked of traces about pools so far; it answers with no calls. */
  poolSums: SumPoolActivityRequest[]
  /** Whether sums of pools fail. */
  traces: { areAway: boolean }
  admin: () => Caller
  post: (caller: Caller, fields?: Body) => Promise<Answer<Body>>
  /** Stores a provider of type openai_compat unless told otherwise, and gives its id. */
  create: (caller: Caller, fields?: Body) => Promise<string>
  get: (caller: Caller, id: string) => Promise<Body>
  put: (caller: Caller, id: string, fields: Body) => Promise<Answer<Body>>
  remove: (caller: Caller, id: string) => Promise<Answer<Body>>
  list: (caller: Caller) => Promise<Body[]>
  /** A chat with a provider by name. */
  chat: (caller: Caller, provider: string) => Promise<Collected>
  /** Another replica over the same database: its chats, and its end. */
  replica: () => Promise<Replica>
}

export interface Replica {
  chat: (caller: Caller, request: Partial<ChatRequest>) => Promise<Collected>
  stop: () => Promise<void>
}

const path = '/v1/providers'

/** @param env of the service's own configuration */
export const startProviders = async (env: Record<string, string> = {}): Promise<ProvidersHarness> => {
  const configs: ProvidersHarness['configs'] = new Map()
  const poolSums: SumPoolActivityRequest[] = []
  const traces = { areAway: false }
  const usage: FakeUsage = {
    capped: [],
    reserve: () => true,
    settle: () => undefined,
    lists: 0,
    reserved: [],
    settled: [],
  }
  const { providers: config } = loadConfigs({ providers: providersConfig }, env)
  const harness = await startServices({
    services: { providers: (mesh) => providersService(mesh, config) },
    standIns: [
      fakeRpc(IdentityServiceService, {
        listSystemConfigs: async ({ caller }) => ({ values: configs.get(caller.tenantId) ?? {} }),
      }),
      fakeRpc(TracesServiceService, {
        sumPoolActivity: async (_call, request) => {
          if (traces.areAway) throw new MeshError('UNAVAILABLE', 'error.shutting_down')
          poolSums.push(request)
          return { statsSampleSize: 0, providerCounts: [], recentRequests: [], topAgents: [] }
        },
        listCappedUsage: async () => {
          usage.lists++
          return { capped: usage.capped }
        },
        reserveUsage: async (_call, request) => {
          usage.reserved.push(request)
          return { reserved: await usage.reserve(request) }
        },
        settleUsage: async (_call, request) => {
          usage.settle()
          usage.settled.push(request)
          return { settled: true }
        },
      }),
    ],
  })
  const events: CloudEvent[] = []
  await consumeEvents(harness.bus, {
    durable: 'test',
    subject: 'mesh.events.*.providers.>',
    batchSize: 100,
    handle: async (batch) => void events.push(...batch),
  })
  const { request } = harness
  const post: ProvidersHarness['post'] = (caller, fields = {}) =>
    request(caller, 'POST', path, { name: 'main', provider_type: 'openai_compat', api_key: 'sk-stored', ...fields })
  return {
    ...harness,
    usage,
    configs,
    events,
    poolSums,
    traces,
    admin: () => testCaller({ role: 'admin' }),
    post,
    create: async (caller, fields) => {
      const { status, body } = await post(caller, fields)
      if (status !== 201) throw new Error(`creating answered ${status} ${JSON.stringify(body)}`)
      return String(body['id'])
    },
    get: async (caller, id) => (await request(caller, 'GET', `${path}/${id}`)).body,
    put: (caller, id, fields) => request(caller, 'PUT', `${path}/${id}`, fields),
    remove: (caller, id) => request(caller, 'DELETE', `${path}/${id}`),
    list: async (caller) => (await request<{ providers: Body[] }>(caller, 'GET', path)).body.providers,
    chat: (caller, provider) =>
      collect(
        harness
          .rpc(ProvidersServiceService)
          .chat(harness.call(caller), chatRequest({ provider, stream: false })) as never,
      ),
    replica: async () => {
      const service = providersService(harness.mesh, config)
      const life = createLifecycle(service.parts, harness.mesh.log)
      await life.start()
      const { chat } = service.rpc!.find(({ definition }) => definition === ProvidersServiceService)!.functions
      return {
        chat: (caller, request) => collect(chat!(harness.call(caller), chatRequest(request)) as never),
        stop: () => life.stop(),
      }
    },
  }
}
