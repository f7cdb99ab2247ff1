import type { http } from '@clawmesh/contracts'
import { reply, type Handlers } from '@clawmesh/chassis'
import type { ApiKeyUseCases } from '../domain/api-keys.ts'
import type { ApiKey } from '../domain/types.ts'

/** What a system key shows as its tenant. */
const noTenant = '00000000-0000-0000-0000-000000000000'
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

export const apiKeyHandlers = (
  apiKeys: ApiKeyUseCases,
): Handlers<typeof http.identity, 'listApiKeys' | 'createApiKey' | 'revokeApiKey'> => ({
  listApiKeys: async ({ caller }) => (await apiKeys.list(caller)).map(toWire),
  createApiKey: async ({ caller, body }) => {
    const { apiKey, secret } = await apiKeys.create(caller, body)
    return reply(201, { ...toWire(apiKey), key: secret }, { 'cache-control': 'no-store' })
  },
  revokeApiKey: async ({ caller, params }) => {
    await apiKeys.revoke(caller, params.id)
    return { status: 'revoked' }
  },
})
