import { masterTenantId, masterTenantSlug, type Caller } from '@clawmesh/contracts'

/** What travels with every request through the mesh. */
export interface Call {
  readonly caller: Caller
  readonly requestId: string
  /** Fires when the requester has gone away or the time is up. */
  readonly signal: AbortSignal
}

/**
 * The same call without its requester's patience: for a lookup whose result is shared, so that the first who asks may
 * leave without failing the others. Its deadline is the transport's.
 */
export const detached = (call: Call): Call => ({ ...call, signal: new AbortController().signal })

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
