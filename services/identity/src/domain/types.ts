/** The things identity knows, as its domain speaks of them. */
import type { ApiKeyScope, BodyOf, http } from '@clawmesh/contracts'

export type TenantStatus = 'active' | 'suspended' | 'archived'
/** What a member is in a tenant; it does not change the role of requests. */
export type TenantRole = BodyOf<typeof http.identity.operations.addTenantMember>['role']

export interface Tenant {
  id: string
  name: string
  slug: string
  status: TenantStatus
  settings: Record<string, unknown>
  createdAt: Date
  updatedAt: Date
}

/** A user's membership in a tenant. */
export interface TenantUser {
  id: string
  tenantId: string
  userId: string
  displayName: string | null
  role: TenantRole
  metadata: Record<string, unknown>
  createdAt: Date
  updatedAt: Date
}

export interface ApiKey {
  id: string
  /** null for a system key */
  tenantId: string | null
  name: string
  prefix: string
  keyHash: string
  scopes: ApiKeyScope[]
  ownerId: string | null
  expiresAt: Date | null
  /** The key that replaced this one. */
  rotatedTo: string | null
  lastUsedAt: Date | null
  revoked: boolean
  createdBy: string
  createdAt: Date
  updatedAt: Date
}

/** What a key is stored with at first. */
export type NewApiKeyRow = Omit<ApiKey, 'createdAt' | 'updatedAt' | 'lastUsedAt' | 'revoked' | 'rotatedTo'>

/** A sender on a channel, by the channel's own ids. */
export interface Sender {
  senderId: string
  channel: string
}

export interface PairingRequest extends Sender {
  id: string
  tenantId: string
  /** What the one who waits shows to an admin. */
  code: string
  chatId: string
  /** Whose pending requests are counted together. */
  accountId: string
  expiresAt: Date
  createdAt: Date
}

export interface PairedDevice extends Sender {
  id: string
  tenantId: string
  chatId: string
  pairedBy: string
  pairedAt: Date
  expiresAt: Date
}

type OidcIssuerBody = BodyOf<typeof http.identity.operations.createOidcIssuer>

/** What an admin may change of an OIDC issuer, audiences apart. */
export interface OidcSettings {
  /** null finds the keys by discovery */
  jwksUri: string | null
  algorithms: OidcIssuerBody['algorithms']
  userClaim: string
  roleClaim: string | null
  roleMapping: OidcIssuerBody['role_mapping']
  /** null refuses users whose claims give no role */
  defaultRole: OidcIssuerBody['default_role']
  clockSkewSeconds: number
  enabled: boolean
}

export interface NewOidcIssuerRow extends OidcSettings {
  id: string
  issuer: string
  audiences: string[]
}

/** A public JSON Web Key (RFC 7517). */
export interface PublicKey {
  kty: 'RSA' | 'EC' | 'OKP'
  kid?: string | undefined
  [member: string]: unknown
}

/** An OIDC issuer whose tokens open a tenant. */
export interface OidcIssuer extends NewOidcIssuerRow {
  tenantId: string
  /** As fetched last. */
  keys: PublicKey[]
  keysFetchedAt: Date | null
  /** Why the last fetch failed. */
  keysError: string | null
  /** Fetches that failed since the last that did not. */
  keysFailures: number
  /** Before this nobody fetches. */
  keysNextAt: Date
  createdAt: Date
  updatedAt: Date
}
