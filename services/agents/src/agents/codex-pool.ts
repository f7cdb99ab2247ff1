/** What the accounts behind an agent's provider did of late for it. */
import { http, poolSample, poolStrategies, shownActivity } from '@clawmesh/contracts'
import type { ProvidersServiceService } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import type { TracesServiceService } from '@clawmesh/contracts/gen/clawmesh/traces/v1/traces.ts'
import { implementHttp, type RpcFunctions } from '@clawmesh/chassis'
import { poolRoutingOf } from './pool-routing.ts'
import type { AgentUseCases } from './use-cases.ts'

interface Parts {
  agents: Pick<AgentUseCases, 'get'>
  providers: Pick<RpcFunctions<typeof ProvidersServiceService>, 'getAccountPool'>
  traces: Pick<RpcFunctions<typeof TracesServiceService>, 'sumPoolActivity'>
}

const noActivity = { poolProviders: [], statsSampleSize: 0, providerCounts: [], recentRequests: [] }

export const createAgentPoolHttp = ({ agents, providers, traces }: Parts) =>
  implementHttp(http.agentCodexPool)({
    getAgentCodexPoolActivity: async ({ caller, call, params, query: { limit } }) => {
      const agent = await agents.get(caller, params.id)
      const wished = poolRoutingOf(agent)
      const pool = await providers.getAccountPool(call, { provider: agent.provider })
      const strategy = poolStrategies.find((known) => known === (wished?.strategy ?? pool.strategy)) ?? 'primary_first'
      const asked = wished?.ownerOnly === true ? [agent.provider] : [agent.provider, ...pool.extraProviders]
      const poolProviders = pool.signedIn.filter((name) => asked.includes(name))
      if (poolProviders.length === 0) return { ...noActivity, strategy }
      const sample = Math.max(limit, poolSample)
      const activity = await traces.sumPoolActivity(call, { poolProviders, agentId: agent.id, days: 0, sample, limit })
      return { ...shownActivity(activity), strategy, poolProviders }
    },
  })
