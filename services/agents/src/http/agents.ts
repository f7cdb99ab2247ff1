import type { http } from '@clawmesh/contracts'
import type { Handlers } from '@clawmesh/chassis'
import type { AgentUseCases } from '../domain/agents.ts'
import type { Agent } from '../domain/types.ts'

/** Optional members are left out when empty. */
const given = (fields: Record<string, unknown>): object =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null && value !== ''))

export const agentToResponse = (agent: Agent) => ({
  id: agent.id,
  created_at: agent.createdAt.toISOString(),
  updated_at: agent.updatedAt.toISOString(),
  tenant_id: agent.tenantId,
  agent_key: agent.agentKey,
  owner_id: agent.ownerId,
  provider: agent.provider,
  model: agent.model,
  context_window: agent.contextWindow,
  max_tool_iterations: agent.maxToolIterations,
  workspace: agent.workspace,
  restrict_to_workspace: true as const,
  agent_type: agent.agentType,
  is_default: agent.isDefault,
  status: agent.status,
  ...given({
    display_name: agent.displayName,
    frontmatter: agent.frontmatter,
    budget_monthly_cents: agent.budgetMonthlyCents,
    tools_config: agent.toolsConfig,
    sandbox_config: agent.sandboxConfig,
    subagents_config: agent.subagentsConfig,
    memory_config: agent.memoryConfig,
    compaction_config: agent.compactionConfig,
    context_pruning: agent.contextPruning,
    other_config: agent.otherConfig,
  }),
})

export const createAgentHandlers = (
  agents: AgentUseCases,
): Handlers<typeof http.agents, 'listAgents' | 'createAgent' | 'getAgent' | 'updateAgent' | 'deleteAgent'> => ({
  listAgents: async ({ caller }) => ({ agents: (await agents.list(caller)).map(agentToResponse) }),
  createAgent: async ({ call, body }) => agentToResponse(await agents.create(call, body)),
  getAgent: async ({ caller, params }) => agentToResponse(await agents.get(caller, params.id)),
  updateAgent: async ({ call, params, body }) => {
    await agents.update(call, params.id, body)
    return { ok: 'true' }
  },
  deleteAgent: async ({ call, params }) => {
    await agents.remove(call, params.id)
    return { ok: 'true' }
  },
})
