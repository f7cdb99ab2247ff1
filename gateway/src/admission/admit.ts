/** Turns a claim into the caller that the request is made as. */
import type { Caller } from '@clawmesh/contracts'
import type { GatewayConfig } from '../config.ts'
import { authenticator, type Door } from './authenticate.ts'
import { tenantChooser } from './choose-tenant.ts'
import type { Claim } from './claim.ts'
import type { Lookups } from './lookups.ts'

export interface Admission {
  readonly caller: Caller
  /** Whom the rate limit counts; empty when only the address tells callers apart. */
  readonly limitKey: string
}

export type Admit = (claim: Claim) => Promise<Admission>

/**
 * Authenticates claims and chooses their tenant. Finished callers are not cached: with warm lookups making one costs
 * about a microsecond, and so there is no second place that a revoked key or a left tenant must be chased out of.
 * @throws what `authenticator` and `tenantChooser` throw
 */
export const admitter = (config: GatewayConfig, lookups: Lookups, door?: Door): Admit => {
  const authenticate = authenticator(config, lookups, door)
  const chooseTenant = tenantChooser(config, lookups)

  return async (claim) => {
    const { credential, role, scopes, userId, userBound, reach, limitKey } = await authenticate(claim)
    const tenant = await chooseTenant(reach, userId, claim.tenant)
    const caller: Caller = {
      tenantId: tenant.id,
      tenantSlug: tenant.slug,
      userId,
      role,
      scopes,
      credential,
      userBound,
      locale: claim.locale,
    }
    return { caller, limitKey }
  }
}
