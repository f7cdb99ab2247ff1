import { z } from 'zod'
import { apiKeyScopes } from '../../caller.ts'
import { idParams, statusIs, timestamp, userId, uuid } from '../common.ts'
import { defineHttpTable } from '../operation.ts'

const scope = z.enum(apiKeyScopes)

const apiKey = z
  .object({
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
  .meta({ id: 'ApiKey', description: 'An API key without its secret' })

/** How long a replaced API key goes on working, unless said otherwise. */
const defaultGraceSeconds = 48 * 3_600
const maxGraceSeconds = 30 * 86_400

const createdKey = apiKey.extend({
  key: z
    .string()
    .regex(/^goclaw_[0-9a-f]{32}$/)
    .meta({ examples: ['goclaw_00112233445566778899aabbccddeeff'] }),
})

export const apiKeys = defineHttpTable('identity', {
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
    orScope: 'operator.provision',
    summary: 'Create an API key with no more rights than your own; the secret is shown in this answer only',
    body: z.object({
      name: z.string().trim().min(1).max(100),
      scopes: z.array(scope).min(1),
      expires_in: z.number().int().nullish().describe('Seconds; null, absent or not above 0 means never'),
      tenant_id: uuid.optional().describe('System owner only; absent makes a system key'),
      owner_id: userId.optional(),
    }),
    response: { 201: createdKey },
    errors: [400, 404],
  },
  rotateApiKey: {
    method: 'POST',
    path: '/v1/api-keys/{id}/rotate',
    role: 'admin',
    summary: 'Replace an API key by a new one with the same rights; the old one works on until a deadline',
    params: idParams,
    body: z
      .object({
        grace_seconds: z
          .number()
          .int()
          .min(0)
          .max(maxGraceSeconds)
          .default(defaultGraceSeconds)
          .describe('How long the old key goes on working; 0 ends it at once, an earlier end of its own stays'),
      })
      .prefault({}),
    response: { 201: createdKey.extend({ rotated_from: uuid, previous_expires_at: timestamp }) },
    errors: [400, 404, 412],
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
})
