import { z } from 'zod'
import { memoryUserId } from './memory-document.ts'
import { defineTool } from '../tool/define-tool.ts'
import { says } from '../tool/tool.ts'

export const memorySearch = defineTool({
  name: 'memory_search',
  displayName: 'Search memory',
  category: 'memory',
  groups: ['memory'],
  needs: ['agent', 'memory'],
  description:
    'Search long-term memory (MEMORY.md and memory/*.md) before answering about earlier work, decisions, dates, ' +
    'people, preferences or promises. Read on with memory_get.',
  parameters: z.object({
    query: z.string().min(1).describe('What to look for'),
    maxResults: z.int().min(1).max(50).default(6).describe('Most results'),
    minScore: z.number().min(0).optional().describe('Leave out results that score less'),
  }),
  run: async ({ query, maxResults, minScore = 0 }, context) => {
    const { agent, memory } = context
    const userId = memoryUserId(agent, context.userId)
    const agentIds = [agent.id, ...(agent.leadId ? [agent.leadId] : [])]
    const found = await Promise.all(
      agentIds.map((agentId) => memory.search({ agentId, userId, query, maxResults, minScore })),
    )
    const results = found
      .flatMap((answer) => answer.results)
      .sort((a, b) => b.score - a.score)
      .slice(0, maxResults)
      .map(({ path, startLine, endLine, score, snippet, scope }) => ({
        path,
        start_line: startLine,
        end_line: endLine,
        score,
        snippet,
        scope,
        source: 'memory',
      }))
    const hint =
      results.length === 0
        ? 'Nothing found. Try other words, or read MEMORY.md with memory_get.'
        : 'Read the lines around a result with memory_get (path, from, lines).'
    return says(JSON.stringify({ results, count: results.length, hint }), { metadata: { count: results.length } })
  },
})
