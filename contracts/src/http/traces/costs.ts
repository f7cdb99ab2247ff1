import { z } from 'zod'
import { lenient, uuid } from '../common.ts'
import { defineHttpTable } from '../operation.ts'
import { period } from './period.ts'

export const costs = defineHttpTable('traces', {
  getCostSummary: {
    method: 'GET',
    path: '/v1/costs/summary',
    role: 'viewer',
    summary: 'Cost and token totals per agent',
    rules: {
      sumsRootTraces: 'Only root traces count, grouped by agent, the highest cost first',
      sumsAgentlessTraces: 'Traces without an agent make one row without `agent_id`',
      filtersByTime: '`from` is inclusive and `to` exclusive; without them all traces that are kept count',
      ignoresUnreadableFilters: 'An `agent_id`, `from` or `to` that cannot be read filters nothing',
      isOpenToViewers: 'Any viewer sees the costs of the whole tenant, and of no other',
      answersAnArray: '`rows` is an empty array where nothing matches',
    },
    query: z.object({ agent_id: lenient(uuid).describe('Only this agent'), ...period }),
    response: {
      200: z.object({
        rows: z.array(
          z.object({
            agent_id: uuid.optional(),
            total_cost: z.number(),
            total_input_tokens: z.number().int(),
            total_output_tokens: z.number().int(),
            trace_count: z.number().int(),
          }),
        ),
      }),
    },
    errors: [],
  },
})
