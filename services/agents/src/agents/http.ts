import { http } from '@clawmesh/contracts'
import { implementHttp } from '@clawmesh/chassis'
import type { Agent } from './types.ts'
import type { AgentUseCases } from './use-cases.ts'

const toResponse = (agent: Agent) => ({
  ...agent,
  restrictToWorkspace: true as const,
  budgetMonthlyCents: agent.budgetMonthlyCents ?? undefined,
})

export const createAgentHttp = (agents: AgentUseCases) =>
  implementHttp(http.agents)({
    listAgents: async ({ caller }) => ({ agents: (await agents.list(caller)).map(toResponse) }),
    createAgent: async ({ call, body }) => toResponse(await agents.create(call, body)),
    getAgent: async ({ caller, params }) => toResponse(await agents.get(caller, params.id)),
    updateAgent: async ({ call, params, body }) => {
      await agents.update(call, params.id, body)
      return { ok: 'true' }
    },
    deleteAgent: async ({ call, params }) => {
      await agents.remove(call, params.id)
      return { ok: 'true' }
    },
  })
