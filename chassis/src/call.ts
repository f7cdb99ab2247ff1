import { masterTenantId, masterTenantSlug, type Caller } from '@clawmesh/contracts'

/** What travels with every request through the mesh. */
export interface Call {
  readonly caller: Caller
  readonly requestId: string
  /** Fires when the requester has gone away or the time is up. */
  readonly signal: AbortSignal
}

/** A caller for work that a service does by itself, inside one tenant. */
export const serviceCaller = (tenantId: string = masterTenantId, tenantSlug: string = masterTenantSlug): Caller => ({
  tenantId,
  tenantSlug,
  userId: '',
  role: 'admin',
  scopes: [],
  credential: 'service',
  userBound: false,
  locale: 'en',
})
