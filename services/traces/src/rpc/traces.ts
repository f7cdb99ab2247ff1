import type { TracesServiceService } from '@clawmesh/contracts/gen/clawmesh/traces/v1/traces.ts'
import { MeshError, uuid } from '@clawmesh/contracts'
import type { RpcFunctions } from '@clawmesh/chassis'
import type { TraceQueries } from '../domain/queries.ts'

const agentIdOf = (id: string): string => {
  if (!uuid.safeParse(id).success) throw new MeshError('INVALID_REQUEST', 'error.invalid_id', { kind: 'agent', id })
  return id
}

export const createTracesRpc = (queries: TraceQueries): RpcFunctions<typeof TracesServiceService> => ({
  getAgentMonthCost: async ({ caller }, { agentId }) => ({
    costUsd: await queries.agentMonthCost(caller.tenantId, agentIdOf(agentId), new Date()),
  }),
})
