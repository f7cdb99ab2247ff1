/**
 * Tokens of shared buckets, leased in small lots: whoever takes many of one key asks Redis for few of them. What is leased is
 * gone from the bucket, so no more is granted than it holds. What a gateway has leased and not spent is kept from the others:
 * of all gateways together at most `leasedPart` of what was left, and for `keptMs` at most.
 */
import { LRUCache } from 'lru-cache'
import { takeOf, type Rate, type Take, type TakeToken } from './bucket.ts'

const leasedPart = 0.02
const largestLot = 32
const keptMs = 1_000
/** Lots beyond this number push out those untouched longest. */
const maxLots = 10_000

interface Lease {
  /** How many were got; 0 when there is not one. */
  readonly tokens: number
  /** Milliseconds until the bucket is full again, what was got taken out. */
  readonly fullInMs: number
}

/** Takes at least one token where there is one, and at most `most` and that part of all that are there. */
export type LeaseTokens = (key: string, rate: Rate, most: number, part: number) => Promise<Lease>

interface Lot {
  left: number
  readonly rate: Rate
  readonly fullAtMs: number
  readonly untilMs: number
}

interface Parts {
  lease: LeaseTokens
  /** How many gateways share the buckets. */
  replicas: () => number
}

/** Takes from a lot at hand where there is one. @throws as leasing does */
export const createLots = ({ lease, replicas }: Parts): TakeToken<Take | Promise<Take>> => {
  const lots = new LRUCache<string, Lot>({ max: maxLots })
  const leasing = new Set<string>()

  const fromLot = (key: string, rate: Rate): Take | undefined => {
    const lot = lots.get(key)
    if (lot === undefined) return undefined
    const now = performance.now()
    const holds = now < lot.untilMs && lot.rate.intervalMs === rate.intervalMs && lot.rate.burst === rate.burst
    if (holds) lot.left--
    if (!holds || lot.left === 0) lots.delete(key)
    if (!holds) return undefined
    return takeOf(rate, true, Math.max(0, lot.fullAtMs - now - lot.left * rate.intervalMs))
  }

  const fromBucket = async (key: string, rate: Rate): Promise<Take> => {
    // Those that ask beside one who is fetching a lot fetch none of their own.
    const isFirst = !leasing.has(key)
    leasing.add(key)
    try {
      const { tokens, fullInMs } = await lease(
        key,
        rate,
        isFirst ? largestLot : 1,
        leasedPart / Math.max(1, replicas()),
      )
      if (tokens === 0) return takeOf(rate, false, fullInMs)
      const left = tokens - 1
      const now = performance.now()
      if (left > 0) lots.set(key, { left, rate, fullAtMs: now + fullInMs, untilMs: now + keptMs })
      return takeOf(rate, true, Math.max(0, fullInMs - left * rate.intervalMs))
    } finally {
      if (isFirst) leasing.delete(key)
    }
  }

  return (key, rate) => fromLot(key, rate) ?? fromBucket(key, rate)
}
