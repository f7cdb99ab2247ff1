/**
 * What caches of any process are told to evict. A tag names a kind of things, one tenant's things of a kind, or one
 * thing; messages are fire and forget, a cache's time to live is the backstop.
 */
import { z } from 'zod'

/** What is cached, by the thing that it is derived from: a change of the thing evicts it. */
export const cacheKinds = [
  'api_keys',
  'tenants',
  'tenant_users',
  'paired_devices',
  'oidc_issuers',
  'agents',
  'context_files',
  'providers',
  'usage_caps',
  'model_prices',
  'builtin_tools',
  'mcp',
  'secure_cli',
  'custom_tools',
  'system_configs',
  'config',
] as const
export type CacheKind = (typeof cacheKinds)[number]

/** Where things belong to no tenant, or are looked up before it is known. */
export const noTenant = ''

export const cacheTag = z.union([
  z.strictObject({ kind: z.enum(cacheKinds), tenantId: z.string(), key: z.string() }),
  z.strictObject({ kind: z.enum(cacheKinds), tenantId: z.string() }),
  z.strictObject({ kind: z.enum(cacheKinds) }),
])
/** Absent parts stand for all: without a key everything of the kind in a tenant, without a tenant everything. */
export interface CacheTag {
  readonly kind: CacheKind
  readonly tenantId?: string
  readonly key?: string
}

/** Subject of the tags of a kind. */
export const cacheSubject = (kind: CacheKind): string => `mesh.cache.${kind}`

/**
 * Keys that the service which changes a thing and those which cache it must agree on. What is cached under other keys
 * is evicted by tenant or by kind.
 */
export const cacheTags = {
  /** A key is looked up by the SHA-256 of its secret, before its tenant is known. */
  apiKey: (keyHash: string) => ({ kind: 'api_keys', tenantId: noTenant, key: keyHash }) as const,
  tenantUser: (tenantId: string, userId: string) => ({ kind: 'tenant_users', tenantId, key: userId }) as const,
  pairedDevice: (tenantId: string, senderIdHash: string) =>
    ({ kind: 'paired_devices', tenantId, key: senderIdHash }) as const,
  /** The issuer that vouches for an audience, looked up before its tenant is known. Issuers are URLs, without spaces. */
  oidcIssuer: (issuer: string, audience: string) =>
    ({ kind: 'oidc_issuers', tenantId: noTenant, key: `${issuer} ${audience}` }) as const,
} satisfies Record<string, (...parts: string[]) => Required<CacheTag>>
