import { type IdentityServiceService } from '@clawmesh/contracts/gen/clawmesh/identity/v1/identity.ts'
import type { RpcFunctions } from '@clawmesh/chassis'
import type { OidcIssuerUseCases } from './use-cases.ts'

const unknown = {
  found: false,
  id: '',
  tenantId: '',
  audiences: [],
  algorithms: [],
  userClaim: '',
  roleClaim: '',
  roleMapping: {},
  defaultRole: '',
  clockSkewSeconds: 0,
  jwks: '',
}

export const createOidcIssuerRpc = (issuers: OidcIssuerUseCases) =>
  ({
    resolveOidcIssuer: async (_call, { issuer, audience, lacksKey }) => {
      const found = await issuers.resolve(issuer, audience, lacksKey)
      if (found === undefined) return unknown
      const { id, tenantId, audiences, algorithms, userClaim, roleClaim, roleMapping, defaultRole } = found
      return {
        found: true,
        id,
        tenantId,
        audiences,
        algorithms,
        userClaim,
        roleClaim: roleClaim ?? '',
        roleMapping,
        defaultRole: defaultRole ?? '',
        clockSkewSeconds: found.clockSkewSeconds,
        jwks: JSON.stringify({ keys: found.keys }),
      }
    },
  }) satisfies Partial<RpcFunctions<typeof IdentityServiceService>>
