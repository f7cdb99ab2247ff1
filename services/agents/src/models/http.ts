import { http } from '@clawmesh/contracts'
import { implementHttp, verbatim } from '@clawmesh/chassis'
import type { AgentLookup } from '../agents/lookup.ts'
import type { Agent } from '../agents/types.ts'
import type { AgentUseCases } from '../agents/use-cases.ts'

export interface ModelsParts {
  useCases: Pick<AgentUseCases, 'list'>
  lookup: Pick<AgentLookup, 'runnable'>
}

const toModel = ({ agentKey, createdAt }: Agent, tenantSlug: string) => ({
  id: `goclaw:${agentKey}`,
  object: 'model' as const,
  created: Math.floor(createdAt.getTime() / 1000),
  owned_by: tenantSlug,
})

const refOf = (model: string): string => model.replace(/^(?:goclaw|agent):/, '') || 'default'

/** Agents as OpenAI's clients see models. */
export const createModelsHttp = ({ useCases, lookup }: ModelsParts) =>
  implementHttp(http.models)({
    listModels: async ({ caller }) => {
      const usable = (await useCases.list(caller)).filter(({ status }) => status === 'active')
      return verbatim(200, { object: 'list', data: usable.map((agent) => toModel(agent, caller.tenantSlug)) })
    },
    getModel: async ({ caller, params }) =>
      verbatim(200, toModel(await lookup.runnable(caller, refOf(params.id)), caller.tenantSlug)),
  })
