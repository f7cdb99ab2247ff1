import { masterTenantId, masterTenantSlug } from '@clawmesh/contracts'
import { isTenantReference } from './choose-tenant.ts'
import type { PresentedCredentials } from './credentials.ts'
import type { Lookups } from './lookups.ts'

/** The id of the tenant that credentials name, the master tenant when it names none; undefined for an unknown one. */
export const namedTenantId = async (
  { tenant }: Pick<PresentedCredentials, 'tenant'>,
  lookups: Lookups,
): Promise<string | undefined> => {
  const named = tenant.toLowerCase()
  if (named === '' || named === masterTenantId || named === masterTenantSlug) return masterTenantId
  return isTenantReference(named) ? (await lookups.tenant(named))?.id : undefined
}

/** Whether an admin of the tenant that the credentials name has let its browser in. A failing lookup counts as no. */
export const isPaired = async (credentials: PresentedCredentials, lookups: Lookups): Promise<boolean> => {
  try {
    const tenantId = await namedTenantId(credentials, lookups)
    const pairing = tenantId === undefined ? undefined : await lookups.pairing(tenantId, credentials.senderId)
    // Looked up while it was good, it may have expired since.
    return pairing !== undefined && pairing.expiresAtMs > Date.now()
  } catch {
    return false
  }
}
