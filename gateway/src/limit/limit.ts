/** What keeps callers from starting runs, or calling tools, faster than they may. */
import type { ServerResponse } from 'node:http'
import { MeshError, type Bucket } from '@clawmesh/contracts'
import type { Admission } from '../admission/admit.ts'
import type { GatewayConfig } from '../config.ts'
import type { Rate, Take } from './bucket.ts'
import type { Limiter } from './limiter.ts'
import type { RateOf } from './rate.ts'

/** Where a caller stands in the bucket that leaves it least. */
export interface Standing {
  readonly take: Take
  readonly burst: number
}

/**
 * Counts what an admission that comes from an address starts: in the bucket of its user, else credential, else address,
 * at the tenant's rate; and in that of its key, if that has a rate of its own. Undefined where nothing is limited.
 */
export type CountStart = (bucket: Bucket, admission: Admission, clientIp: string) => Promise<Standing | undefined>

type Counted = readonly [key: string, rate: Rate]

export const createStartCounter = (
  take: Limiter['take'],
  rateOf: RateOf,
  { rateLimitBurst }: Pick<GatewayConfig, 'rateLimitBurst'>,
): CountStart => {
  const ofKey = (bucket: Bucket, { apiKey }: Admission): Counted[] => {
    const rpm = apiKey?.rateLimitRpm ?? 0
    if (rpm === 0) return []
    return [[`${bucket}:key:${apiKey!.keyId}`, { intervalMs: 60_000 / rpm, burst: Math.min(rateLimitBurst(), rpm) }]]
  }
  const ofCaller = async (bucket: Bucket, { caller, limitKey }: Admission, clientIp: string): Promise<Counted[]> => {
    const rate = await rateOf(caller.tenantId)
    return rate === undefined ? [] : [[`${bucket}:${caller.tenantId}:${limitKey || `ip:${clientIp}`}`, rate]]
  }

  return async (bucket, admission, clientIp) => {
    let least: Standing | undefined
    for (const [key, rate] of [...ofKey(bucket, admission), ...(await ofCaller(bucket, admission, clientIp))]) {
      const standing = { take: await take(key, rate), burst: rate.burst }
      if (!standing.take.allowed) return standing
      if (least === undefined || standing.take.remaining < least.take.remaining) least = standing
    }
    return least
  }
}

/** @throws RESOURCE_EXHAUSTED with the time after which there is a token again */
export const refuseOverLimit = (standing: Standing | undefined): void => {
  if (standing === undefined || standing.take.allowed) return
  throw new MeshError('RESOURCE_EXHAUSTED', 'error.rate_limit', {}, { retryAfterMs: standing.take.nextInMs })
}

const seconds = (ms: number): string => String(Math.ceil(ms / 1000))

/** Tells a client where it stands: limit is the most it can do at once, reset when all of that is there again. */
export const showStanding = (response: ServerResponse, { burst, take: { remaining, fullInMs } }: Standing): void => {
  response.setHeader('ratelimit-limit', String(burst))
  response.setHeader('ratelimit-remaining', String(remaining))
  response.setHeader('ratelimit-reset', seconds(fullInMs))
}
