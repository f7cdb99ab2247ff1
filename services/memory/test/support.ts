/** The memory service over the embedded PostgreSQL with pgvector, with agents, providers and identity standing in. */
import { AgentsServiceService } from '@clawmesh/contracts/gen/clawmesh/agents/v1/agents.ts'
import { IdentityServiceService } from '@clawmesh/contracts/gen/clawmesh/identity/v1/identity.ts'
import {
  ProvidersServiceService,
  type ChatRequest,
  type ChatResponse,
  type EmbedRequest,
  type EmbedResponse,
} from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import type { Caller } from '@clawmesh/contracts'
import { evict, implementRpc, loadConfigs, newId, type Call, type Database } from '@clawmesh/chassis'
import { startMigratedPglite } from '../../../test/support/pglite.ts'
import { fakeRpc } from '../../../test/support/fake-rpc.ts'
import { startServices, type ServiceHarness } from '../../../test/support/service-harness.ts'
import { memoryConfig, memoryService } from '../src/index.ts'
import { featureHash } from '../src/embeddings/feature-hashing.ts'

interface StandInAgent {
  id: string
  key: string
  memoryConfig: Record<string, unknown>
  shareMemory: boolean
  shareKnowledgeGraph: boolean
  isDefault: boolean
  /** Whether callers may use it. */
  hasAccess: boolean
}

/** What the providers service answers; tests replace `embed`. */
export interface StandInProviders {
  embed: (call: Call, request: EmbedRequest) => Promise<EmbedResponse>
  /** The texts of every call so far. */
  asked: string[][]
  /** What a model answers; tests replace it. */
  chat: (request: ChatRequest) => AsyncIterable<ChatResponse>
}

export interface MemoryHarness extends ServiceHarness {
  /** The service's tables, for what no route shows. */
  database: Database
  providers: StandInProviders
  /** The system config of every tenant. */
  systemConfig: Record<string, string>
  /** Makes an agent known in a caller's tenant, under its id and its key. */
  addAgent: (caller: Caller, overrides?: Partial<StandInAgent>) => StandInAgent
}

export const noProvider = async (): Promise<EmbedResponse> => ({
  configured: false,
  vectors: [],
  provider: '',
  model: '',
})

/** A model that answers a text, cut or not. */
export async function* modelSays(content: string, finishReason = 'stop'): AsyncIterable<ChatResponse> {
  const done = { content, finishReason, thinking: '', toolCalls: [], usage: undefined, providerState: '' }
  yield { event: { $case: 'done', value: { ...done, provider: 'test', model: 'test' } } }
}

/** The built-in vector of a text, folded or repeated to another width: similar texts stay near each other. */
const hashedTo = (dims: number, text: string): number[] => {
  const values = new Array<number>(dims).fill(0)
  featureHash(text).forEach((value, index) => {
    values[index % dims]! += value
  })
  return values.map((value, index) => (index < 256 ? value : values[index % 256]!))
}

/** A provider whose vectors have a width. */
export const providerOfWidth =
  (dims: number, model = `model-${dims}`) =>
  async (_call: Call, { texts }: EmbedRequest): Promise<EmbedResponse> => ({
    configured: true,
    provider: 'test',
    model,
    vectors: texts.map((text) => ({ values: hashedTo(dims, text) })),
  })

/** Starts all of it; `env` configures the service. A database that is given is migrated, and stays. */
export const startMemory = async (
  env: Record<string, string> = {},
  embed: StandInProviders['embed'] = noProvider,
  databaseUrl?: string,
): Promise<MemoryHarness> => {
  const database =
    databaseUrl === undefined
      ? await startMigratedPglite(['memory'])
      : { url: databaseUrl, stop: async () => undefined }
  const agents = new Map<string, StandInAgent[]>()
  const providers: StandInProviders = { embed, asked: [], chat: () => modelSays('{}') }
  const systemConfig: Record<string, string> = {}
  const none = async () => {
    throw new Error('not part of this test')
  }
  const { memory: config } = loadConfigs({ memory: memoryConfig }, env)

  const harness = await startServices({
    services: { memory: (mesh) => memoryService(mesh, config) },
    databaseUrls: { memory: database.url },
    standIns: [
      {
        name: 'agents',
        rpc: [
          implementRpc(AgentsServiceService, {
            resolveAgent: async ({ caller }, { agent: wanted }) => {
              const agent = agents
                .get(caller.tenantId)
                ?.find(({ id, key, isDefault }) => (wanted === '' ? isDefault : id === wanted || key === wanted))
              return {
                found: agent !== undefined,
                id: agent?.id ?? '',
                agentKey: agent?.key ?? '',
                status: 'active',
                ownerId: '',
                workspace: '',
                toolsConfigJson: '',
                memoryConfigJson: agent === undefined ? '' : JSON.stringify(agent.memoryConfig),
                agentType: 'open',
                selfEvolve: false,
                shareMemory: agent?.shareMemory ?? false,
                hasAccess: agent?.hasAccess ?? false,
                shareKnowledgeGraph: agent?.shareKnowledgeGraph ?? false,
              }
            },
            getContextFile: none,
            checkFileWriter: none,
            setContextFile: none,
          }),
        ],
        parts: [],
      },
      fakeRpc(ProvidersServiceService, {
        embed: async (call, request) => {
          providers.asked.push(request.texts)
          return providers.embed(call, request)
        },
        chat: (_call, request) => providers.chat(request),
      }),
      fakeRpc(IdentityServiceService, { listSystemConfigs: async () => ({ values: systemConfig }) }),
    ],
  })

  return {
    ...harness,
    database: harness.mesh.database('memory'),
    providers,
    systemConfig,
    addAgent: (caller, overrides = {}) => {
      const id = newId()
      const agent = {
        id,
        key: `agent-${id.slice(-6)}`,
        memoryConfig: {},
        shareMemory: false,
        shareKnowledgeGraph: false,
        isDefault: false,
        hasAccess: true,
        ...overrides,
      }
      agents.set(caller.tenantId, [...(agents.get(caller.tenantId) ?? []), agent])
      // As the agents service does, so that nobody goes on believing that there is no such agent, or another default.
      evict(harness.bus, { kind: 'agents', tenantId: caller.tenantId })
      return agent
    },
    stop: async () => {
      await harness.stop()
      await database.stop()
    },
  }
}
