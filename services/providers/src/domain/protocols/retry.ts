/** When a failed call is tried again, and after how long a pause. */

export interface RetryPolicy {
  /** Tries in all. */
  attempts: number
  /** Pause after the first failed try, doubled after each further one, milliseconds. */
  baseMs: number
  /** Longest pause, also against a Retry-After, milliseconds. */
  capMs: number
}

export const defaultRetry: RetryPolicy = { attempts: 3, baseMs: 300, capMs: 30_000 }

const jitter = 0.1

/**
 * The pause after try number `attempt` (from 1), milliseconds: what upstream asked for, else
 * base * 2^(attempt-1) +- 10 %, both at most the cap.
 */
export const retryDelayMs = (
  policy: RetryPolicy,
  attempt: number,
  retryAfterMs: number | undefined,
  random: () => number = Math.random,
): number => {
  if (retryAfterMs !== undefined) return Math.min(retryAfterMs, policy.capMs)
  const spread = 1 - jitter + 2 * jitter * random()
  return Math.round(Math.min(policy.baseMs * 2 ** (attempt - 1) * spread, policy.capMs))
}

const single = (header: string | string[] | undefined): string =>
  ((Array.isArray(header) ? header[0] : header) ?? '').trim()

/**
 * The pause that response headers ask for, milliseconds: `retry-after-ms` (OpenAI), else `Retry-After` in seconds or as
 * an HTTP date (RFC 9110, section 10.2.3). Undefined when there is none that can be read.
 */
export const readRetryAfter = (
  headers: Record<string, string | string[] | undefined>,
  now: number = Date.now(),
): number | undefined => {
  const exact = single(headers['retry-after-ms'])
  if (/^\d+(\.\d+)?$/.test(exact)) return Math.ceil(Number(exact))
  const value = single(headers['retry-after'])
  if (/^\d+(\.\d+)?$/.test(value)) return Math.ceil(Number(value) * 1000)
  const date = value === '' ? Number.NaN : Date.parse(value)
  return Number.isNaN(date) ? undefined : Math.max(0, date - now)
}
