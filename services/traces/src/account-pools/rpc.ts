import type { TracesServiceService } from '@clawmesh/contracts/gen/clawmesh/traces/v1/traces.ts'
import type { RpcFunctions } from '@clawmesh/chassis'
import { agentIdOf } from '../costs/rpc.ts'
import { countPool, type ReadPoolCalls } from './count.ts'

const largestSample = 200

export const createPoolActivityRpc = (callsOf: ReadPoolCalls) =>
  ({
    sumPoolActivity: async ({ caller }, { poolProviders, agentId, days, sample, limit }) => {
      const calls = await callsOf(caller.tenantId, {
        providers: poolProviders,
        agentId: agentId === '' ? undefined : agentIdOf(agentId),
        days,
        limit: Math.min(sample, largestSample),
      })
      return countPool(calls, poolProviders, limit)
    },
  }) satisfies Partial<RpcFunctions<typeof TracesServiceService>>
