import type { TracesServiceService } from '@clawmesh/contracts/gen/clawmesh/traces/v1/traces.ts'
import { MeshError, uuid } from '@clawmesh/contracts'
import type { RpcFunctions } from '@clawmesh/chassis'
import type { CostUseCases } from './use-cases.ts'

/** @throws INVALID_REQUEST for what is no id */
export const agentIdOf = (id: string): string => {
  if (!uuid.safeParse(id).success) throw new MeshError('INVALID_REQUEST', 'error.invalid_id', { kind: 'agent', id })
  return id
}

export const createCostRpc = (costs: CostUseCases) =>
  ({
    getAgentMonthCost: async ({ caller }, { agentId }) => ({
      costUsd: await costs.agentMonthCost(caller, agentIdOf(agentId)),
    }),
  }) satisfies Partial<RpcFunctions<typeof TracesServiceService>>
