import type { IncomingMessage } from 'node:http'
import { factsOf, http } from '@clawmesh/contracts'
import { implementHttp, verbatim } from '@clawmesh/chassis'
import type { AgentLookup } from '../agents/lookup.ts'
import type { Agent } from '../agents/types.ts'
import type { AgentUseCases } from '../agents/use-cases.ts'

export interface ModelsParts {
  useCases: Pick<AgentUseCases, 'list'>
  lookup: Pick<AgentLookup, 'runnable'>
}

const knownOf = ({ provider, model }: Agent) => {
  const { contextWindow, maxOutputTokens, abilities } = factsOf(provider, model)
  return { context_window: contextWindow, max_output_tokens: maxOutputTokens, abilities }
}

const toModel = (agent: Agent, tenantSlug: string) => ({
  id: `goclaw:${agent.agentKey}`,
  object: 'model' as const,
  created: Math.floor(agent.createdAt.getTime() / 1000),
  owned_by: tenantSlug,
  ...knownOf(agent),
})

const toAnthropic = ({ agentKey, displayName, createdAt }: Agent) => ({
  id: `goclaw:${agentKey}`,
  type: 'model' as const,
  display_name: displayName || agentKey,
  created_at: createdAt.toISOString(),
})

/** All of a list of Anthropic's: it has no further pages. */
const wholeList = (data: readonly ReturnType<typeof toAnthropic>[]) => ({
  data: [...data],
  first_id: data[0]?.id ?? null,
  last_id: data.at(-1)?.id ?? null,
  has_more: false as const,
})

const speaksAnthropic = (headers: IncomingMessage['headers']): boolean => headers['anthropic-version'] !== undefined

const refOf = (model: string): string => model.replace(/^(?:goclaw|agent):/, '') || 'default'

/** Agents as OpenAI's clients see models. */
export const createModelsHttp = ({ useCases, lookup }: ModelsParts) =>
  implementHttp(http.models)({
    listModels: async ({ caller, headers }) => {
      const usable = (await useCases.list(caller)).filter(({ status }) => status === 'active')
      if (speaksAnthropic(headers)) return verbatim(200, wholeList(usable.map(toAnthropic)))
      return verbatim(200, { object: 'list', data: usable.map((agent) => toModel(agent, caller.tenantSlug)) })
    },
    getModel: async ({ caller, params, headers }) => {
      const agent = await lookup.runnable(caller, refOf(params.id))
      return verbatim(200, speaksAnthropic(headers) ? toAnthropic(agent) : toModel(agent, caller.tenantSlug))
    },
  })
