import { z } from 'zod'
import { defineHttpTable } from '../operation.ts'

const configKeyParams = z.object({
  key: z
    .string()
    .regex(/^[a-zA-Z0-9._-]{1,100}$/)
    .describe('Name of the config value'),
})
const systemConfig = z
  .object({ key: z.string().meta({ examples: ['gateway.rate_limit_rpm'] }), value: z.string() })
  .meta({ id: 'SystemConfig', description: 'One config value of a tenant' })

export const systemConfigs = defineHttpTable('identity', {
  listSystemConfigs: {
    method: 'GET',
    path: '/v1/system-configs',
    role: 'viewer',
    summary: "All config keys of the caller's tenant, as one object of texts",
    rules: {
      isAPlainObject: 'Answers a bare object from key to text',
      isOfTheCallersTenant:
        "The values are those of the caller's tenant, with none of the master tenant's in place of absent ones",
      hidesSecrets: 'A key that holds a secret is not shown, even when the table has it',
    },
    response: { 200: z.record(z.string(), z.string()) },
    errors: [],
  },
  getSystemConfig: {
    method: 'GET',
    path: '/v1/system-configs/{key}',
    role: 'viewer',
    summary: 'One config value',
    rules: {
      answers404WhenUnset: 'A key that is not set is answered 404',
    },
    params: configKeyParams,
    response: { 200: systemConfig },
    errors: [400, 404],
  },
  setSystemConfig: {
    method: 'PUT',
    path: '/v1/system-configs/{key}',
    role: 'admin',
    summary: 'Set one config value; keys that hold secrets are refused',
    rules: {
      checksKeyAndValue:
        'A key has at most 100 letters, digits, dots, underscores and hyphens, a value is a text, and the body has at most 64 KiB',
      replaces: "The value is set or replaced for the caller's tenant; an absent one is the empty text",
      isRecorded: 'Caches of that tenant alone evict, and the event does not hold the value',
      refusesSecrets: 'Keys that hold secrets are refused',
    },
    params: configKeyParams,
    body: z.object({ value: z.string().default('') }),
    bodyLimitBytes: 65_536,
    response: { 200: systemConfig },
    errors: [400, 404],
  },
  deleteSystemConfig: {
    method: 'DELETE',
    path: '/v1/system-configs/{key}',
    role: 'admin',
    summary: 'Remove one config value; fine for one that is not set',
    rules: {
      isSilent: 'Answers 204 without a body, also for a key that is not set, and caches evict',
    },
    params: configKeyParams,
    response: { 204: z.undefined() },
    errors: [400],
  },
})
