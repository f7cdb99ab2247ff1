import { z } from 'zod'
import { apiKeyScopes } from '../caller.ts'
import { json, idParams, slug, statusIs, timestamp, userId, uuid, okString } from './common.ts'
import { httpService } from './operation.ts'

const scope = z.enum(apiKeyScopes)

export const apiKey = z.object({
  id: uuid,
  tenant_id: uuid.describe('All zeros for a system key'),
  name: z.string().max(100),
  prefix: z.string(),
  scopes: z.array(scope),
  owner_id: z.string().optional(),
  expires_at: timestamp.nullable(),
  last_used_at: timestamp.nullable(),
  revoked: z.boolean(),
  created_by: z.string(),
  created_at: timestamp,
  updated_at: timestamp,
})

export const tenant = z.object({
  id: uuid,
  name: z.string(),
  slug: z.string(),
  status: z.enum(['active', 'suspended', 'archived']),
  settings: json.optional(),
  created_at: timestamp,
  updated_at: timestamp,
})

export const identity = httpService('identity', {
  listApiKeys: {
    method: 'GET',
    path: '/v1/api-keys',
    role: 'admin',
    summary: 'All API keys, active and revoked, without the secret',
    response: { 200: z.array(apiKey) },
    errors: [],
  },
  createApiKey: {
    method: 'POST',
    path: '/v1/api-keys',
    role: 'admin',
    summary: 'Create an API key; the secret is shown in this answer only',
    body: z.object({
      name: z.string().trim().min(1).max(100),
      scopes: z.array(scope).min(1),
      expires_in: z.number().int().nullish().describe('Seconds; null, absent or not above 0 means never'),
      tenant_id: uuid.optional().describe('System owner only; absent makes a system key'),
      owner_id: userId.optional(),
    }),
    response: { 201: apiKey.extend({ key: z.string().regex(/^goclaw_[0-9a-f]{32}$/) }) },
    errors: [400, 404],
  },
  revokeApiKey: {
    method: 'POST',
    path: '/v1/api-keys/{id}/revoke',
    aliases: [{ method: 'DELETE', path: '/v1/api-keys/{id}', id: 'deleteApiKey' }],
    role: 'admin',
    summary: 'Revoke an API key for good',
    params: idParams,
    response: { 200: statusIs('revoked') },
    errors: [400, 404],
  },
  listTenants: {
    method: 'GET',
    path: '/v1/tenants',
    role: 'owner',
    summary: 'All tenants',
    response: { 200: z.object({ tenants: z.array(tenant) }) },
    errors: [],
  },
  createTenant: {
    method: 'POST',
    path: '/v1/tenants',
    role: 'owner',
    orScope: 'operator.provision',
    summary: 'Create a tenant',
    body: z.object({
      name: z.string().trim().min(1).max(255),
      slug: slug(100).optional().describe('Derived from the name when absent'),
      settings: json.optional(),
    }),
    response: { 201: tenant },
    errors: [400, 409],
  },
  getTenant: {
    method: 'GET',
    path: '/v1/tenants/{id}',
    role: 'owner',
    summary: 'One tenant',
    params: idParams,
    response: { 200: tenant },
    errors: [400, 404],
  },
  updateTenant: {
    method: 'PATCH',
    path: '/v1/tenants/{id}',
    role: 'owner',
    summary: 'Change name, status or settings of a tenant',
    params: idParams,
    body: z.object({
      name: z.string().max(255).optional(),
      status: z.enum(['active', 'suspended', 'archived']).optional(),
      settings: json.optional(),
    }),
    response: { 200: okString },
    errors: [400, 404],
  },
})
