import { randomBytes } from 'node:crypto'
import { roleIncludes, MeshError, type ApiKeyScope, type Caller, type Role } from '@clawmesh/contracts'
import { actorOf, newId, sha256Hex, type Call } from '@clawmesh/chassis'
import type { IdentityStore } from '../store/store.ts'
import type { ApiKey, NewApiKeyRow } from './types.ts'

export interface NewApiKey {
  name: string
  scopes: ApiKeyScope[]
  expires_in?: number | null | undefined
  tenant_id?: string | undefined
  owner_id?: string | undefined
}

const isSystemOwner = (caller: Caller) => roleIncludes(caller.role, 'owner')

/**
 * The role that may give a key each scope: the one that the scope itself gives. `operator.provision` opens tenants,
 * which are the system owner's.
 */
const roleToGive: Record<ApiKeyScope, Role> = {
  'operator.admin': 'admin',
  'operator.write': 'operator',
  'operator.approvals': 'operator',
  'operator.pairing': 'operator',
  'operator.read': 'viewer',
  'operator.provision': 'owner',
}

/** Nobody hands out more than they have. @throws FORBIDDEN naming the first scope that is too much */
const refuseMoreThanOwn = (caller: Caller, scopes: readonly ApiKeyScope[]): void => {
  const tooMuch = scopes.find(
    (scope) => !roleIncludes(caller.role, roleToGive[scope]) && !caller.scopes.includes(scope),
  )
  if (tooMuch !== undefined)
    throw new MeshError('FORBIDDEN', 'error.scope_beyond_role', { scope: tooMuch, role: roleToGive[tooMuch] })
}

/** `goclaw_` and 32 hex digits: 128 random bits. */
const newSecret = (): string => `goclaw_${randomBytes(16).toString('hex')}`
/** The part of a key that is shown for ever after. */
const prefixOf = (secret: string): string => secret.slice(0, 'goclaw_'.length + 8)
/** What is stored of a new secret. */
const identified = (secret: string): Pick<NewApiKeyRow, 'id' | 'prefix' | 'keyHash'> => ({
  id: newId(),
  prefix: prefixOf(secret),
  keyHash: sha256Hex(secret),
})

/** Only a system owner may make a key for another tenant, or for none (a system key). */
const tenantOf = (caller: Caller, input: NewApiKey): string | null =>
  isSystemOwner(caller) ? (input.tenant_id ?? null) : caller.tenantId

/** Who is bound to a user cannot make a key that speaks for another. */
const ownerOf = (caller: Caller, input: NewApiKey): string | null =>
  caller.userBound ? caller.userId : input.owner_id || null

const notFound = (id: string) => new MeshError('NOT_FOUND', 'error.not_found', { kind: 'api key', id })
const hasEnded = ({ revoked, expiresAt }: ApiKey, nowMs: number): boolean =>
  revoked || (expiresAt !== null && expiresAt.getTime() <= nowMs)

/** A replacement lives as long as its forerunner was given at first. */
const sameLifetime = ({ expiresAt, createdAt }: ApiKey, nowMs: number): Date | null =>
  expiresAt === null ? null : new Date(nowMs + expiresAt.getTime() - createdAt.getTime())

/** The API keys of the caller's tenant, and system keys for system owners. */
export const createApiKeyUseCases = (store: IdentityStore) => ({
  list: (caller: Caller): Promise<ApiKey[]> => store.apiKeys(caller.tenantId).list(isSystemOwner(caller)),

  /**
   * Makes a key. The secret is in this answer only.
   * @throws FORBIDDEN for a scope beyond the caller's own rights, NOT_FOUND for an unknown tenant
   */
  create: async (call: Call, input: NewApiKey): Promise<{ apiKey: ApiKey; secret: string }> => {
    const { caller } = call
    refuseMoreThanOwn(caller, input.scopes)
    const tenantId = tenantOf(caller, input)
    if (tenantId !== null && (await store.tenants.find(tenantId)) === undefined)
      throw new MeshError('NOT_FOUND', 'error.not_found', { kind: 'tenant', id: tenantId })
    const secret = newSecret()
    const seconds = input.expires_in ?? 0
    const apiKey = await store.apiKeys(caller.tenantId).insert(
      {
        ...identified(secret),
        tenantId,
        name: input.name,
        scopes: input.scopes,
        ownerId: ownerOf(caller, input),
        expiresAt: seconds > 0 ? new Date(Date.now() + seconds * 1000) : null,
        createdBy: caller.userId,
      },
      actorOf(call),
    )
    return { apiKey, secret }
  },

  /**
   * Replaces a key by a new one of the same name, scopes, owner, tenant and lifetime. The old one works on for
   * `graceSeconds`, or until its own end when that is earlier. A key is replaced once; after that it is its successor's turn.
   * @throws NOT_FOUND as for revoking; FORBIDDEN when the key may do more than the caller; FAILED_PRECONDITION when it
   *   is revoked, late or replaced already
   */
  rotate: async (
    call: Call,
    id: string,
    graceSeconds: number,
  ): Promise<{ apiKey: ApiKey; secret: string; previousExpiresAt: Date }> => {
    const { caller } = call
    const secret = newSecret()
    const rotated = await store.apiKeys(caller.tenantId).rotate(id, isSystemOwner(caller), actorOf(call), (old) => {
      const nowMs = Date.now()
      refuseMoreThanOwn(caller, old.scopes)
      if (caller.userBound && old.ownerId !== caller.userId)
        throw new MeshError('FORBIDDEN', 'error.no_access', { kind: 'api key' })
      if (old.rotatedTo !== null || hasEnded(old, nowMs))
        throw new MeshError('FAILED_PRECONDITION', 'error.api_key_ended', { id })
      const endMs = Math.min(nowMs + graceSeconds * 1000, old.expiresAt?.getTime() ?? Infinity)
      const { tenantId, name, scopes, ownerId } = old
      return {
        previousExpiresAt: new Date(endMs),
        successor: {
          ...identified(secret),
          tenantId,
          name,
          scopes,
          ownerId,
          expiresAt: sameLifetime(old, nowMs),
          createdBy: caller.userId,
        },
      }
    })
    if (rotated === undefined) throw notFound(id)
    return { ...rotated, secret }
  },

  /** Revokes a key for good; a second time is fine. System keys only by a system owner. @throws NOT_FOUND */
  revoke: async (call: Call, id: string): Promise<void> => {
    const { caller } = call
    const revoked = await store.apiKeys(caller.tenantId).revoke(id, isSystemOwner(caller), actorOf(call))
    if (!revoked) throw notFound(id)
  },

  /** The key with a hash if it may be used now; its use is noted in the background, about once a cache period. */
  resolve: async (keyHash: string): Promise<ApiKey | undefined> => {
    const apiKey = await store.findApiKey(keyHash)
    if (apiKey === undefined || hasEnded(apiKey, Date.now())) return undefined
    void store.touchApiKey(apiKey.id)
    return apiKey
  },
})

export type ApiKeyUseCases = ReturnType<typeof createApiKeyUseCases>
