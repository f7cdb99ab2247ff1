/** Agents: what they are, the conversations they have, and the loop that runs them. */
import { createHash } from 'node:crypto'
import { http } from '@clawmesh/contracts'
import { AgentsServiceService } from '@clawmesh/contracts/gen/clawmesh/agents/v1/agents.ts'
import { ChannelsServiceService } from '@clawmesh/contracts/gen/clawmesh/channels/v1/channels.ts'
import { IdentityServiceService } from '@clawmesh/contracts/gen/clawmesh/identity/v1/identity.ts'
import { ProvidersServiceService, type ToolSpec } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import { ToolsServiceService } from '@clawmesh/contracts/gen/clawmesh/tools/v1/tools.ts'
import { TracesServiceService } from '@clawmesh/contracts/gen/clawmesh/traces/v1/traces.ts'
import {
  detached,
  implementHttp,
  implementRpc,
  newId,
  createOutboxPart,
  type Call,
  type Mesh,
  type Service,
} from '@clawmesh/chassis'
import type { AgentsConfig } from './config.ts'
import { createAgentUseCases } from './domain/agents.ts'
import { createAgentLookup } from './domain/resolve-agent.ts'
import { createGatheringSignal } from './domain/run/live-events.ts'
import { createLostRunsPart } from './domain/run/lost-runs.ts'
import type { ContextFile } from './domain/run/prompt.ts'
import { createRuns as runsOf } from './domain/run/runs.ts'
import { createSessionUseCases } from './domain/sessions.ts'
import type { Agent } from './domain/types.ts'
import { createAgentHandlers } from './http/agents.ts'
import { createChatHandlers } from './http/chat.ts'
import { createSessionHandlers } from './http/sessions.ts'
import { messageRulesOf } from './message-rules.ts'
import { createAgentsRpc } from './rpc/agents.ts'
import { createAgentsStore } from './store/store.ts'

const cachedAgents = 10_000
/** Runs are ended so long before the connections of their readers are, so that these hear of it. */
const lastWordMs = 1_000

export const agentsService = (mesh: Mesh, config: AgentsConfig): Service => {
  const { bus } = mesh
  const log = mesh.log.child({ service: 'agents' })
  const database = mesh.database('agents')
  const outbox = createOutboxPart(database, mesh)
  const signal = createGatheringSignal(bus)
  const store = createAgentsStore({ database, bus, published: outbox.wakeRelay })

  const identity = mesh.client(IdentityServiceService)
  const providers = mesh.client(ProvidersServiceService)
  const tools = mesh.client(ToolsServiceService)
  const traces = mesh.client(TracesServiceService)
  const channels = mesh.client(ChannelsServiceService)

  const lookup = createAgentLookup({
    store,
    agents: mesh.cache<Agent>('agents', cachedAgents),
    files: mesh.cache<ContextFile[]>('context_files', cachedAgents),
  })
  const toolLists = mesh.cache<ToolSpec[]>('builtin_tools', cachedAgents)
  const listTools = async (call: Call, agent: Agent): Promise<ToolSpec[]> => {
    const toolsConfigJson = JSON.stringify(agent.toolsConfig)
    const policy = createHash('sha256').update(toolsConfigJson).digest('base64')
    const load = async () => (await tools.listTools(detached(call), { agentId: agent.id, toolsConfigJson })).tools
    return (await toolLists.get(agent.tenantId, `${agent.id} ${policy}`, load)) ?? []
  }

  const agents = createAgentUseCases({
    store,
    workspaceDir: mesh.workspaceDir,
    tenantSlug: async (call, tenantId) => {
      const tenant = await identity.resolveTenant(call, { idOrSlug: tenantId })
      return tenant.found ? tenant.slug : undefined
    },
    openedByChannels: async (caller) => {
      const call: Call = { caller, requestId: newId(), signal: AbortSignal.timeout(mesh.config.rpcTimeoutMs) }
      return (await channels.listAgentsOpenTo(call, { userId: caller.userId })).agentIds
    },
  })
  const sessions = createSessionUseCases(store)
  const runs = runsOf({
    store,
    signal,
    log,
    config,
    messageRules: messageRulesOf(mesh, config, log),
    chat: providers.chat,
    invokeTool: tools.invokeTool,
    listTools,
    contextFiles: lookup.contextFiles,
    monthCost: async (call, agent) => (await traces.getAgentMonthCost(call, { agentId: agent.id })).costUsd,
  })
  const fetchAllow = mesh.config.fetchAllow.split(',').filter(Boolean)

  return {
    name: 'agents',
    http: implementHttp(
      http.agents,
      {
        ...createAgentHandlers(agents),
        ...createSessionHandlers(sessions),
        ...createChatHandlers({ runs, lookup, fetchAllow }),
      },
      mesh.httpParts('agents'),
    ),
    lameDuck: () => {
      const { lameDuckMs, drainTimeoutMs } = mesh.config
      setTimeout(runs.abort, lameDuckMs + Math.max(drainTimeoutMs - lastWordMs, drainTimeoutMs / 2)).unref()
    },
    rpc: [implementRpc(AgentsServiceService, createAgentsRpc(lookup, store))],
    parts: [
      { name: 'agents database', ready: database.ping },
      outbox,
      createLostRunsPart({ store, signal, log, config, active: runs.active }),
      { name: 'runs', stop: () => runs.drain(mesh.config.drainTimeoutMs) },
    ],
  }
}
