import { type AgentsServiceService } from '@clawmesh/contracts/gen/clawmesh/agents/v1/agents.ts'
import type { RpcFunctions } from '@clawmesh/chassis'
import type { AgentLookup } from './lookup.ts'

const unknownAgent = {
  found: false,
  id: '',
  agentKey: '',
  status: '',
  ownerId: '',
  workspace: '',
  toolsConfigJson: '',
  memoryConfigJson: '',
  agentType: '',
  selfEvolve: false,
  shareMemory: false,
  hasAccess: false,
  shareKnowledgeGraph: false,
}

export const createAgentRpc = (lookup: AgentLookup) =>
  ({
    resolveAgent: async ({ caller }, { agent: ref, fromRows }) => {
      const source = fromRows === true ? lookup.fromRows : lookup
      const agent = await source.find(caller.tenantId, ref)
      if (agent === undefined) return unknownAgent
      const { id, agentKey, status, ownerId, workspace, agentType, otherConfig, provider } = agent
      const sharing = otherConfig['workspace_sharing'] as
        { share_memory?: boolean; share_knowledge_graph?: boolean } | undefined
      return {
        found: true,
        id,
        agentKey,
        status,
        ownerId,
        workspace,
        toolsConfigJson: JSON.stringify(agent.toolsConfig),
        memoryConfigJson: JSON.stringify(agent.memoryConfig ?? {}),
        agentType,
        provider,
        selfEvolve: otherConfig['self_evolve'] === true,
        shareMemory: sharing?.share_memory === true,
        hasAccess: await source.hasAccess(caller, agent),
        shareKnowledgeGraph: sharing?.share_knowledge_graph === true,
        ...(agent.sandboxConfig ? { sandboxConfigJson: JSON.stringify(agent.sandboxConfig) } : {}),
        shellDenyGroupsJson: JSON.stringify(otherConfig['shell_deny_groups'] ?? {}),
      }
    },
  }) satisfies Partial<RpcFunctions<typeof AgentsServiceService>>
