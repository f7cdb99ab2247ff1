/** The methods on who a connection speaks for. */
import type { ResponseShape } from '@clawmesh/chassis'
import { masterTenantId, MeshError, wsProtocol, type Locale, type ws } from '@clawmesh/contracts'
import type { Admission, Admit } from '../admission/admit.ts'
import { isTenantReference, noAccessTo } from '../admission/choose-tenant.ts'
import type { PresentedCredentials } from '../admission/credentials.ts'
import type { Lookups } from '../admission/lookups.ts'
import { findPairing } from '../admission/paired.ts'
import type { Take } from '../limit/bucket.ts'
import { credentialsOfConnect } from './credentials-of-connect.ts'
import type { OwnMethods } from './own-method.ts'
import type { Pairings } from './pairings.ts'
import type { AuthState, Session } from './session.ts'

interface ConnectionMethodParts {
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

type Methods = (typeof ws.connection)['methods']
/** The tenant in which a browser without a credential asks to be let in. @throws TENANT_ACCESS_REVOKED */
const tenantToPairWith = async ({ tenant: named }: PresentedCredentials, lookups: Lookups): Promise<string> => {
  if (named === '') return masterTenantId
  const reference = named.toLowerCase()
  const tenant = isTenantReference(reference) ? await lookups.tenant(reference) : undefined
  if (tenant?.status !== 'active') throw noAccessTo(reference)
  return tenant.id
}

/** @throws RESOURCE_EXHAUSTED with the time after which there is a token again */
const requireTaken = ({ allowed, nextInMs }: Take): void => {
  if (!allowed) throw new MeshError('RESOURCE_EXHAUSTED', 'error.rate_limit', {}, { retryAfterMs: nextInMs })
}

const isUnauthorized = (thrown: unknown): boolean => thrown instanceof MeshError && thrown.code === 'UNAUTHORIZED'

export const createConnectionMethods = (parts: ConnectionMethodParts): OwnMethods<typeof ws.connection> => {
  const { admit, lookups, pairings, server, takePairing, takePairingStatus, admitSession, changed } = parts

  const become = (session: Session, authState: AuthState, locale: Locale) => {
    const { authState: before } = session
    const isSame = before.kind === 'pending' && authState.kind === 'pending' && before.requestId === authState.requestId
    if (!isSame) pairings.leave(session)
    session.authState = authState
    session.locale = locale
    changed(session)
    // It may have gone while it was looked up what becomes of it.
    if (session.gone.aborted) pairings.leave(session)
  }

  /** A browser that sent nothing gets a code to show; a wrong token is refused, never weakened. */
  const beginPairing = async (session: Session, credentials: PresentedCredentials, refusal: unknown) => {
    if (credentials.bearer !== '') throw refusal
    // It is paired, and still may not enter the tenant that it named.
    if ((await findPairing(credentials, lookups)) !== undefined) throw noAccessTo(credentials.tenant.toLowerCase())
    requireTaken(takePairing(session.clientIp))
    const tenantId = await tenantToPairWith(credentials, lookups)
    const { requestId, code, senderId } = await pairings.request(tenantId, credentials.senderId, session)
    become(session, { kind: 'pending', tenantId, requestId, senderId }, credentials.locale)
    return {
      protocol: wsProtocol,
      status: 'pending_pairing' as const,
      pairing_code: code,
      sender_id: senderId,
      server,
    } satisfies ResponseShape<Methods['connect']['result']>
  }

  return {
    connect: async (session, params) => {
      const credentials = credentialsOfConnect(params)
      session.isLegacy = !(Number(params.protocolVersion) >= wsProtocol)
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
      become(session, { kind: 'open', credentials, ...admission }, caller.locale)
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

    'browser.pairing.status': async ({ authState, clientIp }, { senderId }) => {
      requireTaken(takePairingStatus(clientIp))
      if (authState.kind === 'unknown' || (authState.kind === 'pending' && authState.senderId !== senderId))
        throw new MeshError('UNAUTHORIZED', 'error.unauthorized')
      const tenantId = authState.kind === 'pending' ? authState.tenantId : authState.caller.tenantId
      const status = await pairings.status(tenantId, senderId)
      return { status, approved: status === 'approved' }
    },
  }
}
