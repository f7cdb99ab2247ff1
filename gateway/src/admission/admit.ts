/** Turns presented credentials into the caller that the request is made as. */
import type { Caller } from '@clawmesh/contracts'
import type { GatewayConfig } from '../config.ts'
import { createAuthenticator, type AuthTransport } from './authenticate.ts'
import { createTenantChooser } from './choose-tenant.ts'
import type { PresentedCredentials } from './credentials.ts'
import type { Lookups } from './lookups.ts'

export interface Admission {
  readonly caller: Caller
  /** Whom the rate limit counts; empty when only the address tells callers apart. */
  readonly limitKey: string
}

export type Admit = (credentials: PresentedCredentials) => Promise<Admission>

/**
 * Authenticates presented credentials and chooses their tenant. Finished callers are not cached: with warm lookups making one costs
 * about a microsecond, and so there is no second place that a revoked key or a left tenant must be chased out of.
 * @throws what `authenticator` and `tenantChooser` throw
 */
export const createAdmitter = (config: GatewayConfig, lookups: Lookups, transport?: AuthTransport): Admit => {
  const authenticate = createAuthenticator(config, lookups, transport)
  const chooseTenant = createTenantChooser(config, lookups)

  return async (credentials) => {
    const { credential, role, scopes, userId, userBound, tenantScope, limitKey } = await authenticate(credentials)
    const tenant = await chooseTenant(tenantScope, userId, credentials.tenant)
    const caller: Caller = {
      tenantId: tenant.id,
      tenantSlug: tenant.slug,
      userId,
      role,
      scopes,
      credential,
      userBound,
      locale: credentials.locale,
    }
    return { caller, limitKey }
  }
}
