/** What identity knows of an OIDC issuer. */
import type { http } from '@clawmesh/contracts'
import type { BodyShape } from '@clawmesh/chassis'

type Operations = typeof http.oidcIssuers.operations

/** As clients send it. */
export type NewOidcIssuer = BodyShape<Operations['createOidcIssuer']>
export type OidcIssuerChanges = BodyShape<Operations['updateOidcIssuer']>

/** What an admin may change of an issuer, audiences apart. */
export type OidcSettings = Omit<NewOidcIssuer, 'issuer' | 'audiences'>

/** A public JSON Web Key (RFC 7517). */
export interface PublicKey {
  kty: 'RSA' | 'EC' | 'OKP'
  kid?: string | undefined
  [member: string]: unknown
}

export type NewOidcIssuerRow = NewOidcIssuer & { id: string }

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
