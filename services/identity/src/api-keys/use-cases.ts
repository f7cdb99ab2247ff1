import { randomBytes } from 'node:crypto'
import { type ApiKeyScope, type Caller, MeshError, mostCostTags, type Role, roleIncludes } from '@clawmesh/contracts'
import { actorOf, newId, sha256Hex, type Actor, type Call } from '@clawmesh/chassis'
import { isSystemOwner, unknownTenant } from '../caller.ts'
import type { ApiKey, ApiKeyChanges, KeyRun, NewApiKey, NewApiKeyRow } from './types.ts'

/** What is decided about the replacement of a key. */
interface Rotation {
  previousExpiresAt: Date
  successor: NewApiKeyRow
}

/** The keys of one tenant, and those of the system where they are included. */
export interface ApiKeyRows {
  /** Newest first. */
  list: (includeSystemKeys: boolean) => Promise<ApiKey[]>
  /** Stores a key of the tenant, of another, or of the system. */
  insert: (key: NewApiKeyRow, actor: Actor) => Promise<ApiKey>
  /** Changes a key unless `check` throws; undefined when there is no such key. */
  update: (
    id: string,
    includeSystemKeys: boolean,
    actor: Actor,
    check: (old: ApiKey) => void,
    changes: ApiKeyChanges,
  ) => Promise<ApiKey | undefined>
  /**
   * Stores the successor that `plan` makes of a key and the key's own end, both or neither. While it plans nobody else
   * changes the key; what it throws changes nothing. Undefined when there is no such key.
   */
  rotate: (
    id: string,
    includeSystemKeys: boolean,
    actor: Actor,
    plan: (old: ApiKey) => Rotation,
  ) => Promise<{ apiKey: ApiKey; previousExpiresAt: Date } | undefined>
  /** False when there is no such key. */
  revoke: (id: string, includeSystemKeys: boolean, actor: Actor) => Promise<boolean>
}

/** Keys whose tenant is not known yet. */
export interface ApiKeyLookups {
  find: (keyHash: string) => Promise<ApiKey | undefined>
  /** Notes that a key was used; being used is no change of it. Never fails: nobody waits for it. */
  touch: (id: string) => Promise<void>
  /** Holds a run for a lease, one that is held already too; false when the key has as many as it may. */
  holdRun: (run: KeyRun, leaseMs: number) => Promise<boolean>
  releaseRun: (run: KeyRun) => Promise<void>
}

export interface ApiKeyParts {
  rowsOf: (tenantId: string) => ApiKeyRows
  lookups: ApiKeyLookups
  findTenant: (id: string) => Promise<object | undefined>
}

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

const fields = { rateLimitRpm: 'rate_limit_rpm', maxConcurrentRuns: 'max_concurrent_runs' } as const
type Limits = Pick<ApiKeyChanges, 'rateLimitRpm' | 'maxConcurrentRuns'>

/** A key with limits gives out none beyond them, nor no limit at all. @throws FORBIDDEN naming the field */
const refuseBeyondOwnLimits = ({ keyLimits }: Caller, given: Limits): void => {
  for (const name of ['rateLimitRpm', 'maxConcurrentRuns'] as const) {
    const [own, wanted] = [keyLimits?.[name] || Infinity, given[name]]
    if (wanted !== undefined && (wanted ?? Infinity) > own)
      throw new MeshError('FORBIDDEN', 'error.limit_beyond_own', { field: fields[name], limit: own })
  }
}

/** Who pays for a key pays for those that it makes. */
const withOwnTags = ({ keyTags = {} }: Caller, given: ApiKey['tags'] = {}): ApiKey['tags'] =>
  Object.fromEntries(Object.entries({ ...keyTags, ...given, ...keyTags }).slice(0, mostCostTags))

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

/** Only a system owner may make a key for another tenant, or for none (a system key). @throws FORBIDDEN */
const tenantOf = (caller: Caller, { tenantId }: NewApiKey): string | null => {
  if (isSystemOwner(caller)) return tenantId ?? null
  if (tenantId !== undefined && tenantId !== caller.tenantId)
    throw new MeshError('FORBIDDEN', 'error.system_owner_only', { action: 'make keys of another tenant' })
  return caller.tenantId
}

/** Who is bound to a user cannot make a key that speaks for another. @throws FORBIDDEN */
const ownerOf = ({ userBound, userId }: Caller, { ownerId }: NewApiKey): string | null => {
  if (!userBound) return ownerId || null
  if (ownerId && ownerId !== userId) throw new MeshError('FORBIDDEN', 'error.bound_to_user', { user: userId })
  return userId
}

/** @throws FORBIDDEN when a caller who is bound to a user reaches for the key of another */
const refuseOthersKey = ({ userBound, userId }: Caller, { ownerId }: ApiKey): void => {
  if (userBound && ownerId !== userId) throw new MeshError('FORBIDDEN', 'error.no_access', { kind: 'api key' })
}

const notFound = (id: string) => new MeshError('NOT_FOUND', 'error.not_found', { kind: 'api key', id })
const hasEnded = ({ revoked, expiresAt }: ApiKey, nowMs: number): boolean =>
  revoked || (expiresAt !== null && expiresAt.getTime() <= nowMs)

/** A replacement lives as long as its forerunner was given at first. */
const sameLifetime = ({ expiresAt, createdAt }: ApiKey, nowMs: number): Date | null =>
  expiresAt === null ? null : new Date(nowMs + expiresAt.getTime() - createdAt.getTime())

/** The API keys of the caller's tenant, and system keys for system owners. */
export const createApiKeyUseCases = ({ rowsOf, lookups, findTenant }: ApiKeyParts) => ({
  list: (caller: Caller): Promise<ApiKey[]> => rowsOf(caller.tenantId).list(isSystemOwner(caller)),

  /**
   * Makes a key. The secret is in this answer only.
   * @throws FORBIDDEN for a scope, a limit, a tenant or an owner beyond the caller's own rights, NOT_FOUND for an unknown tenant
   */
  create: async (call: Call, input: NewApiKey): Promise<{ apiKey: ApiKey; secret: string }> => {
    const { caller } = call
    refuseMoreThanOwn(caller, input.scopes)
    refuseBeyondOwnLimits(caller, input)
    const ownerId = ownerOf(caller, input)
    const tenantId = tenantOf(caller, input)
    if (tenantId !== null && (await findTenant(tenantId)) === undefined) throw unknownTenant(tenantId)
    const secret = newSecret()
    const seconds = input.expiresIn ?? 0
    const apiKey = await rowsOf(caller.tenantId).insert(
      {
        ...identified(secret),
        tenantId,
        name: input.name,
        scopes: input.scopes,
        ownerId,
        expiresAt: seconds > 0 ? new Date(Date.now() + seconds * 1000) : null,
        createdBy: caller.userId,
        rateLimitRpm: input.rateLimitRpm ?? (caller.keyLimits?.rateLimitRpm || null),
        maxConcurrentRuns: input.maxConcurrentRuns ?? (caller.keyLimits?.maxConcurrentRuns || null),
        tags: withOwnTags(caller, input.tags),
      },
      actorOf(call),
    )
    return { apiKey, secret }
  },

  /** Renames a key or changes its limits. @throws NOT_FOUND as for revoking; FORBIDDEN when it may do more than the caller */
  update: async (call: Call, id: string, changes: ApiKeyChanges): Promise<ApiKey> => {
    const { caller } = call
    refuseBeyondOwnLimits(caller, changes)
    const tags = changes.tags === undefined ? {} : { tags: withOwnTags(caller, changes.tags) }
    const check = (old: ApiKey) => {
      refuseMoreThanOwn(caller, old.scopes)
      refuseOthersKey(caller, old)
    }
    const updated = await rowsOf(caller.tenantId).update(id, isSystemOwner(caller), actorOf(call), check, {
      ...changes,
      ...tags,
    })
    if (updated === undefined) throw notFound(id)
    return updated
  },

  /**
   * Replaces a key by a new one of the same name, scopes, owner, tenant, limits and lifetime. The old one works on for
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
    const rotated = await rowsOf(caller.tenantId).rotate(id, isSystemOwner(caller), actorOf(call), (old) => {
      const nowMs = Date.now()
      refuseMoreThanOwn(caller, old.scopes)
      refuseOthersKey(caller, old)
      if (old.rotatedTo !== null || hasEnded(old, nowMs))
        throw new MeshError('FAILED_PRECONDITION', 'error.api_key_ended', { id })
      const endMs = Math.min(nowMs + graceSeconds * 1000, old.expiresAt?.getTime() ?? Infinity)
      const { tenantId, name, scopes, ownerId, rateLimitRpm, maxConcurrentRuns, tags } = old
      return {
        previousExpiresAt: new Date(endMs),
        successor: {
          ...identified(secret),
          tenantId,
          name,
          scopes,
          ownerId,
          rateLimitRpm,
          maxConcurrentRuns,
          tags,
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
    const revoked = await rowsOf(caller.tenantId).revoke(id, isSystemOwner(caller), actorOf(call))
    if (!revoked) throw notFound(id)
  },

  /** The key with a hash if it may be used now; its use is noted in the background, about once a cache period. */
  resolve: async (keyHash: string): Promise<ApiKey | undefined> => {
    const apiKey = await lookups.find(keyHash)
    if (apiKey === undefined || hasEnded(apiKey, Date.now())) return undefined
    void lookups.touch(apiKey.id)
    return apiKey
  },

  /** Holds one of the runs that a key may have under way, or holds it on; false when there is none left. */
  holdRun: lookups.holdRun,
  releaseRun: lookups.releaseRun,
})

export type ApiKeyUseCases = ReturnType<typeof createApiKeyUseCases>
