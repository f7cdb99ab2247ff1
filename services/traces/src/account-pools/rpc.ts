import type { TracesServiceService } from '@clawmesh/contracts/gen/clawmesh/traces/v1/traces.ts'
import type { RpcFunctions } from '@clawmesh/chassis'
import { agentIdOf } from '../costs/rpc.ts'
import type { SpanStore } from '../span-store/port.ts'
import { countPool } from './count.ts'

const largestSample = 200

export const createPoolActivityRpc = ({ of }: Pick<SpanStore, 'of'>) =>
  ({
    sumPoolActivity: async ({ caller }, { poolProviders, agentId, days, sample, limit }) => {
      const calls = await of(caller.tenantId).poolCalls({
        providers: poolProviders,
        agentId: agentId === '' ? undefined : agentIdOf(agentId),
        days,
        limit: Math.min(sample, largestSample),
      })
      return countPool(calls, poolProviders, limit)
    },
  }) satisfies Partial<RpcFunctions<typeof TracesServiceService>>
