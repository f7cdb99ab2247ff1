import { type IdentityServiceService } from '@clawmesh/contracts/gen/clawmesh/identity/v1/identity.ts'
import type { RpcFunctions } from '@clawmesh/chassis'
import { z } from 'zod'
import type { ApiKeyUseCases } from '../domain/api-keys.ts'
import type { MemberUseCases } from '../domain/members.ts'
import type { PairingUseCases } from '../domain/pairings.ts'
import type { OidcIssuerUseCases } from '../domain/oidc-issuers.ts'
import type { SystemConfigUseCases } from '../domain/system-configs.ts'
import type { TenantUseCases } from '../domain/tenants.ts'

interface Parts {
  apiKeys: ApiKeyUseCases
  tenants: TenantUseCases
  members: MemberUseCases
  pairings: PairingUseCases
  oidcIssuers: OidcIssuerUseCases
  configs: SystemConfigUseCases
}

const unknownKey = { found: false, keyId: '', tenantId: '', scopes: [], ownerId: '', expiresAtMs: 0 }
const isUuid = (text: string): boolean => z.uuid().safeParse(text).success

const unknownRequest = { found: false, code: '', senderId: '', channel: '', chatId: '' }
const unknownTenant = { found: false, id: '', slug: '', name: '', status: '' }
const unknownIssuer = {
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

export const createIdentityRpc = ({
  apiKeys,
  tenants,
  members,
  pairings,
  oidcIssuers,
  configs,
}: Parts): RpcFunctions<typeof IdentityServiceService> => ({
  resolveApiKey: async (_call, { keyHash }) => {
    const key = await apiKeys.resolve(keyHash)
    if (key === undefined) return unknownKey
    return {
      found: true,
      keyId: key.id,
      tenantId: key.tenantId ?? '',
      scopes: key.scopes,
      ownerId: key.ownerId ?? '',
      expiresAtMs: key.expiresAt?.getTime() ?? 0,
    }
  },
  resolveTenant: async (_call, { idOrSlug }) => {
    const tenant = await tenants.resolve(idOrSlug)
    if (tenant === undefined) return unknownTenant
    const { id, slug, name, status } = tenant
    return { found: true, id, slug, name, status }
  },
  resolveMembership: async (_call, { tenantId, userId }) => ({
    role: (await members.roleOf(tenantId, userId)) ?? '',
  }),
  resolveOidcIssuer: async (_call, { issuer, audience, lacksKey }) => {
    const found = await oidcIssuers.resolve(issuer, audience, lacksKey)
    if (found === undefined) return unknownIssuer
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
  listSystemConfigs: async (call) => ({ values: await configs.list(call.caller) }),
  resolvePairing: async (_call, { tenantId, senderId }) => {
    const { status, expiresAt } = await pairings.browserState(tenantId, senderId)
    return { status, expiresAtMs: expiresAt?.getTime() ?? 0 }
  },
  requestPairing: async (_call, { tenantId, senderId }) => {
    const request = await pairings.requestForBrowser(tenantId, senderId)
    return { requestId: request.id, code: request.code, senderId: request.senderId }
  },
  getPairingRequest: async ({ caller }, { id }) => {
    const request = isUuid(id) ? await pairings.find(caller.tenantId, id) : undefined
    if (request === undefined) return unknownRequest
    const { code, senderId, channel, chatId } = request
    return { found: true, code, senderId, channel, chatId }
  },
})
