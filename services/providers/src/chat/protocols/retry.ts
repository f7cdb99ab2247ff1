/** When a failed call is tried again, and after how long a pause. */

export interface RetryPolicy {
  /** Tries in all. */
  attempts: number
  /** Pause after the first failed try, doubled after each further one, milliseconds. */
  baseMs: number
  /** Longest pause, milliseconds. Where upstream asks for a longer one, the call fails at once and says so. */
  capMs: number
}

export const defaultRetry: RetryPolicy = { attempts: 3, baseMs: 300, capMs: 30_000 }

const jitter = 0.1

/**
 * The pause after try number `attempt` (from 1), milliseconds: base * 2^(attempt-1) +- 10 %, at most the cap, and no
 * shorter than upstream asked for (a Retry-After of 0, or a date in the past, is no leave to ask again at once).
 * Undefined when upstream asked for more than the cap: whoever called decides whether to wait that long.
 */
export const retryDelayMs = (
  policy: RetryPolicy,
  attempt: number,
  retryAfterMs: number | undefined,
  random: () => number = Math.random,
): number | undefined => {
  if ((retryAfterMs ?? 0) > policy.capMs) return undefined
  const spread = 1 - jitter + 2 * jitter * random()
  const own = Math.round(Math.min(policy.baseMs * 2 ** (attempt - 1) * spread, policy.capMs))
  return Math.max(own, retryAfterMs ?? 0)
}

/** Longest pause that is passed on, milliseconds: it travels as an int32. */
const longestMs = 2 ** 31 - 1

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
  if (/^\d+(\.\d+)?$/.test(exact)) return Math.min(Math.ceil(Number(exact)), longestMs)
  const value = single(headers['retry-after'])
  if (/^\d+(\.\d+)?$/.test(value)) return Math.min(Math.ceil(Number(value) * 1000), longestMs)
  const date = value === '' ? Number.NaN : Date.parse(value)
  return Number.isNaN(date) ? undefined : Math.min(Math.max(0, date - now), longestMs)
}
