import { z } from 'zod'
import { timestamp, uuid } from '../common.ts'
import { defineHttpTable } from '../operation.ts'
import { providerType } from './providers.ts'

/** How a call to a provider fails. */
const failures = [
  'credentials',
  'rejected',
  'missing',
  'rate_limit',
  'quota',
  'failed',
  'timeout',
  'cut',
  'cancelled',
] as const

const reason = z.string().describe('What the provider said, without secrets')
const key = z.number().int().min(1).describe('Counts the keys of the provider from 1')

const cooldown = z.object({
  key,
  model: z.string().describe('Empty where the default of the type was asked for'),
  state: z.enum(['cooling', 'probing', 'due']).describe('`due`: the next call may try it'),
  error: z.enum(failures),
  failures: z.number().int().min(1).describe('In a row'),
  reason,
  retry_after_ms: z.number().int().min(0),
})

const attempt = z.object({
  provider: z.string(),
  model: z.string(),
  key: key.optional(),
  outcome: z.enum(['served', 'cooling', 'unavailable', ...failures]).describe('`cooling` ones were not asked'),
  reason: reason.optional(),
})

export const providerRuntime = defineHttpTable('providers', {
  getProviderRuntime: {
    method: 'GET',
    path: '/v1/providers/runtime',
    role: 'admin',
    summary: 'Which providers serve right now, which cool down, and where calls of late went instead',
    rules: {
      showsCooldowns:
        'A key that failed is shown for the model that it failed with, with how it failed, and when it is tried again',
      forgetsWhoServesAgain: 'Once a call to it has been answered its cooldown is over',
      showsWaysOfLate: 'Calls that were not answered by the first that was asked are listed, newest first, at most 20',
      showsTheChain: 'The fallbacks that the tenant has configured are shown',
      isOfItsTenantOnly: 'Providers and calls of other tenants are not shown, and no key is',
    },
    response: {
      200: z
        .object({
          providers: z.array(
            z.object({
              id: uuid,
              name: z.string(),
              provider_type: providerType,
              key_count: z.number().int().min(0),
              state: z.enum(['ready', 'cooling', 'off']).describe('`cooling` where any key cools down for any model'),
              cooldowns: z.array(cooldown),
            }),
          ),
          fallbacks: z.array(z.object({ provider: z.string(), model: z.string() })),
          recent: z.array(z.object({ at: timestamp, attempts: z.array(attempt) })),
        })
        .meta({ id: 'ProviderRuntime', description: 'What is known of the providers of a tenant at work' }),
    },
    errors: [],
  },
})
