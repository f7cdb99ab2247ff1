import type { http } from '@clawmesh/contracts'
import { reply, type Handlers } from '@clawmesh/chassis'
import type { ApiKeyUseCases } from '../domain/api-keys.ts'
import type { ApiKey } from '../domain/types.ts'

/** What a system key shows as its tenant. */
const noTenant = '00000000-0000-0000-0000-000000000000'
/** Answers with a secret in them. */
const notKept = { 'cache-control': 'no-store' }
const iso = (date: Date | null): string | null => date?.toISOString() ?? null

const toWire = (key: ApiKey) => ({
  id: key.id,
  tenant_id: key.tenantId ?? noTenant,
  name: key.name,
  prefix: key.prefix,
  scopes: key.scopes,
  ...(key.ownerId === null ? {} : { owner_id: key.ownerId }),
  expires_at: iso(key.expiresAt),
  last_used_at: iso(key.lastUsedAt),
  revoked: key.revoked,
  created_by: key.createdBy,
  created_at: key.createdAt.toISOString(),
  updated_at: key.updatedAt.toISOString(),
})

export const createApiKeyHandlers = (
  apiKeys: ApiKeyUseCases,
): Handlers<typeof http.identity, 'listApiKeys' | 'createApiKey' | 'rotateApiKey' | 'revokeApiKey'> => ({
  listApiKeys: async ({ caller }) => (await apiKeys.list(caller)).map(toWire),
  createApiKey: async ({ call, body }) => {
    const { apiKey, secret } = await apiKeys.create(call, body)
    return reply(201, { ...toWire(apiKey), key: secret }, notKept)
  },
  rotateApiKey: async ({ call, params, body }) => {
    const { apiKey, secret, previousExpiresAt } = await apiKeys.rotate(call, params.id, body.grace_seconds)
    return reply(
      201,
      {
        ...toWire(apiKey),
        key: secret,
        rotated_from: params.id,
        previous_expires_at: previousExpiresAt.toISOString(),
      },
      notKept,
    )
  },
  revokeApiKey: async ({ call, params }) => {
    await apiKeys.revoke(call, params.id)
    return { status: 'revoked' }
  },
})
