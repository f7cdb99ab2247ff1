import { type AgentsServiceService } from '@clawmesh/contracts/gen/clawmesh/agents/v1/agents.ts'
import type { RpcFunctions } from '@clawmesh/chassis'
import { z } from 'zod'
import type { AgentLookup } from './lookup.ts'
import type { Agent } from './types.ts'

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

const isOn = z.boolean().catch(false)
const sharingSettings = z.object({
  shared_dm: isOn,
  shared_group: isOn,
  shared_users: z.array(z.string()).catch([]),
  share_memory: isOn,
  share_knowledge_graph: isOn,
})
const nothingShared = sharingSettings.parse({})

/** What users of an agent have in common. What makes no sense shares nothing. */
const sharingOf = ({ workspace_sharing: sharing }: Agent['otherConfig']): z.output<typeof sharingSettings> =>
  sharing === undefined ? nothingShared : sharingSettings.catch(nothingShared).parse(sharing)

export const createAgentRpc = (lookup: AgentLookup) =>
  ({
    resolveAgent: async ({ caller }, { agent: ref, fromRows }) => {
      const source = fromRows === true ? lookup.fromRows : lookup
      const agent = await source.find(caller.tenantId, ref)
      if (agent === undefined) return unknownAgent
      const { id, agentKey, status, ownerId, workspace, agentType, otherConfig, provider } = agent
      const sharing = sharingOf(otherConfig)
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
        shareMemory: sharing.share_memory,
        hasAccess: await source.hasAccess(caller, agent),
        shareKnowledgeGraph: sharing.share_knowledge_graph,
        workspaceSharing: { direct: sharing.shared_dm, group: sharing.shared_group, users: sharing.shared_users },
        ...(agent.sandboxConfig ? { sandboxConfigJson: JSON.stringify(agent.sandboxConfig) } : {}),
        shellDenyGroupsJson: JSON.stringify(otherConfig['shell_deny_groups'] ?? {}),
      }
    },
  }) satisfies Partial<RpcFunctions<typeof AgentsServiceService>>
