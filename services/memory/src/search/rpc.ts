/** Search as agent runs use it. */
import type { MemoryServiceService } from '@clawmesh/contracts/gen/clawmesh/memory/v1/memory.ts'
import type { RpcFunctions } from '@clawmesh/chassis'
import type { FindRunOwner } from '../agents/run-owner.ts'
import type { Search } from './use-cases.ts'

export const createSearchRpc = (search: Search, findRunOwner: FindRunOwner) =>
  ({
    search: async (call, request) => {
      const { agent, userId } = await findRunOwner(call, request)
      const { query, maxResults } = request
      const minScore = request.minScore > 0 ? request.minScore : agent.settings.minScore
      return { results: await search(call, agent, { query, userId, maxResults, minScore }) }
    },
  }) satisfies Partial<RpcFunctions<typeof MemoryServiceService>>
