import { masterTenantId, masterTenantSlug } from '@clawmesh/contracts'
import { isTenantReference } from './choose-tenant.ts'
import type { PresentedCredentials } from './credentials.ts'
import type { Lookups, Pairing } from './lookups.ts'

/** The id of the tenant that credentials name, the master tenant when it names none; undefined for an unknown one. */
const namedTenantId = async (
  { tenant }: Pick<PresentedCredentials, 'tenant'>,
  lookups: Pick<Lookups, 'tenant'>,
): Promise<string | undefined> => {
  const named = tenant.toLowerCase()
  if (named === '' || named === masterTenantId || named === masterTenantSlug) return masterTenantId
  return isTenantReference(named) ? (await lookups.tenant(named))?.id : undefined
}

/**
 * The pairing of the browser that presents credentials with the tenant that they name; undefined unless an admin has let
 * it in. A failing lookup counts as none.
 */
export const findPairing = async (
  credentials: Pick<PresentedCredentials, 'tenant' | 'senderId'>,
  lookups: Pick<Lookups, 'tenant' | 'pairing'>,
): Promise<Pairing | undefined> => {
  if (credentials.senderId === '') return undefined
  try {
    const tenantId = await namedTenantId(credentials, lookups)
    const pairing = tenantId === undefined ? undefined : await lookups.pairing(tenantId, credentials.senderId)
    // Looked up while it was good, it may have expired since.
    return pairing !== undefined && pairing.expiresAtMs > Date.now() ? pairing : undefined
  } catch {
    return undefined
  }
}
