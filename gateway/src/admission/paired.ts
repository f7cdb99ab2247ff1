import { masterTenantId, masterTenantSlug } from '@clawmesh/contracts'
import { isTenantReference } from './choose-tenant.ts'
import type { Claim } from './claim.ts'
import type { Lookups } from './lookups.ts'

/** The id of the tenant that a claim names, the master tenant when it names none; undefined for an unknown one. */
export const namedTenantId = async (
  { tenant }: Pick<Claim, 'tenant'>,
  lookups: Lookups,
): Promise<string | undefined> => {
  const named = tenant.toLowerCase()
  if (named === '' || named === masterTenantId || named === masterTenantSlug) return masterTenantId
  return isTenantReference(named) ? (await lookups.tenant(named))?.id : undefined
}

/** Whether an admin of the tenant that the claim names has let its browser in. A failing lookup counts as no. */
export const isPaired = async (claim: Claim, lookups: Lookups): Promise<boolean> => {
  try {
    const tenantId = await namedTenantId(claim, lookups)
    const pairing = tenantId === undefined ? undefined : await lookups.pairing(tenantId, claim.senderId)
    // Looked up while it was good, it may have expired since.
    return pairing !== undefined && pairing.expiresAtMs > Date.now()
  } catch {
    return false
  }
}
