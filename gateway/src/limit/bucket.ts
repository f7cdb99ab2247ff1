/**
 * Token buckets counted as GCRA (ITU-T I.371, ATM's generic cell rate algorithm), which is the token bucket with one
 * number of state: the time at which the bucket will be full again. A token comes back every `intervalMs`, and a full
 * bucket holds `burst` of them, so no stretch of T ms ever admits more than burst + T / intervalMs.
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
}

/** Takes one token from the bucket of a key. */
export type TakeToken<R> = (key: string) => R

/** Buckets beyond this number push out those untouched longest, which starts them full again. */
const maxBuckets = 100_000

/** What a bucket that is full again in `fullInMs` tells its user. */
export const takeOf = (rate: Rate, allowed: boolean, fullInMs: number): Take => ({
  allowed,
  remaining: Math.max(0, Math.floor(rate.burst - fullInMs / rate.intervalMs + 1e-6)),
  fullInMs,
})

/** Buckets in this process. `nowMs` is a clock that never goes back. */
export const localBuckets = (rate: Rate, nowMs: () => number = () => performance.now()): TakeToken<Take> => {
  const capacityMs = rate.burst * rate.intervalMs
  const fullAt = new LRUCache<string, number>({ max: maxBuckets })

  return (key) => {
    const now = nowMs()
    const debtMs = Math.max(0, (fullAt.get(key) ?? 0) - now)
    const afterMs = debtMs + rate.intervalMs
    if (afterMs > capacityMs) return takeOf(rate, false, debtMs)
    fullAt.set(key, now + afterMs)
    return takeOf(rate, true, afterMs)
  }
}
