/** Services that the agents service calls, scripted. The real ones are met in test/e2e. */
import { setTimeout as sleep } from 'node:timers/promises'
import { ChannelsServiceService } from '@clawmesh/contracts/gen/clawmesh/channels/v1/channels.ts'
import {
  ProvidersServiceService,
  type ChatDone,
  type ChatRequest,
  type ChatResponse,
  type GetAccountPoolResponse,
} from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import { MemoryServiceService, type PutDocumentRequest } from '@clawmesh/contracts/gen/clawmesh/memory/v1/memory.ts'
import { IdentityServiceService } from '@clawmesh/contracts/gen/clawmesh/identity/v1/identity.ts'
import { ToolsServiceService, type ToolContext } from '@clawmesh/contracts/gen/clawmesh/tools/v1/tools.ts'
import { TracesServiceService, type SumPoolActivityRequest } from '@clawmesh/contracts/gen/clawmesh/traces/v1/traces.ts'
import { auditActions, eventType, MeshError, type CloudEvent, type EventName } from '@clawmesh/contracts'
import { implementRpc, loadConfigs, type Call, type RpcFunctions, type Service } from '@clawmesh/chassis'
import { consumeEvents } from '../../../test/support/events.ts'
import { startServices, type ServiceHarness } from '../../../test/support/service-harness.ts'
import { agentsConfig, agentsService } from '../src/index.ts'
import { standInArchives, type ArchiveStandIns } from './archive-stand-ins.ts'
import { fakeRpc } from '../../../test/support/fake-rpc.ts'

export type Script = (request: ChatRequest, call: Call) => AsyncIterable<ChatResponse>

export const done = (fields: Partial<ChatDone>): ChatResponse => ({
  event: {
    $case: 'done',
    value: {
      content: '',
      thinking: '',
      toolCalls: [],
      finishReason: 'stop',
      provider: 'fake',
      model: 'fake-1',
      providerState: '',
      usage: { inputTokens: 10, outputTokens: 5, cacheReadTokens: 0, cacheCreationTokens: 0, thinkingTokens: 0 },
      ...fields,
    },
  },
})
export const text = (value: string): ChatResponse => ({ event: { $case: 'textDelta', value } })

/** Answers with the last user message, in two deltas. */
export const echo: Script = async function* ({ messages }) {
  const last = messages.findLast(({ role }) => role === 'user')?.content ?? ''
  yield text('echo: ')
  yield text(last)
  yield done({ content: `echo: ${last}` })
}

export interface AgentsUnderTest extends ServiceHarness {
  /** What the model does from now on. */
  model: Script
  /** Every model call so far. */
  asked: ChatRequest[]
  monthCostUsd: number
  /** Pools of ChatGPT accounts by provider; others are no accounts. */
  accountPools: Record<string, GetAccountPoolResponse>
  /** What was asked of traces about pools so far; it answers with no calls. */
  poolSums: SumPoolActivityRequest[]
  /** Whether sums of pools fail. */
  tracesAreAway: boolean
  /** The system configs of every tenant; undefined makes identity fail to tell them. */
  systemConfigs: Record<string, string> | undefined
  /** Ids of the agents that chat channels open to everybody. */
  openedByChannels: string[]
  /** Texts that were sent to chats so far. */
  sentTexts: { channel: string; chatId: string; text: string }[]
  /** Names of tools that agents have beside `clock`; each answers `done`, or what is set here. */
  moreTools: string[]
  toolResults: Record<string, { output: string; metadataJson?: string }>
  /** Calls of them so far. */
  toolCalls: { tool: string; arguments: unknown }[]
  /** Documents that memory was given. */
  remembered: PutDocumentRequest[]
  /** What memory and tools keep of agents. */
  archives: ArchiveStandIns
  /** In what context tools were called so far. */
  toolContexts: ToolContext[]
  /** The audit record that a tenant has got, once it is there: what the activity log calls it, and its data. */
  auditOf: (tenantId: string, name: EventName) => Promise<{ action: string | undefined; data: unknown }>
}

const noAccount: GetAccountPoolResponse = { isAccount: false, strategy: '', extraProviders: [], signedIn: [] }

/** The only tenant that the identity of these tests knows besides the callers' own. */
export const knownTenant = '0193a5b0-7000-7000-8000-0000000000aa'

/** A channel to which nothing can be sent. */
export const closedChannel = 'closed'

/** The agents service over a real database, with a scripted model and one tool called `clock`. */
export const startAgents = async (env: Record<string, string> = {}): Promise<AgentsUnderTest> => {
  const state: Omit<AgentsUnderTest, keyof ServiceHarness | 'auditOf'> = {
    model: echo,
    asked: [],
    monthCostUsd: 0,
    accountPools: {},
    poolSums: [],
    tracesAreAway: false,
    systemConfigs: {},
    openedByChannels: [],
    sentTexts: [],
    moreTools: [],
    toolResults: {},
    toolCalls: [],
    remembered: [],
    toolContexts: [],
    archives: standInArchives(),
  }
  const providers: RpcFunctions<typeof ProvidersServiceService> = {
    chat: (call, request) => {
      state.asked.push(structuredClone(request))
      return state.model(request, call)
    },
    embed: async () => ({ configured: false, vectors: [], provider: '', model: '' }),
    getAccountPool: async (_call, { provider }) => state.accountPools[provider] ?? noAccount,
    listMediaProviders: async () => ({ providers: [] }),
    makeMedia: async function* () {},
  }
  const tools: Partial<RpcFunctions<typeof ToolsServiceService>> = {
    listTools: async () => ({
      tools: ['clock', ...state.moreTools].map((name) => ({
        name,
        description: `what ${name} does`,
        parametersJson: '{"type":"object"}',
      })),
      ofUser: false,
    }),
    invokeTool: async (_call, { tool, argumentsJson, context }) => {
      state.toolContexts.push(context!)
      if (state.moreTools.includes(tool)) {
        state.toolCalls.push({ tool, arguments: JSON.parse(argumentsJson) })
        return { output: 'done', isError: false, forUser: '', metadataJson: '{}', ...state.toolResults[tool] }
      }
      return tool === 'clock'
        ? { output: `noon ${argumentsJson}`, isError: false, forUser: '', metadataJson: '{}' }
        : { output: `unknown tool: ${tool}`, isError: true, forUser: '', metadataJson: '{}' }
    },
  }
  const identity: Partial<RpcFunctions<typeof IdentityServiceService>> = {
    resolveTenant: async (_call, { idOrSlug: id }) =>
      id === knownTenant
        ? { found: true, id, slug: 'known', name: 'Known', status: 'active' }
        : { found: false, id: '', slug: '', name: '', status: '' },
    listSystemConfigs: async () => {
      if (state.systemConfigs === undefined) throw new Error('away')
      return { values: state.systemConfigs }
    },
  }
  const standIns: Service[] = [
    {
      name: 'identity',
      rpc: [implementRpc(IdentityServiceService, identity as RpcFunctions<typeof IdentityServiceService>)],
      parts: [],
    },
    { name: 'providers', rpc: [implementRpc(ProvidersServiceService, providers)], parts: [] },
    {
      ...fakeRpc(ToolsServiceService, tools),
      rpc: [...fakeRpc(ToolsServiceService, tools).rpc!, state.archives.workspacesRpc],
    },
    {
      name: 'memory',
      rpc: [
        state.archives.memoryRpc,
        ...fakeRpc(MemoryServiceService, {
          putDocument: async (_call, document) => {
            state.remembered.push(document)
            return {}
          },
        }).rpc!,
      ],
      parts: [],
    },
    fakeRpc(TracesServiceService, {
      getAgentMonthCost: async () => ({ costUsd: state.monthCostUsd }),
      sumPoolActivity: async (_call, request) => {
        if (state.tracesAreAway) throw new MeshError('UNAVAILABLE', 'error.shutting_down')
        state.poolSums.push(request)
        return { statsSampleSize: 0, providerCounts: [], recentRequests: [], topAgents: [] }
      },
    }),
    {
      name: 'channels',
      rpc: [
        implementRpc(ChannelsServiceService, {
          listAgentsOpenTo: async () => ({ agentIds: state.openedByChannels }),
          sendText: async (_call, sent) => {
            if (sent.channel === closedChannel) throw new MeshError('NOT_FOUND', 'error.not_found', {})
            state.sentTexts.push(sent)
            return {}
          },
          listPlatforms: async () => ({ channelTypes: [] }),
        }),
      ],
      parts: [],
    },
  ]
  const { agents: config } = loadConfigs({ agents: agentsConfig }, env)
  const harness = await startServices({ services: { agents: (mesh) => agentsService(mesh, config) }, standIns, env })
  const events: CloudEvent[] = []
  await consumeEvents(harness.bus, {
    durable: 'audit',
    subject: 'mesh.events.*.agents.>',
    batchSize: 100,
    handle: async (batch) => void events.push(...batch),
  })
  const auditOf: AgentsUnderTest['auditOf'] = async (tenantId, name) => {
    const type = eventType(name)
    for (;;) {
      const found = events.find((event) => event.tenantid === tenantId && event.type === type)
      if (found !== undefined) return { action: auditActions.get(type), data: found.data }
      await sleep(10)
    }
  }
  return Object.assign(state, harness, { auditOf })
}
