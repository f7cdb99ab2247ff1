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
    response: { 200: z.record(z.string(), z.string()) },
    errors: [],
  },
  getSystemConfig: {
    method: 'GET',
    path: '/v1/system-configs/{key}',
    role: 'viewer',
    summary: 'One config value',
    params: configKeyParams,
    response: { 200: systemConfig },
    errors: [400, 404],
  },
  setSystemConfig: {
    method: 'PUT',
    path: '/v1/system-configs/{key}',
    role: 'admin',
    summary: 'Set one config value; keys that hold secrets are refused',
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
    params: configKeyParams,
    response: { 204: z.undefined() },
    errors: [400],
  },
})
