import { type AgentsServiceService } from '@clawmesh/contracts/gen/clawmesh/agents/v1/agents.ts'
import type { RpcFunctions } from '@clawmesh/chassis'
import type { AgentLookup } from '../domain/resolve-agent.ts'
import type { AgentsStore } from '../store/store.ts'

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
}

export const createAgentsRpc = (
  lookup: AgentLookup,
  store: AgentsStore,
): RpcFunctions<typeof AgentsServiceService> => ({
  resolveAgent: async ({ caller }, { agent: ref }) => {
    const agent = await lookup.find(caller.tenantId, ref)
    if (agent === undefined) return unknownAgent
    const sharing = agent.otherConfig['workspace_sharing'] as { share_memory?: boolean } | undefined
    return {
      found: true,
      id: agent.id,
      agentKey: agent.agentKey,
      status: agent.status,
      ownerId: agent.ownerId,
      workspace: agent.workspace,
      toolsConfigJson: JSON.stringify(agent.toolsConfig),
      memoryConfigJson: JSON.stringify(agent.memoryConfig ?? {}),
      agentType: agent.agentType,
      selfEvolve: agent.otherConfig['self_evolve'] === true,
      shareMemory: sharing?.share_memory === true,
    }
  },
  getContextFile: async ({ caller }, { agentId, userId, fileName }) => {
    const agent = await lookup.find(caller.tenantId, agentId)
    if (agent === undefined) return { found: false, content: '' }
    const files = await store.forTenant(caller.tenantId).agents.contextFiles(agent.id, userId)
    const file = files.find((candidate) => candidate.userId === userId && candidate.name === fileName)
    return { found: file !== undefined, content: file?.content ?? '' }
  },
  setContextFile: async ({ caller }, { agentId, userId, fileName, content }) => {
    const rows = store.forTenant(caller.tenantId).agents
    const agent = await rows.find(agentId)
    if (agent !== undefined) await rows.setContextFile(agent.id, userId, fileName, content)
    return {}
  },
})
