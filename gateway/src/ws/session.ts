/** One connection: who it speaks for, what it is working on, and how to reach it. */
import { randomUUID } from 'node:crypto'
import type { Call } from '@clawmesh/chassis'
import type { Caller, Locale } from '@clawmesh/contracts'
import type { Admission } from '../admission/admit.ts'
import type { PresentedCredentials } from '../admission/credentials.ts'
import type { OwnRuns } from './own-runs.ts'
import type { Sender } from './sender.ts'

/** A connection that has not said who it is, waits to be paired, or speaks for a caller. */
export type AuthState =
  | { readonly kind: 'unknown' }
  | { readonly kind: 'pending'; readonly tenantId: string; readonly requestId: string; readonly senderId: string }
  | ({ readonly kind: 'open'; readonly credentials: PresentedCredentials } & Admission)

export interface Session {
  readonly id: string
  readonly clientIp: string
  readonly sender: Sender
  /** Fires when the connection is gone. */
  readonly gone: AbortSignal
  authState: AuthState
  locale: Locale
  /** Ids of the requests that are worked on. */
  readonly openRequests: Set<string>
  readonly ownRuns: OwnRuns
  /** Knows no protocol newer than the flat event names. */
  isLegacy: boolean
  readonly sinceMs: number
  readonly connectedAt: Date
  lastReceivedMs: number
  /** When who it speaks for is asked again. */
  recheckAtMs: number
}

/** The caller that a connection speaks for, once it has connected. */
export const callerOfSession = ({ authState }: Session): Caller | undefined =>
  authState.kind === 'open' ? authState.caller : undefined

/** A call to a service for a connection that has connected, as those have that call a method with a role; it ends with it. */
export const callForSession = (session: Session, limitMs?: number): Call => ({
  caller: callerOfSession(session)!,
  requestId: randomUUID(),
  signal: limitMs === undefined ? session.gone : AbortSignal.any([session.gone, AbortSignal.timeout(limitMs)]),
  clientIp: session.clientIp,
})

/** The tenant whose events may concern a connection. */
export const tenantOfSession = ({ authState }: Session): string | undefined =>
  authState.kind === 'open' ? authState.caller.tenantId : authState.kind === 'pending' ? authState.tenantId : undefined
