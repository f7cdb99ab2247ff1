/** What calls with one answer and calls with a stream share: opening, error answers, and whether to try again. */
import { setTimeout as wait } from 'node:timers/promises'
import type { Exchange } from './exchange.ts'
import { cancelledBy, failureOfStatus, UpstreamFailure, type FailureKind } from './failure.ts'
import { readRetryAfter, retryDelayMs, type RetryPolicy } from './retry.ts'

const errorBodyLimitBytes = 65_536

/** The body of an exchange as text, at most `limitBytes` of it. */
export const readText = async (exchange: Exchange, limitBytes: number): Promise<string> => {
  const pieces: Buffer[] = []
  let bytes = 0
  for (let piece = await exchange.read(); piece; piece = await exchange.read()) {
    pieces.push(piece)
    bytes += piece.length
    if (bytes >= limitBytes) break
  }
  return Buffer.concat(pieces).toString('utf8')
}

/** Waits for the headers of an answer. @throws UpstreamFailure for anything but a 2xx, its body read for the reason */
export const awaitAnswer = async (exchange: Exchange): Promise<void> => {
  const { status, headers } = await exchange.head
  if (status >= 200 && status < 300) return
  // An error answer that is itself cut still has a status worth reporting.
  const text = await readText(exchange, errorBodyLimitBytes).catch((error: unknown) => {
    if (error instanceof UpstreamFailure && error.kind !== 'cancelled') return ''
    throw error
  })
  throw failureOfStatus(status, text, readRetryAfter(headers))
}

/** Failures that are often over a moment later. */
const passing: ReadonlySet<FailureKind> = new Set(['failed', 'cut'])

/**
 * The pause before the next try, milliseconds; undefined when the failure is final. `attempt` is the failed one. Where
 * somebody else takes over, only a failure that may just have been bad luck is worth one more try.
 */
export const delayBeforeRetry = async (
  failure: unknown,
  attempt: number,
  policy: RetryPolicy,
  takesOver?: (kind: FailureKind) => Promise<boolean>,
): Promise<number | undefined> => {
  if (!(failure instanceof UpstreamFailure) || !failure.detail.retryable || attempt >= policy.attempts) return undefined
  const { retryAfterMs } = failure.detail
  const mayPass = attempt === 1 && passing.has(failure.kind) && retryAfterMs === undefined
  if (!mayPass && (await takesOver?.(failure.kind)) === true) return undefined
  return retryDelayMs(policy, attempt, retryAfterMs)
}

/** Waits; an aborted signal ends the wait. @throws UpstreamFailure (cancelled) */
export const pauseFor = async (ms: number, signal: AbortSignal | undefined): Promise<void> => {
  try {
    await wait(ms, undefined, { signal })
  } catch (error) {
    throw signal?.aborted ? cancelledBy(signal) : error
  }
}
