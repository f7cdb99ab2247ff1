/** Agents: what they are, who may use and who may change them. */
import { ChannelsServiceService } from '@clawmesh/contracts/gen/clawmesh/channels/v1/channels.ts'
import { IdentityServiceService } from '@clawmesh/contracts/gen/clawmesh/identity/v1/identity.ts'
import { ProvidersServiceService } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import { TracesServiceService } from '@clawmesh/contracts/gen/clawmesh/traces/v1/traces.ts'
import { newId, type Call, type Feature, type HttpImplementation, type Mesh, type ServiceDb } from '@clawmesh/chassis'
import type { PrismaClient } from '../db/client/client.ts'
import type { StartSummoning } from '../summoning/use-cases.ts'
import { createAgentPoolHttp } from './codex-pool.ts'
import { createAgentHttp } from './http.ts'
import { createAgentLookup, type AgentLookup } from './lookup.ts'
import { requireAgent, requireOwnedAgent, type RequireAgent, type RequireOwned } from './owned.ts'
import { createAgentRows } from './rows.ts'
import { createAgentRpc } from './rpc.ts'
import type { Agent } from './types.ts'
import { createAgentUseCases, type AgentUseCases } from './use-cases.ts'

const cachedAgents = 10_000

export const createAgents = (mesh: Mesh, db: ServiceDb<PrismaClient>, startSummoning: StartSummoning) => {
  const identity = mesh.client(IdentityServiceService)
  const channels = mesh.client(ChannelsServiceService)
  const providers = mesh.client(ProvidersServiceService)
  const rowsOf = createAgentRows(db, mesh.cache<Agent>('agents', cachedAgents))
  const lookup = createAgentLookup({
    rowsOf,
    agents: mesh.cache<Agent>('agents', cachedAgents),
    shares: mesh.cache<{ isShared: boolean }>('agents', cachedAgents),
  })
  const agents = createAgentUseCases({
    rowsOf,
    startSummoning,
    accountPool: (call, provider) => providers.getAccountPool(call, { provider }),
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
  const owned: RequireOwned = (caller, ref) => requireOwnedAgent(rowsOf, caller, ref)
  const stored: RequireAgent = (caller, ref) => requireAgent(rowsOf, caller, ref)
  return {
    http: createAgentHttp(agents),
    poolHttp: createAgentPoolHttp({ agents, providers, traces: mesh.client(TracesServiceService) }),
    rpc: createAgentRpc(lookup),
    lookup,
    owned,
    stored,
    useCases: agents,
  } satisfies Feature & {
    rpc: object
    useCases: AgentUseCases
    poolHttp: HttpImplementation
    lookup: AgentLookup
    owned: RequireOwned
    stored: RequireAgent
  }
}
