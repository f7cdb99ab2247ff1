import type { http } from '@clawmesh/contracts'
import type { Handlers } from '@clawmesh/chassis'
import type { FindAgent } from '../domain/ports.ts'
import type { Search } from '../domain/search.ts'

export const createSearchHandlers = (
  search: Search,
  findAgent: FindAgent,
): Handlers<typeof http.memory, 'searchMemory'> => ({
  searchMemory: async ({ call, params, body }) => {
    const found = await search(call, await findAgent(call, params.agentID), {
      query: body.query,
      userId: body.user_id,
      maxResults: body.max_results || body.limit || 0,
      minScore: body.min_score,
    })
    const results = found.map(({ path, startLine, endLine, score, snippet, scope }) => ({
      path,
      start_line: startLine,
      end_line: endLine,
      score,
      snippet,
      source: 'memory' as const,
      scope,
    }))
    return { results, count: results.length }
  },
})
