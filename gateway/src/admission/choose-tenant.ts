/** Decides in which tenant a request takes place. */
import { cutText } from '@clawmesh/chassis'
import { masterTenantId, masterTenantSlug, MeshError } from '@clawmesh/contracts'
import type { GatewayConfig } from '../config.ts'
import type { TenantScope } from './tenant-scope.ts'
import type { Lookups, Tenant } from './lookups.ts'

type ChosenTenant = Pick<Tenant, 'id' | 'slug'>
type ChooseTenant = (reach: TenantScope, userId: string, named: string) => Promise<ChosenTenant>

const master: ChosenTenant = { id: masterTenantId, slug: masterTenantSlug }
const maxReferenceLength = 100
const referencePattern = /^[0-9a-z]([0-9a-z-]*[0-9a-z])?$/

/** Whether a text can be a tenant's id or slug at all. */
export const isTenantReference = (named: string): boolean =>
  named.length <= maxReferenceLength && referencePattern.test(named)

const shown = (named: string): string => cutText(named, maxReferenceLength)
const isMaster = (named: string): boolean => named === masterTenantId || named === masterTenantSlug

/** A tenant that is suspended or archived is closed to everyone. */
const openOnly = ({ id, slug, status }: Tenant): ChosenTenant => {
  if (status === 'active') return { id, slug }
  throw new MeshError('TENANT_ACCESS_REVOKED', 'error.tenant_suspended', { id: slug, status })
}

/** What is answered to who has no access to a tenant, under the name that the request gave it. */
export const noAccessTo = (named: string): MeshError =>
  new MeshError('TENANT_ACCESS_REVOKED', 'error.tenant_access_revoked', { id: shown(named) })

/**
 * Chooses the tenant by what the credential reaches and the one that the request names (id or slug, empty for none):
 * a bound key has its own whatever is named, a development edge the master tenant; system owners and system keys may
 * name any, other users of the gateway token one that they are a member of.
 * @throws NOT_FOUND for an unknown tenant, unless `unknownTenantFallback` makes it the master tenant;
 *   TENANT_ACCESS_REVOKED for a closed or foreign one; UNAUTHORIZED when membership is asked of nobody; UNAVAILABLE
 */
export const createTenantChooser = (
  { unknownTenantFallback }: Pick<GatewayConfig, 'unknownTenantFallback'>,
  lookups: Lookups,
): ChooseTenant => {
  const ownTenant = async (tenantId: string): Promise<ChosenTenant> => {
    const tenant = await lookups.tenant(tenantId)
    if (tenant === undefined) throw noAccessTo(tenantId)
    return openOnly(tenant)
  }

  const find = async (named: string): Promise<Tenant | undefined> =>
    isTenantReference(named) ? lookups.tenant(named) : undefined

  const namedTenant = async (reach: TenantScope, userId: string, named: string): Promise<ChosenTenant> => {
    if (reach.kind === 'membership' && userId === '') throw new MeshError('UNAUTHORIZED', 'error.unauthorized')
    const tenant = await find(named)
    if (tenant === undefined) {
      if (unknownTenantFallback) return master
      throw new MeshError('NOT_FOUND', 'error.not_found', { kind: 'tenant', id: shown(named) })
    }
    if (reach.kind === 'membership' && !(await lookups.isMember(tenant.id, userId))) throw noAccessTo(named)
    return openOnly(tenant)
  }

  return async (reach, userId, header) => {
    const named = header.toLowerCase()
    if (reach.kind === 'own') return ownTenant(reach.tenantId)
    if (reach.kind === 'master' || named === '' || isMaster(named)) return master
    return namedTenant(reach, userId, named)
  }
}
