/** Turns presented credentials into the caller that the request is made as. */
import { MeshError, type Caller, type Role } from '@clawmesh/contracts'
import type { GatewayConfig } from '../config.ts'
import { createAuthenticator, httpTransport, type AuthTransport } from './authenticate.ts'
import { createTenantChooser, noAccessTo } from './choose-tenant.ts'
import type { PresentedCredentials } from './credentials.ts'
import type { KeyLimits, Lookups } from './lookups.ts'

export interface Admission {
  readonly caller: Caller
  /** Whom the rate limit counts; empty when only the address tells callers apart. */
  readonly limitKey: string
  /** The API key, with limits of its own; absent for other credentials. */
  readonly apiKey?: KeyLimits | undefined
}

export type Admit = (credentials: PresentedCredentials) => Promise<Admission>

/** An answer that is the same whether a tenant exists or not, to all but owners. */
const hideTenant = (thrown: unknown, role: Role, named: string): unknown => {
  if (!(thrown instanceof MeshError)) return thrown
  const tells = thrown.code === 'UNAUTHORIZED' || (thrown.code === 'NOT_FOUND' && role !== 'owner')
  return tells ? noAccessTo(named.toLowerCase()) : thrown
}

/**
 * Authenticates presented credentials and chooses their tenant. Finished callers are not cached: with warm lookups making one costs
 * about a microsecond, and so there is no second place that a revoked key or a left tenant must be chased out of.
 * @throws what `createAuthenticator` and `createTenantChooser` throw
 */
export const createAdmitter = (
  config: GatewayConfig,
  lookups: Lookups,
  transport: AuthTransport = httpTransport,
): Admit => {
  const { hidesTenants } = transport
  const authenticate = createAuthenticator(config, lookups, transport)
  const unknownTenantFallback = config.unknownTenantFallback && !hidesTenants
  const chooseTenant = createTenantChooser({ unknownTenantFallback }, lookups)

  return async (credentials) => {
    const { tenantScope, limitKey, apiKey, onTenantChosen, ...principal } = await authenticate(credentials)
    const { role, userId } = principal
    const tenant = await chooseTenant(tenantScope, userId, credentials.tenant).catch((thrown: unknown) => {
      throw hidesTenants ? hideTenant(thrown, role, credentials.tenant) : thrown
    })
    await onTenantChosen?.(tenant.id)
    const caller: Caller = {
      tenantId: tenant.id,
      tenantSlug: tenant.slug,
      ...principal,
      locale: credentials.locale,
    }
    return { caller, limitKey, apiKey }
  }
}
