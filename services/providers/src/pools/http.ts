import { http, poolSample, shownActivity } from '@clawmesh/contracts'
import type { TracesServiceService } from '@clawmesh/contracts/gen/clawmesh/traces/v1/traces.ts'
import { implementHttp, type RpcFunctions } from '@clawmesh/chassis'
import { connectionOf } from '../providers/selection.ts'
import type { ProviderUseCases } from '../providers/use-cases.ts'
import { poolOf } from './pool.ts'
import type { PoolSelection } from './select.ts'

const countedDays = 7
const nothing = { strategy: 'primary_first' as const, poolProviders: [], statsSampleSize: 0 }
const noActivity = { ...nothing, providerCounts: [], recentRequests: [], topAgents: [] }

interface Parts {
  providers: Pick<ProviderUseCases, 'get'>
  pools: Pick<PoolSelection, 'accountsOf'>
  traces: Pick<RpcFunctions<typeof TracesServiceService>, 'sumPoolActivity'>
}

export const createPoolHttp = ({ providers, pools, traces }: Parts) =>
  implementHttp(http.codexPool)({
    getProviderCodexPoolActivity: async ({ caller, call, params, query: { limit } }) => {
      const owner = connectionOf(await providers.get(caller, params.id))
      if (owner.account === undefined) return noActivity
      const pool = poolOf(owner)
      const poolProviders = (await pools.accountsOf(owner, pool)).map(({ name }) => name)
      if (poolProviders.length === 0) return noActivity
      const sample = Math.max(limit, poolSample)
      const activity = await traces.sumPoolActivity(call, {
        poolProviders,
        agentId: '',
        days: countedDays,
        sample,
        limit,
      })
      return { ...shownActivity(activity), strategy: pool.strategy, poolProviders }
    },
  })
