import type { MemoryServiceService } from '@clawmesh/contracts/gen/clawmesh/memory/v1/memory.ts'
import type { RpcFunctions } from '@clawmesh/chassis'
import type { CallScope } from '../invoke/types.ts'
import type { PortMakers } from '../tool/ports.ts'

/** Long-term memory for tools, as the memory service keeps it. */
export const createMemoryPort = (memory: RpcFunctions<typeof MemoryServiceService>) =>
  ({
    memory: ({ call, agent }) =>
      agent && {
        search: (query) => memory.search(call, query),
        get: (query) => memory.getDocument(call, query),
        put: (document) => memory.putDocument(call, document),
      },
  }) satisfies PortMakers<CallScope>
