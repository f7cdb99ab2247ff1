import { z } from 'zod'
import { defineHttpTable } from '../operation.ts'
import { agentParams } from './agents.ts'
import { poolActivity, poolLimit } from '../providers/codex-pool.ts'

export const agentCodexPool = defineHttpTable('agents', {
  getAgentCodexPoolActivity: {
    method: 'GET',
    path: '/v1/agents/{id}/codex-pool-activity',
    role: 'viewer',
    summary: "What the accounts behind an agent's provider did of late for it",
    rules: {
      needsAccessToTheAgent: 'A caller who may not use the agent is answered 403, for an unknown one 404',
      showsTheStrategyThatHolds:
        "The strategy is the agent's own where it has one, else the pool's; an agent that is content with the provider alone has a pool of one",
      isEmptyWithoutAPool:
        'An agent whose provider is no ChatGPT account, or of whose pool nobody is signed in, is answered with empty lists',
      countsSelectionsAndServes:
        'A call counts for the account that was asked first, for the one that has served in its place, and as an outcome for each that was asked',
      scoresHealth:
        'Health is the share of successes, less fifteen for each failure in a row (at most 45) and ten where none has ever succeeded: critical below 40 or after three failures, degraded below 80, idle without outcomes',
      listsNewestFirst: 'Calls are listed newest first, as many as `limit` says; what is not 1 to 50 counts as 18',
      countsItsOwnCalls: 'Calls of other agents, and those that no account of the pool was asked for, do not count',
      countsTheNewest:
        'The newest 120 calls are counted, however old they are; those that are runs of other runs are none of its own',
      looksInTheMasterTenant: 'The provider is looked for in the tenant of the agent, then in the master tenant',
      needsTraces: 'While traces cannot be read it is answered 503',
    },
    params: agentParams,
    query: z.object(poolLimit),
    response: { 200: z.object(poolActivity) },
    errors: [403, 404, 503],
  },
})
