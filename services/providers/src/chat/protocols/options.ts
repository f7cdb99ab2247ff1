/** What every upstream call is given besides the request itself. */
import type { Dispatcher } from 'undici'
import type { Target } from '../../providers/connection.ts'
import type { FailureKind } from './failure.ts'
import type { AcpSessions } from '../../programs/acp-sessions.ts'
import { defaultTimeouts, type CallTimeouts } from './exchange.ts'
import { defaultRetry, type RetryPolicy } from './retry.ts'

export interface CallOptions {
  /** Where requests leave; the composition root passes one that checks addresses when it connects. */
  fetcher: Dispatcher
  /** Where requests of local types leave: one that lets them reach this machine. Without it, as all others do. */
  localFetcher?: Dispatcher | undefined
  /** Aborting it ends the call, its upstream request and its pauses at once. */
  signal?: AbortSignal | undefined
  timeouts?: Partial<CallTimeouts>
  retry?: Partial<RetryPolicy>
  /** Whether somebody else is asked when a call has failed like this, so that trying again is not worth a pause. */
  takesOver?: (kind: FailureKind) => Promise<boolean>
  /** Largest answer that is read, bytes. */
  answerLimitBytes?: number
  /** Where programs that are providers work, and for whom; absent where the operator lets none run. */
  programs?: { dir: string; tenantId: string; sessions: AcpSessions } | undefined
  /** This process runs in a container, so that `localhost` of a local provider is another machine. */
  inContainer?: boolean
}

export const timeoutsOf = (options: CallOptions): CallTimeouts => ({ ...defaultTimeouts, ...options.timeouts })
export const retryOf = (options: CallOptions): RetryPolicy => ({ ...defaultRetry, ...options.retry })
export const fetcherOf = (options: CallOptions, { type }: Target): Dispatcher =>
  (type.local ? options.localFetcher : undefined) ?? options.fetcher
