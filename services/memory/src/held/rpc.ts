/** What was held, for reports of usage. */
import { MeshError, uuid } from '@clawmesh/contracts'
import type { MemoryServiceService } from '@clawmesh/contracts/gen/clawmesh/memory/v1/memory.ts'
import type { RpcFunctions } from '@clawmesh/chassis'
import type { HeldRows } from './use-cases.ts'

export const createHeldRpc = (rowsOf: (tenantId: string) => HeldRows) =>
  ({
    getHeld: async ({ caller }, { agentId, fromMs, toMs }) => {
      const agent = agentId === '' ? undefined : uuid.safeParse(agentId)
      if (agent?.success === false)
        throw new MeshError('INVALID_REQUEST', 'error.invalid_request', { field: 'agent_id' })
      const query = { from: new Date(fromMs), to: new Date(toMs), agentId: agent?.data }
      const states = await rowsOf(caller.tenantId).history(query)
      return { states: states.map(({ hour, ...held }) => ({ ...held, hourMs: hour.getTime() })) }
    },
  }) satisfies Partial<RpcFunctions<typeof MemoryServiceService>>
