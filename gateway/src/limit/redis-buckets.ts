/**
 * The buckets of `bucket.ts` in Redis, one for all gateways. rate-limiter-flexible is not used here: it counts fixed
 * windows, and its BurstyRateLimiter adds the points of two such windows, which lets twice the rate through across a
 * window's edge. A token bucket is these few lines, which Redis runs as one step and times with its own clock.
 */
import { Redis } from 'ioredis'
import type { LeaseTokens } from './lots.ts'

/**
 * KEYS: bucket, which holds when it is full and the interval that was counted with. ARGV: interval, capacity, the most tokens
 * that are wanted, and the part of what the bucket holds that may be taken at a time; one token may in any case. Gives
 * {tokens, time until full}. All times are microseconds.
 */
const script = `
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local interval, capacity = tonumber(ARGV[1]), tonumber(ARGV[2])
local most, part = tonumber(ARGV[3]), tonumber(ARGV[4])
local full, counted = string.match(redis.call('GET', KEYS[1]) or '', '^(%d+) ?(%d*)$')
local debt = 0
if full then
  debt = math.max(0, tonumber(full) - now) * (interval / (tonumber(counted) or interval))
  debt = math.min(debt, capacity)
end
if debt + interval > capacity then return {0, math.ceil(debt)} end
local tokens = math.max(1, math.min(most, math.floor((capacity - debt) / interval * part)))
local after = debt + tokens * interval
redis.call('SET', KEYS[1], string.format('%.0f %.0f', now + after, interval), 'PX', math.ceil(after / 1000))
return {tokens, math.ceil(after)}
`

const prefix = 'clawmesh:limit:'
/** A limiter must not cost a request more than this; an answer that takes longer is as good as none. */
const answerWithinMs = 100
/** A connection that has been silent this long while asked is given up and made anew. */
const silentMs = 5_000
const connectTimeoutMs = 2_000
const maxReconnectPauseMs = 1_000
const disconnectWithinMs = 100

interface RedisBuckets {
  /** @throws whatever keeps Redis from answering in time */
  lease: LeaseTokens
  /** Whether Redis answers now; never throws. */
  answers: () => Promise<boolean>
  connect: () => Promise<void>
  close: () => void
}

type Scripted = Redis & {
  takeTokens: (
    key: string,
    intervalUs: number,
    capacityUs: number,
    most: number,
    part: number,
  ) => Promise<[tokens: number, fullInUs: number]>
}

/**
 * An answer, if it comes in time. ioredis' own time limit would count a moment in which this process was busy as Redis'
 * silence: its timers run before the answers that have arrived meanwhile are read.
 */
const inTime = <T>(answer: Promise<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    const giveUp = () => reject(new Error(`no answer within ${answerWithinMs} ms`))
    const timer = setTimeout(() => setImmediate(giveUp), answerWithinMs)
    answer.then(resolve, reject).finally(() => clearTimeout(timer))
  })

export const createRedisBuckets = (url: string): RedisBuckets => {
  const redis = new Redis(url, {
    lazyConnect: true,
    enableOfflineQueue: false,
    // Requests of one moment share a packet.
    enableAutoPipelining: true,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    connectTimeout: connectTimeoutMs,
    socketTimeout: silentMs,
    disconnectTimeout: disconnectWithinMs,
    retryStrategy: (attempt) => Math.min(attempt * 100, maxReconnectPauseMs),
  }) as Scripted
  redis.defineCommand('takeTokens', { numberOfKeys: 1, lua: script })
  // Failing commands tell; without a listener ioredis would print every failed reconnection.
  redis.on('error', () => undefined)

  return {
    lease: async (key, { intervalMs, burst }, most, part) => {
      const intervalUs = Math.max(1, Math.round(intervalMs * 1000))
      const taken = redis.takeTokens(prefix + key, intervalUs, burst * intervalUs, most, part)
      const [tokens, fullInUs] = await inTime(taken)
      return { tokens, fullInMs: fullInUs / 1000 }
    },
    answers: () =>
      inTime(redis.ping()).then(
        () => true,
        () => false,
      ),
    connect: () => redis.connect(),
    close: () => redis.disconnect(),
  }
}
