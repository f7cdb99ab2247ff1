import { randomBytes } from 'node:crypto'
import { roleIncludes, MeshError, type ApiKeyScope, type Caller } from '@clawmesh/contracts'
import { newId, sha256Hex } from '@clawmesh/chassis'
import type { IdentityStore } from '../store/store.ts'
import type { ApiKey } from './types.ts'

export interface NewApiKey {
  name: string
  scopes: ApiKeyScope[]
  expires_in?: number | null | undefined
  tenant_id?: string | undefined
  owner_id?: string | undefined
}

const isSystemOwner = (caller: Caller) => roleIncludes(caller.role, 'owner')

/** `goclaw_` and 32 hex digits: 128 random bits. */
const newSecret = (): string => `goclaw_${randomBytes(16).toString('hex')}`
/** The part of a key that is shown for ever after. */
const prefixOf = (secret: string): string => secret.slice(0, 'goclaw_'.length + 8)

/** Only a system owner may make a key for another tenant, or for none (a system key). */
const tenantOf = (caller: Caller, input: NewApiKey): string | null =>
  isSystemOwner(caller) ? (input.tenant_id ?? null) : caller.tenantId

/** The API keys of the caller's tenant, and system keys for system owners. */
export const apiKeyUseCases = (store: IdentityStore) => ({
  list: (caller: Caller): Promise<ApiKey[]> => store.apiKeys(caller.tenantId).list(isSystemOwner(caller)),

  /** Makes a key. The secret is in this answer only. @throws NOT_FOUND for an unknown tenant */
  create: async (caller: Caller, input: NewApiKey): Promise<{ apiKey: ApiKey; secret: string }> => {
    const tenantId = tenantOf(caller, input)
    if (tenantId !== null && (await store.tenants.find(tenantId)) === undefined)
      throw new MeshError('NOT_FOUND', 'error.not_found', { kind: 'tenant', id: tenantId })
    const secret = newSecret()
    const seconds = input.expires_in ?? 0
    const apiKey = await store.apiKeys(caller.tenantId).insert(
      {
        id: newId(),
        tenantId,
        name: input.name,
        prefix: prefixOf(secret),
        keyHash: sha256Hex(secret),
        scopes: input.scopes,
        ownerId: input.owner_id || null,
        expiresAt: seconds > 0 ? new Date(Date.now() + seconds * 1000) : null,
        createdBy: caller.userId,
      },
      caller.userId || 'system',
    )
    return { apiKey, secret }
  },

  /** Revokes a key for good; a second time is fine. System keys only by a system owner. @throws NOT_FOUND */
  revoke: async (caller: Caller, id: string): Promise<void> => {
    const revoked = await store.apiKeys(caller.tenantId).revoke(id, isSystemOwner(caller), caller.userId || 'system')
    if (!revoked) throw new MeshError('NOT_FOUND', 'error.not_found', { kind: 'api key', id })
  },

  /** The key with a hash if it may be used now; its use is noted in the background, about once a cache period. */
  resolve: async (keyHash: string): Promise<ApiKey | undefined> => {
    const apiKey = await store.findApiKey(keyHash)
    if (apiKey === undefined || apiKey.revoked) return undefined
    if (apiKey.expiresAt !== null && apiKey.expiresAt.getTime() <= Date.now()) return undefined
    void store.touchApiKey(apiKey.id)
    return apiKey
  },
})

export type ApiKeyUseCases = ReturnType<typeof apiKeyUseCases>
