import { http } from '@clawmesh/contracts'
import { implementHttp } from '@clawmesh/chassis'
import type { FindAgent } from '../agents/types.ts'
import { ownerNamed } from '../documents/owners.ts'
import type { Search } from './use-cases.ts'

export const createSearchHttp = (search: Search, findAgent: FindAgent) =>
  implementHttp(http.memorySearch)({
    searchMemory: async ({ call, caller, params, query, body }) => {
      const userId = ownerNamed(caller, { body, query })
      const found = await search(call, await findAgent(call, params.agentID), {
        query: body.query,
        userId,
        maxResults: body.maxResults || body.limit || 0,
        minScore: body.minScore,
      })
      const results = found.map((result) => ({ ...result, source: 'memory' as const }))
      return { results, count: results.length }
    },
  })
