/** What the edge asks identity, each question behind its cache. */
import { cacheTags, masterTenantId, MeshError, noTenant, type CacheTag } from '@clawmesh/contracts'
import {
  IdentityServiceService,
  type ResolveApiKeyResponse,
  type ResolveOidcIssuerResponse,
  type ResolveTenantResponse,
} from '@clawmesh/contracts/gen/clawmesh/identity/v1/identity.ts'
import { newId, serviceCaller, sha256Hex, type Call, type Mesh } from '@clawmesh/chassis'
import { createLocalJWKSet, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose'
import { LRUCache } from 'lru-cache'
import { z } from 'zod'

const maxApiKeys = 20_000
const maxTenants = 20_000
const maxMembers = 50_000
const maxPairings = 50_000
const settingsWithinMs = 1_000
const maxOidcIssuers = 10_000
/** Tokens with unknown keys make the edge ask for new ones this often, for each issuer. */
const newKeysPauseMs = 1_000

export type ApiKey = Omit<ResolveApiKeyResponse, 'found'>
export type KeyLimits = Pick<ApiKey, 'keyId' | 'rateLimitRpm' | 'maxConcurrentRuns'>
export type Tenant = Pick<ResolveTenantResponse, 'id' | 'slug' | 'name' | 'status'>

/** A browser that an admin let in, until a time. */
export interface Pairing {
  readonly expiresAtMs: number
  /** Whom it speaks for; empty before it has named somebody. */
  readonly userId: string
}

/** An OIDC issuer whose tokens open a tenant. */
export interface OidcIssuer extends Omit<ResolveOidcIssuerResponse, 'found' | 'jwks'> {
  readonly issuer: string
  /** The key that a token's header names. */
  readonly keyOf: JWTVerifyGetKey
}

export interface Lookups {
  /** The key with a hash; undefined for an unknown, revoked or late one. @throws UNAVAILABLE */
  apiKey: (hash: string) => Promise<ApiKey | undefined>
  /** A tenant by id or slug, whatever its status. @throws UNAVAILABLE */
  tenant: (idOrSlug: string) => Promise<Tenant | undefined>
  /** @throws UNAVAILABLE */
  isMember: (tenantId: string, userId: string) => Promise<boolean>
  /** The pairing of a browser with a tenant. @throws UNAVAILABLE */
  pairing: (tenantId: string, senderId: string) => Promise<Pairing | undefined>
  /** Binds a paired browser to its first user, and gives whose it is; empty when it is not paired. @throws UNAVAILABLE */
  bindPairing: (tenantId: string, senderId: string, userId: string) => Promise<string>
  /** The enabled OIDC issuer that vouches for an audience. @throws UNAVAILABLE, also while none of its keys is known */
  oidcIssuer: (issuer: string, audience: string) => Promise<OidcIssuer | undefined>
  /** The same after its keys were fetched anew, if that was not done just now. @throws UNAVAILABLE */
  oidcIssuerAnew: (issuer: string, audience: string) => Promise<OidcIssuer | undefined>
  /** Calls back whenever answers may be others than before, with a tag of what changed; by then they are evicted here. */
  onInvalidation: (handler: (tag: CacheTag) => void) => void
  /** Runs a minute that a tenant has set for itself; undefined when it has not. @throws UNAVAILABLE */
  rateLimitRpm: (tenantId: string) => Promise<number | undefined>
  /** Whether identity and its database answer within a time; never cached, never throws. */
  answers: (limitMs: number) => Promise<boolean>
}

/** A shared lookup outlives the request that started it, so no request may cancel it. */
const ownCall = (signal: AbortSignal = new AbortController().signal, tenantId?: string): Call => ({
  caller: serviceCaller(tenantId),
  requestId: newId(),
  signal,
})

/** What the edge reads of a tenant's system configs; a value that makes no sense counts as not set. */
const tenantSettings = z.object({
  'gateway.rate_limit_rpm': z
    .string()
    .regex(/^-?\d{1,9}$/)
    .transform(Number)
    .optional()
    .catch(undefined),
})
type TenantSettings = z.output<typeof tenantSettings>

/** Whatever went wrong, the caller may be who it says: that is 503 and never 401. */
const orUnavailable = async <T>(answer: Promise<T>): Promise<T> => {
  try {
    return await answer
  } catch (cause) {
    throw new MeshError('UNAVAILABLE', 'error.unavailable', { what: 'identity' }, { cause })
  }
}

export const createIdentityLookups = (mesh: Pick<Mesh, 'client' | 'cache'>): Lookups => {
  const identity = mesh.client(IdentityServiceService)
  const apiKeys = mesh.cache<ApiKey>('api_keys', maxApiKeys)
  const tenants = mesh.cache<Tenant>('tenants', maxTenants)
  const members = mesh.cache<{ role: string }>('tenant_users', maxMembers)
  const pairings = mesh.cache<Pairing>('paired_devices', maxPairings)
  const settings = mesh.cache<TenantSettings>('system_configs', maxTenants)
  const oidcIssuers = mesh.cache<OidcIssuer>('oidc_issuers', maxOidcIssuers)
  const renewals = new LRUCache<string, Promise<OidcIssuer | undefined>>({ max: 1_000, ttl: newKeysPauseMs })

  const resolveOidcIssuer = async (issuer: string, audience: string, lacksKey: boolean) => {
    const answer = await orUnavailable(identity.resolveOidcIssuer(ownCall(), { issuer, audience, lacksKey }))
    const { found, jwks, ...settings } = answer
    return found ? { ...settings, issuer, keyOf: createLocalJWKSet(JSON.parse(jwks) as JSONWebKeySet) } : undefined
  }

  return {
    apiKey: (keyHash) =>
      apiKeys.get(noTenant, cacheTags.apiKey(keyHash).key, async () => {
        const key = await orUnavailable(identity.resolveApiKey(ownCall(), { keyHash }))
        return key.found ? key : undefined
      }),
    tenant: (idOrSlug) =>
      tenants.get(noTenant, idOrSlug, async () => {
        const tenant = await orUnavailable(identity.resolveTenant(ownCall(), { idOrSlug }))
        return tenant.found ? tenant : undefined
      }),
    isMember: async (tenantId, userId) => {
      const member = await members.get(tenantId, cacheTags.tenantUser(tenantId, userId).key, async () => {
        const { role } = await orUnavailable(identity.resolveMembership(ownCall(), { tenantId, userId }))
        return role === '' ? undefined : { role }
      })
      return member !== undefined
    },
    pairing: (tenantId, senderId) =>
      pairings.get(tenantId, cacheTags.pairedDevice(tenantId, sha256Hex(senderId)).key, async () => {
        const asked = identity.resolvePairing(ownCall(), { tenantId, senderId })
        const { status, expiresAtMs, userId } = await orUnavailable(asked)
        return status === 'approved' ? { expiresAtMs, userId } : undefined
      }),
    bindPairing: async (tenantId, senderId, userId) =>
      (await orUnavailable(identity.bindPairing(ownCall(), { tenantId, senderId, userId }))).userId,
    oidcIssuer: (issuer, audience) =>
      oidcIssuers.get(noTenant, cacheTags.oidcIssuer(issuer, audience).key, () =>
        resolveOidcIssuer(issuer, audience, false),
      ),
    oidcIssuerAnew: (issuer, audience) => {
      const { key } = cacheTags.oidcIssuer(issuer, audience)
      const known = renewals.get(key)
      if (known !== undefined) return known
      const renewal = resolveOidcIssuer(issuer, audience, true)
      renewals.set(key, renewal)
      return renewal
    },
    onInvalidation: (handler) => {
      for (const cache of [apiKeys, tenants, members, pairings, oidcIssuers]) cache.onInvalidation(handler)
    },
    rateLimitRpm: async (tenantId) => {
      const known = await settings.get(tenantId, 'all', async () => {
        const call = ownCall(AbortSignal.timeout(settingsWithinMs), tenantId)
        return tenantSettings.parse((await orUnavailable(identity.listSystemConfigs(call, {}))).values)
      })
      return known?.['gateway.rate_limit_rpm']
    },
    answers: (limitMs) =>
      identity.resolveTenant(ownCall(AbortSignal.timeout(limitMs)), { idOrSlug: masterTenantId }).then(
        () => true,
        () => false,
      ),
  }
}
