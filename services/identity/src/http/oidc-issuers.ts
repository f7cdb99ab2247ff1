import type { http } from '@clawmesh/contracts'
import type { Handlers } from '@clawmesh/chassis'
import type { OidcIssuerUseCases } from '../domain/oidc-issuers.ts'
import type { OidcIssuer } from '../domain/types.ts'

const toWire = (issuer: OidcIssuer) => ({
  id: issuer.id,
  tenant_id: issuer.tenantId,
  issuer: issuer.issuer,
  audiences: issuer.audiences,
  jwks_uri: issuer.jwksUri,
  algorithms: issuer.algorithms,
  user_claim: issuer.userClaim,
  role_claim: issuer.roleClaim,
  role_mapping: issuer.roleMapping,
  default_role: issuer.defaultRole,
  clock_skew_seconds: issuer.clockSkewSeconds,
  enabled: issuer.enabled,
  key_count: issuer.keys.length,
  keys_fetched_at: issuer.keysFetchedAt?.toISOString() ?? null,
  keys_error: issuer.keysError,
  created_at: issuer.createdAt.toISOString(),
  updated_at: issuer.updatedAt.toISOString(),
})

export const createOidcIssuerHandlers = (
  issuers: OidcIssuerUseCases,
): Handlers<
  typeof http.identity,
  'listOidcIssuers' | 'createOidcIssuer' | 'getOidcIssuer' | 'updateOidcIssuer' | 'deleteOidcIssuer'
> => ({
  listOidcIssuers: async ({ caller, params }) => ({ issuers: (await issuers.list(caller, params.id)).map(toWire) }),
  createOidcIssuer: async ({ call, params, body }) => toWire(await issuers.create(call, params.id, body)),
  getOidcIssuer: async ({ caller, params }) => toWire(await issuers.get(caller, params.id, params.issuerId)),
  updateOidcIssuer: async ({ call, params, body }) =>
    toWire(await issuers.update(call, params.id, params.issuerId, body)),
  deleteOidcIssuer: async ({ call, params }) => {
    await issuers.remove(call, params.id, params.issuerId)
    return { ok: 'true' }
  },
})
