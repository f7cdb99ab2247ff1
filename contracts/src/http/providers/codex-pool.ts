import { z } from 'zod'
import { idParams, timestamp, uuid } from '../common.ts'
import { defineHttpTable } from '../operation.ts'
import { poolStrategies } from './providers.ts'

const listedByDefault = 18
/** Calls that are counted at least. */
export const poolSample = 120

export const poolLimit = {
  limit: z.coerce
    .number()
    .int()
    .min(1)
    .max(50)
    .catch(listedByDefault)
    .default(listedByDefault)
    .describe('Calls that are listed; what is not 1 to 50 counts as absent'),
}

const healthStates = ['healthy', 'degraded', 'critical', 'idle'] as const

/** Counts as they came from another service, their states told apart. */
export const shownActivity = <C extends { healthState: string }, A extends { providerCounts: readonly C[] }>(
  activity: A & { providerCounts: readonly C[] },
) => ({
  ...activity,
  providerCounts: activity.providerCounts.map((counted) => ({
    ...counted,
    healthState: healthStates.find((state) => state === counted.healthState) ?? ('idle' as const),
  })),
})

const count = z.number().int().min(0)
const percent = count.max(100)

/** What the accounts of a pool did of late. */
export const poolActivity = {
  strategy: z.enum(poolStrategies),
  pool_providers: z.array(z.string()).describe('Owner first, then the others as they are configured'),
  stats_sample_size: count.describe('Calls that were counted'),
  provider_counts: z
    .array(
      z.object({
        provider_name: z.string(),
        request_count: count.describe('As direct_selection_count'),
        direct_selection_count: count,
        failover_serve_count: count,
        success_count: count,
        failure_count: count,
        consecutive_failures: count.describe('From the newest outcome back to the first success'),
        success_rate: percent,
        health_score: percent,
        health_state: z.enum(healthStates),
        last_selected_at: timestamp.optional(),
        last_failover_at: timestamp.optional(),
        last_used_at: timestamp.optional(),
        last_success_at: timestamp.optional(),
        last_failure_at: timestamp.optional(),
      }),
    )
    .describe('One for each account, in the order of the pool'),
  recent_requests: z
    .array(
      z.object({
        span_id: uuid,
        trace_id: uuid,
        started_at: timestamp,
        status: z.string(),
        duration_ms: count,
        provider_name: z.string().describe('Who has served; empty where none has'),
        selected_provider: z.string().optional(),
        model: z.string(),
        attempt_count: z.number().int().min(1),
        used_failover: z.boolean(),
        failover_providers: z.array(z.string()).optional(),
      }),
    )
    .describe('Newest first'),
}

export const codexPool = defineHttpTable('providers', {
  getProviderCodexPoolActivity: {
    method: 'GET',
    path: '/v1/providers/{id}/codex-pool-activity',
    role: 'admin',
    summary: 'What the accounts of a pool did of late, for all agents',
    rules: {
      isEmptyWithoutAPool:
        'A provider that is no ChatGPT account, and one of whose pool nobody is signed in, is answered with empty lists and `primary_first`',
      namesWhoIsSignedIn:
        'The pool is the provider and the others that its settings name, as far as they are signed in',
      countsAWeek: 'The newest calls of the last seven days are counted: 120, or as many as are listed',
      namesTheBusiestAgents: 'The agents with most calls come first, at most ten',
      needsTraces: 'While traces cannot be read it is answered 503',
    },
    params: idParams,
    query: z.object(poolLimit),
    response: {
      200: z.object({
        ...poolActivity,
        top_agents: z
          .array(z.object({ agent_id: uuid, agent_key: z.string().optional(), request_count: count }))
          .max(10),
      }),
    },
    errors: [400, 404, 503],
  },
})
