/** The step that keeps callers from starting runs faster than they may. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { MeshError, type Route } from '@clawmesh/contracts'
import type { Admission } from '../admission/admit.ts'
import type { Take } from './bucket.ts'
import type { Limiter } from './limiter.ts'
import type { RateOf } from './rate.ts'

export type Limit = (
  request: IncomingMessage,
  response: ServerResponse,
  route: Route,
  admission: Admission,
) => Promise<void>

/** The pause that GoClaw's clients know; a token is back by then unless a replica's share of a low rate is lower still. */
const retryAfterMs = 60_000

const seconds = (ms: number): string => String(Math.ceil(ms / 1000))

/** Tells the client where it stands: limit is the most it can do at once, reset when all of that is there again. */
const show = (response: ServerResponse, burst: number, { remaining, fullInMs }: Take): void => {
  response.setHeader('ratelimit-limit', String(burst))
  response.setHeader('ratelimit-remaining', String(remaining))
  response.setHeader('ratelimit-reset', seconds(fullInMs))
}

const keyOf = ({ caller, limitKey }: Admission, clientIp: string): string =>
  `${caller.tenantId}:${limitKey || `ip:${clientIp}`}`

/** Counts a run of an admission that comes from an address. @throws RESOURCE_EXHAUSTED */
export type TakeRun = (admission: Admission, clientIp: string) => Promise<void>

/** Counts runs that are started over WebSockets, together with those over HTTP. */
export const createWsRunLimit =
  (take: Limiter['take'], rateOf: RateOf): TakeRun =>
  async (admission, clientIp) => {
    const rate = await rateOf(admission.caller.tenantId)
    if (rate === undefined) return
    const { allowed, nextInMs } = await take(keyOf(admission, clientIp), rate)
    if (allowed) return
    const pauseMs = Math.ceil(Math.max(rate.intervalMs, nextInMs))
    throw new MeshError('RESOURCE_EXHAUSTED', 'error.rate_limit', {}, { retryAfterMs: pauseMs })
  }

/**
 * Counts the routes that start runs, by tenant and user, else credential, else client address. Reads and changes are
 * not counted, as one page of a dashboard makes many at once.
 * @throws RESOURCE_EXHAUSTED
 */
export const createRunLimit =
  (take: Limiter['take'], rateOf: RateOf, clientIp: (request: IncomingMessage) => string): Limit =>
  async (request, response, route, admission) => {
    if (route.definition.startsRun !== true) return
    const rate = await rateOf(admission.caller.tenantId)
    if (rate === undefined) return
    const taken = await take(keyOf(admission, clientIp(request)), rate)
    show(response, rate.burst, taken)
    if (taken.allowed) return
    throw new MeshError(
      'RESOURCE_EXHAUSTED',
      'error.rate_limit',
      {},
      { retryAfterMs: Math.max(retryAfterMs, Math.ceil(taken.nextInMs)) },
    )
  }
