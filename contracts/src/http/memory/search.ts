import { z } from 'zod'
import { defineHttpTable } from '../operation.ts'
import { agentParams, owner, ownerQuery, ownerRules } from './shared.ts'

export const memorySearch = defineHttpTable('memory', {
  searchMemory: {
    method: 'POST',
    path: '/v1/agents/{agentID}/memory/search',
    role: 'operator',
    summary: 'Hybrid text and vector search over memory chunks',
    rules: {
      ...ownerRules,
      needsAnOperator: 'A viewer may not search, although nothing is changed',
      requiresAQuery: 'An empty query, or one of spaces alone, is refused',
      takesEitherLimit:
        '`max_results` goes before `limit`; without a positive one the setting of the agent holds, which is 6 by default',
      scopesToAUser: 'Without `user_id` the shared documents are searched, with it those of the user too',
      findsInEveryLanguage:
        'Inflections, missing accents, Korean particles and scripts without spaces hide nothing; words that only ask are ignored',
      answersNothingWithNothing:
        'What has nothing to do with the query is no result, whatever `min_score` says, nor is anything for signs alone',
      putsExactTextsFirst: 'A text in which the query stands as it is comes before one that has its words',
      foldsNearDuplicates: 'Texts that say nearly the same are one result, the best of them',
      weighsBothSides:
        'A score is 0.3 of the text side and 0.7 of the vector side unless the agent says otherwise, with hashed words 0.7 and 0.3 and with the sentence model of a folder 0.6 and 0.4; a side alone counts whole',
      prefersPersonalOnes:
        'What is personal counts 1.2 times and stands for a shared hit at the same place or of the same text',
      dropsLowScores: 'What scores below `min_score` is left out; 0 leaves out nothing that has to do with the query',
      ordersByScore: 'Results come best first, and `count` is their number',
    },
    params: agentParams,
    query: ownerQuery,
    body: z.object({
      query: z.string().min(1).max(20_000),
      ...owner,
      max_results: z.number().int().optional(),
      limit: z.number().int().optional().describe('Alias of max_results'),
      min_score: z.number().default(0),
    }),
    response: {
      200: z.object({
        results: z.array(
          z.object({
            path: z.string(),
            start_line: z.number().int(),
            end_line: z.number().int(),
            score: z.number(),
            snippet: z.string(),
            source: z.literal('memory'),
            scope: z.enum(['global', 'personal']).optional(),
          }),
        ),
        count: z.number().int(),
      }),
    },
    errors: [400, 404],
  },
})
