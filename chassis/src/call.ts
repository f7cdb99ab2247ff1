import { isIP } from 'node:net'
import { masterTenantId, masterTenantSlug, MeshError, type Caller } from '@clawmesh/contracts'

/** What travels with every request through the mesh. */
export interface Call {
  readonly caller: Caller
  readonly requestId: string
  /** Fires when the requester has gone away or the time is up. */
  readonly signal: AbortSignal
  /** Address of the client, as the edge saw it; absent for work that no client waits for. */
  readonly clientIp?: string | undefined
}

/** Where the address of the client travels, over HTTP and over gRPC. The edge sets it; services believe nobody else. */
export const clientIpHeader = 'x-forwarded-for'

/** What `clientIpHeader` says, as a part of a call: nothing unless it is one address. */
export const clientIpIn = (header: unknown): Pick<Call, 'clientIp'> =>
  typeof header === 'string' && isIP(header) !== 0 ? { clientIp: header } : {}

/** Who did something and from where, as events tell it. */
export interface Actor {
  /** The user, or `system` where none is known. */
  readonly actorId: string
  readonly ipAddress?: string | undefined
}

/** The actor of what a call does. */
export const actorOf = ({ caller, clientIp }: Pick<Call, 'caller' | 'clientIp'>): Actor => ({
  actorId: caller.userId || 'system',
  ...(clientIp === undefined ? {} : { ipAddress: clientIp }),
})

/**
 * The same call without its requester's patience: for a lookup whose result is shared, so that the first who asks may
 * leave without failing the others. Its deadline is the transport's.
 */
export const detached = (call: Call): Call => ({ ...call, signal: new AbortController().signal })

/** @throws the signal's reason when that is one of ours, else CANCELLED, once a requester has gone */
export const throwIfGone = ({ aborted, reason }: AbortSignal): void => {
  if (!aborted) return
  throw reason instanceof MeshError ? reason : new MeshError('CANCELLED', 'error.cancelled', {}, { cause: reason })
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
