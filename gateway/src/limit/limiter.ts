/** The rate limiter: shared through Redis where there is one, this gateway's share of it where there is none. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger, Part } from '@clawmesh/chassis'
import type { GatewayConfig } from '../config.ts'
import { createLocalBuckets, type Rate, type Take, type TakeToken } from './bucket.ts'
import { createLots } from './lots.ts'
import { createRedisBuckets } from './redis-buckets.ts'

const probeEveryMs = 1_000

export interface Limiter {
  /** Takes a token, for which Redis is waited at most 100 ms. Never throws. */
  take: TakeToken<Take | Promise<Take>>
  part: Part
}

/** The part of a rate that one of several gateways may grant by itself; a bucket holds at least one token all the same. */
const shareOf = (rate: Rate, replicas: number): Rate => ({
  intervalMs: rate.intervalMs * replicas,
  burst: Math.max(1, rate.burst / replicas),
})

const createSharedLimiter = (
  replicas: GatewayConfig['replicas'],
  redisUrl: string,
  takeLocally: TakeToken<Take>,
  log: Logger,
): Limiter => {
  const buckets = createRedisBuckets(redisUrl)
  const takeShared = createLots({ lease: buckets.lease, replicas })
  let away = false
  let stopped = false

  // Nobody's request finds out whether Redis is back: the limiter asks by itself.
  const awaitReturn = async () => {
    while (away && !stopped) {
      await sleep(probeEveryMs, undefined, { ref: false })
      if (stopped || !(await buckets.answers())) continue
      away = false
      log.info('rate limits are shared through Redis again')
    }
  }
  const goLocal = (err: unknown) => {
    if (away || stopped) return
    away = true
    log.warn({ err }, 'Redis does not answer: each gateway grants its share of the rate limit by itself')
    void awaitReturn()
  }

  return {
    take: (key, rate) => {
      if (away) return takeLocally(key, rate)
      const taken = takeShared(key, rate)
      if (!(taken instanceof Promise)) return taken
      return taken.catch((thrown: unknown) => {
        goLocal(thrown)
        return takeLocally(key, rate)
      })
    },
    part: {
      name: 'rate limiter',
      start: () => buckets.connect().catch(goLocal),
      stop: async () => {
        stopped = true
        buckets.close()
      },
    },
  }
}

/** The limiter of an edge: through Redis where its URL is given. */
export const createRateLimiter = (replicas: GatewayConfig['replicas'], redisUrl: string, log: Logger): Limiter => {
  const takeFrom = createLocalBuckets()
  const takeLocally: TakeToken<Take> = (key, rate) => takeFrom(key, shareOf(rate, replicas()))
  if (redisUrl === '') return { take: takeLocally, part: { name: 'rate limiter' } }
  return createSharedLimiter(replicas, redisUrl, takeLocally, log)
}
