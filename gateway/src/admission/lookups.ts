/** What the edge asks identity, each question behind its cache. */
import { masterTenantId, MeshError } from '@clawmesh/contracts'
import {
  IdentityServiceService,
  type ResolveApiKeyResponse,
  type ResolveTenantResponse,
} from '@clawmesh/contracts/gen/clawmesh/identity/v1/identity.ts'
import { newId, serviceCaller, type Call, type Mesh } from '@clawmesh/chassis'

const maxApiKeys = 20_000
const maxTenants = 20_000
const maxMembers = 50_000

export type ApiKey = Pick<ResolveApiKeyResponse, 'tenantId' | 'scopes' | 'ownerId' | 'expiresAtMs'>
export type Tenant = Pick<ResolveTenantResponse, 'id' | 'slug' | 'status'>

export interface Lookups {
  /** The key with a hash; undefined for an unknown, revoked or late one. @throws UNAVAILABLE */
  apiKey: (hash: string) => Promise<ApiKey | undefined>
  /** A tenant by id or slug, whatever its status. @throws UNAVAILABLE */
  tenant: (idOrSlug: string) => Promise<Tenant | undefined>
  /** @throws UNAVAILABLE */
  isMember: (tenantId: string, userId: string) => Promise<boolean>
  /** Whether identity and its database answer within a time; never cached, never throws. */
  answers: (limitMs: number) => Promise<boolean>
}

/** A shared lookup outlives the request that started it, so no request may cancel it. */
const ownCall = (signal: AbortSignal = new AbortController().signal): Call => ({
  caller: serviceCaller(),
  requestId: newId(),
  signal,
})

/** Whatever went wrong, the caller may be who it says: that is 503 and never 401. */
const orUnavailable = async <T>(answer: Promise<T>): Promise<T> => {
  try {
    return await answer
  } catch (cause) {
    throw new MeshError('UNAVAILABLE', 'error.unavailable', { what: 'identity' }, { cause })
  }
}

export const identityLookups = (mesh: Pick<Mesh, 'client' | 'cache'>): Lookups => {
  const identity = mesh.client(IdentityServiceService)
  const apiKeys = mesh.cache<ApiKey>('api_keys', maxApiKeys)
  const tenants = mesh.cache<Tenant>('tenants', maxTenants)
  const members = mesh.cache<{ role: string }>('tenant_users', maxMembers)

  return {
    apiKey: (keyHash) =>
      apiKeys.get('', keyHash, async () => {
        const key = await orUnavailable(identity.resolveApiKey(ownCall(), { keyHash }))
        return key.found ? key : undefined
      }),
    tenant: (idOrSlug) =>
      tenants.get('', idOrSlug, async () => {
        const tenant = await orUnavailable(identity.resolveTenant(ownCall(), { idOrSlug }))
        return tenant.found ? tenant : undefined
      }),
    isMember: async (tenantId, userId) => {
      const member = await members.get(tenantId, userId, async () => {
        const { role } = await orUnavailable(identity.resolveMembership(ownCall(), { tenantId, userId }))
        return role === '' ? undefined : { role }
      })
      return member !== undefined
    },
    answers: (limitMs) =>
      identity.resolveTenant(ownCall(AbortSignal.timeout(limitMs)), { idOrSlug: masterTenantId }).then(
        () => true,
        () => false,
      ),
  }
}
