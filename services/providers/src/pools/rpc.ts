import type { ProvidersServiceService } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import type { RpcFunctions } from '@clawmesh/chassis'
import type { ProviderSelection } from '../providers/selection.ts'
import { poolOf } from './pool.ts'
import type { PoolSelection } from './select.ts'

const noAccount = { isAccount: false, strategy: '', extraProviders: [], signedIn: [] }

export const createPoolRpc = (selection: Pick<ProviderSelection, 'named'>, pools: PoolSelection) =>
  ({
    getAccountPool: async ({ caller }, { provider }) => {
      const owner = await selection.named(caller.tenantId, provider)
      if (owner?.account === undefined) return noAccount
      const pool = poolOf(owner)
      const accounts = await pools.accountsOf(owner, pool)
      return {
        isAccount: true,
        strategy: pool.strategy,
        extraProviders: pool.members.slice(1),
        signedIn: accounts.map(({ name }) => name),
      }
    },
  }) satisfies Partial<RpcFunctions<typeof ProvidersServiceService>>
