/** Keeps connections true: who lost their credential, tenant or membership loses the connection too. */
import { sha256Hex } from '@clawmesh/chassis'
import {
  MeshError,
  wsCloseCodes,
  type CacheKind,
  type Caller,
  type ErrorCode,
  type CacheTag,
} from '@clawmesh/contracts'
import type { Admit } from '../admission/admit.ts'
import { eventOpening } from './sender.ts'
import type { Session, AuthState } from './session.ts'

type Open = Extract<AuthState, { kind: 'open' }>

/** Which connections a change of one thing may concern; of other kinds it may concern all. */
const concerned: Partial<Record<CacheKind, (tag: Required<CacheTag>, open: Open) => boolean>> = {
  api_keys: ({ key }, { credentials }) => credentials.bearerHash === key,
  paired_devices: ({ tenantId, key }, { caller, credentials }) =>
    caller.credential === 'paired-device' && caller.tenantId === tenantId && sha256Hex(credentials.senderId) === key,
  oidc_issuers: (_tag, { caller }) => caller.credential === 'oidc',
  tenant_users: ({ tenantId, key }, { caller }) => caller.tenantId === tenantId && caller.userId === key,
}

/** Whether a change may end what a connection may do. Those of a whole tenant or kind may concern everybody. */
export const concerns = (tag: CacheTag, { authState }: Session): boolean => {
  if (authState.kind !== 'open') return false
  const { kind, tenantId, key } = tag
  if (tenantId === undefined || key === undefined) return true
  return concerned[kind]?.({ kind, tenantId, key }, authState) ?? true
}

/** What ends a connection; anything else that is thrown says nothing about who is connected. */
const final: readonly ErrorCode[] = ['UNAUTHORIZED', 'TENANT_ACCESS_REVOKED', 'NOT_FOUND', 'FORBIDDEN']

const isSame = (a: Caller, b: Caller): boolean =>
  a.tenantId === b.tenantId && a.userId === b.userId && a.role === b.role && a.credential === b.credential

const end = ({ sender }: Session, { caller }: Open, code: ErrorCode): void => {
  if (code === 'UNAUTHORIZED') return sender.close(wsCloseCodes.unauthorized, 'the credential no longer holds')
  const lost = { user_id: caller.userId, tenant_id: caller.tenantId }
  sender.event(eventOpening('tenant.access.revoked', lost))
  sender.close(wsCloseCodes.accessRevoked, 'no longer a tenant of this user')
}

/**
 * Asks again who a connection speaks for, by the same steps as when it connected; with warm caches that costs about a
 * microsecond. @throws UNAUTHORIZED or TENANT_ACCESS_REVOKED after the connection was ended; UNAVAILABLE
 */
export const createRechecker =
  (admit: Admit, everyMs: number) =>
  async (session: Session): Promise<void> => {
    const { authState } = session
    if (authState.kind !== 'open') return
    try {
      const admission = await admit(authState.credentials)
      if (!isSame(admission.caller, authState.caller)) throw new MeshError('UNAUTHORIZED', 'error.unauthorized')
      session.recheckAtMs = performance.now() + everyMs
      // It may have connected as somebody else meanwhile.
      if (session.authState === authState) session.authState = { ...authState, ...admission }
    } catch (thrown) {
      if (thrown instanceof MeshError && final.includes(thrown.code) && session.authState === authState)
        // After the answer to the request that found out, if one did.
        setImmediate(end, session, authState, thrown.code)
      throw thrown
    }
  }
