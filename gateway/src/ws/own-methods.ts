/** The methods that the edge answers itself, as they are about the connection. */
import {
  masterTenantId,
  MeshError,
  wsProtocol,
  type ws,
  type WsMethod,
  type WsParamsOf,
  type WsResultOf,
} from '@clawmesh/contracts'
import type { Admission, Admit } from '../admission/admit.ts'
import type { PresentedCredentials } from '../admission/credentials.ts'
import { isTenantReference } from '../admission/choose-tenant.ts'
import type { Lookups } from '../admission/lookups.ts'
import { isPaired } from '../admission/paired.ts'
import type { Take } from '../limit/bucket.ts'
import { credentialsOfConnect } from './credentials-of-connect.ts'
import type { Session } from './session.ts'

/** What identity is asked about browsers that wait. */
export interface Pairings {
  request: (tenantId: string, senderId: string) => Promise<{ requestId: string; code: string; senderId: string }>
  /** Never cached. */
  status: (tenantId: string, senderId: string) => Promise<'approved' | 'pending' | 'expired'>
}

export interface OwnMethodParts {
  admit: Admit
  lookups: Lookups
  pairings: Pairings
  server: { name: string; version: string }
  takePairing: (clientIp: string) => Take
  takePairingStatus: (clientIp: string) => Take
  /** Called before a connection speaks for a caller. @throws RESOURCE_EXHAUSTED when the caller has too many */
  admitSession: (session: Session, admission: Admission) => void
  /** Called after the standing of a connection has changed. */
  changed: (session: Session) => void
}

type Methods = (typeof ws.gateway)['methods']
type OwnMethod<M extends WsMethod> = (session: Session, params: WsParamsOf<M>) => Promise<WsResultOf<M>>
export type OwnMethods = { [N in keyof Methods]: OwnMethod<Methods[N]> }

const revoked = (id: string) => new MeshError('TENANT_ACCESS_REVOKED', 'error.tenant_access_revoked', { id })

/** The tenant in which a browser without a credential asks to be let in. @throws NOT_FOUND, TENANT_ACCESS_REVOKED */
const tenantToPairWith = async ({ tenant: named }: PresentedCredentials, lookups: Lookups): Promise<string> => {
  if (named === '') return masterTenantId
  const reference = named.toLowerCase()
  const tenant = isTenantReference(reference) ? await lookups.tenant(reference) : undefined
  if (tenant === undefined)
    throw new MeshError('NOT_FOUND', 'error.not_found', { kind: 'tenant', id: named.slice(0, 100) })
  if (tenant.status !== 'active') throw revoked(tenant.slug)
  return tenant.id
}

const isUnauthorized = (thrown: unknown): boolean => thrown instanceof MeshError && thrown.code === 'UNAUTHORIZED'

export const createOwnMethods = (parts: OwnMethodParts): OwnMethods => {
  const { admit, lookups, pairings, server, takePairing, takePairingStatus, admitSession, changed } = parts

  /** A browser that sent nothing gets a code to show; a wrong token is refused, never weakened. */
  const beginPairing = async (session: Session, credentials: PresentedCredentials, refusal: unknown) => {
    if (credentials.bearer !== '') throw refusal
    // It is paired, and still may not enter the tenant that it named.
    if (credentials.senderId !== '' && (await isPaired(credentials, lookups)))
      throw revoked(credentials.tenant.slice(0, 100))
    if (!takePairing(session.clientIp).allowed) throw new MeshError('RESOURCE_EXHAUSTED', 'error.rate_limit')
    const tenantId = await tenantToPairWith(credentials, lookups)
    const { requestId, code, senderId } = await pairings.request(tenantId, credentials.senderId)
    session.authState = { kind: 'pending', tenantId, requestId, senderId }
    session.locale = credentials.locale
    changed(session)
    return {
      protocol: wsProtocol,
      status: 'pending_pairing' as const,
      pairing_code: code,
      sender_id: senderId,
      server,
    } satisfies WsResultOf<Methods['connect']>
  }

  return {
    connect: async (session, params) => {
      const credentials = credentialsOfConnect(params)
      let admission: Admission
      try {
        admission = await admit(credentials)
      } catch (thrown) {
        if (!isUnauthorized(thrown)) throw thrown
        return beginPairing(session, credentials, thrown)
      }
      const { caller } = admission
      const tenant = await lookups.tenant(caller.tenantId)
      admitSession(session, admission)
      session.authState = { kind: 'open', credentials, ...admission }
      session.locale = caller.locale
      changed(session)
      return {
        protocol: wsProtocol,
        role: caller.role,
        user_id: caller.userId,
        tenant_id: caller.tenantId,
        is_owner: caller.role === 'owner',
        ...(tenant === undefined ? {} : { tenant_name: tenant.name }),
        tenant_slug: caller.tenantSlug,
        server,
      }
    },

    'browser.pairing.status': async ({ authState, clientIp }, { sender_id: senderId }) => {
      if (!takePairingStatus(clientIp).allowed) throw new MeshError('RESOURCE_EXHAUSTED', 'error.rate_limit')
      if (authState.kind === 'unknown' || (authState.kind === 'pending' && authState.senderId !== senderId))
        throw new MeshError('UNAUTHORIZED', 'error.unauthorized')
      const tenantId = authState.kind === 'pending' ? authState.tenantId : authState.caller.tenantId
      const status = await pairings.status(tenantId, senderId)
      return { status, approved: status === 'approved' }
    },
  }
}
