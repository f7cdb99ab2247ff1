/**
 * Token buckets counted as GCRA (ITU-T I.371, ATM's generic cell rate algorithm), which is the token bucket with one
 * number of state: the time at which the bucket will be full again. A token comes back every `intervalMs`, and a full
 * bucket holds `burst` of them, so no stretch of T ms ever admits more than burst + T / intervalMs.
 *
 * Rates may change under a bucket. What is owed is counted in tokens, so the interval that it was counted with is kept
 * beside it: who owes two tokens owes two at any rate, and never more than the bucket holds.
 */
import { LRUCache } from 'lru-cache'

export interface Rate {
  /** Milliseconds in which one token comes back. */
  readonly intervalMs: number
  /** Tokens in a full bucket; at least 1, and may be fractional. */
  readonly burst: number
}

export interface Take {
  readonly allowed: boolean
  /** Whole tokens that are left. */
  readonly remaining: number
  /** Milliseconds until the bucket is full again. */
  readonly fullInMs: number
  /** Milliseconds until a token is there to be taken; 0 when one is. */
  readonly nextInMs: number
}

/** Takes one token from the bucket of a key, at the rate that holds now. */
export type TakeToken<R> = (key: string, rate: Rate) => R

/** Buckets beyond this number push out those untouched longest, which starts them full again. */
const maxBuckets = 100_000

/** What a bucket that is full again in `fullInMs` tells its user. */
export const takeOf = ({ burst, intervalMs }: Rate, allowed: boolean, fullInMs: number): Take => ({
  allowed,
  remaining: Math.max(0, Math.floor(burst - fullInMs / intervalMs + 1e-6)),
  fullInMs,
  nextInMs: Math.max(0, fullInMs - (burst - 1) * intervalMs),
})

interface Bucket {
  fullAtMs: number
  intervalMs: number
}

/** Buckets in this process. `nowMs` is a clock that never goes back. */
export const createLocalBuckets = (nowMs: () => number = () => performance.now()): TakeToken<Take> => {
  const buckets = new LRUCache<string, Bucket>({ max: maxBuckets })

  const debtMs = (bucket: Bucket | undefined, now: number, { intervalMs, burst }: Rate): number => {
    if (bucket === undefined || bucket.fullAtMs <= now) return 0
    return Math.min((bucket.fullAtMs - now) * (intervalMs / bucket.intervalMs), burst * intervalMs)
  }

  return (key, rate) => {
    const now = nowMs()
    const owedMs = debtMs(buckets.get(key), now, rate)
    const afterMs = owedMs + rate.intervalMs
    if (afterMs > rate.burst * rate.intervalMs) return takeOf(rate, false, owedMs)
    buckets.set(key, { fullAtMs: now + afterMs, intervalMs: rate.intervalMs })
    return takeOf(rate, true, afterMs)
  }
}
