/** The limiter over a real Redis that is shared, killed, frozen and brought back. */
import { createLogger, type Logger } from '@clawmesh/chassis'
import { Redis } from 'ioredis'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Rate, Take } from '../src/limit/bucket.ts'
import { createRateLimiter, type Limiter } from '../src/limit/limiter.ts'
import { findFreePort } from '../../test/support/free-port.ts'
import { startRedis, type RedisHandle } from '../../test/support/redis.ts'

interface TestLimiter {
  take: (key: string, changed?: Rate) => Take | Promise<Take>
}

const running: Limiter[] = []
let redis: RedisHandle
let keys = 0

/** Names of keys that no other test uses. */
const freshKey = () => `tenant:user:${Date.now()}:${keys++}`
const rateOf = (rpm: number, burst = 5): Rate => ({ intervalMs: 60_000 / rpm, burst })

const loggedLimiter = async (url: string, settings: { rpm?: number; burst?: number; replicas?: number } = {}) => {
  const lines: string[] = []
  const log = createLogger({ level: 'info', name: 'test', stream: { write: (line) => void lines.push(line) } })
  const limiter = await startLimiter(url, settings, log)
  return { limiter, lines }
}

const startLimiter = async (
  url: string,
  { rpm = 20, burst = 5, replicas = 1 }: { rpm?: number; burst?: number; replicas?: number } = {},
  log: Logger = createLogger({ level: 'silent', name: 'test' }),
): Promise<TestLimiter> => {
  const limiter = createRateLimiter(() => replicas, url, log)
  await limiter.part.start?.()
  running.push(limiter)
  return { take: (key, rate = rateOf(rpm, burst)) => limiter.take(key, rate) }
}

/**
 * What some gateways do that share one Redis, and hear it in time all the while: on a machine too busy for that they grant
 * shares, which is not what is measured here.
 */
const undisturbed = async <T>(count: number, measure: (...gateways: TestLimiter[]) => Promise<T>): Promise<T> => {
  for (;;) {
    const gateways = await Promise.all(Array.from({ length: count }, () => loggedLimiter(redis.url)))
    const measured = await measure(...gateways.map(({ limiter }) => limiter))
    if (gateways.every(({ lines }) => lines.length === 0)) return measured
  }
}

const grantedOf = async (takes: readonly unknown[]) =>
  ((await Promise.all(takes)) as { allowed: boolean }[]).filter(({ allowed }) => allowed).length

const sharedAgain = async (lines: readonly string[]) => {
  while (!lines.some((line) => line.includes('shared through Redis again'))) await sleep(20)
}

beforeAll(async () => {
  redis = await startRedis()
})
afterEach(async () => {
  for (const { part } of running.splice(0)) await part.stop?.()
})
afterAll(() => redis.stop())

it('shares one bucket among gateways', async () => {
  const { granted, further } = await undisturbed(3, async (...gateways) => {
    const key = freshKey()
    const takes = Array.from({ length: 60 }, (_, i) => gateways[i % 3]!.take(key))
    return { granted: await grantedOf(takes), further: await gateways[0]!.take(key) }
  })
  expect(granted).toBe(5)
  expect(further).toMatchObject({ allowed: false, remaining: 0 })
})

/** Takes as fast as it can for a while; what was granted, beside the least and the most that it may be. */
const askAllTheTime = async (gateways: readonly TestLimiter[], rate: Rate) => {
  const key = freshKey()
  const dueSince = (startMs: number) => rate.burst + (performance.now() - startMs) / rate.intervalMs
  const askedFirstAt = performance.now()
  // The bucket is emptied at once, as a full one loses tokens in every pause.
  const burst = Array.from({ length: rate.burst }, (_, at) => gateways[at % gateways.length]!.take(key, rate))
  let granted = await grantedOf(burst)
  const emptiedAt = performance.now()
  let least = rate.burst
  let longestPauseMs = 0
  while (performance.now() - emptiedAt < 1_500) {
    const before = least
    least = dueSince(emptiedAt)
    longestPauseMs = Math.max(longestPauseMs, (least - before) * rate.intervalMs)
    granted += await grantedOf(gateways.map(({ take }) => take(key, rate)))
  }
  return { granted, least, most: dueSince(askedFirstAt), longestPauseMs }
}

it('holds the rate over three gateways in the long run, within 2 % of the exact number', async () => {
  const rate = rateOf(6_000, 100)
  const measure = () => undisturbed(3, (...gateways) => askAllTheTime(gateways, rate))
  let measured = await measure()
  // A bucket loses tokens when it is full again: when nobody was let run for as long as that takes, once more.
  while (measured.longestPauseMs > (rate.burst * rate.intervalMs) / 2) measured = await measure()
  expect(measured.granted).toBeLessThanOrEqual(measured.most * 1.02)
  expect(measured.granted).toBeGreaterThanOrEqual(measured.least * 0.98)
})

describe('tokens leased in lots', () => {
  /** A bucket that is not filled up while the test runs. */
  const rate = rateOf(0.001, 3_000)
  const asked = async (): Promise<number> => {
    const client = new Redis(redis.url)
    const calls = /cmdstat_evalsha:calls=(\d+)/.exec(await client.info('commandstats'))?.[1]
    client.disconnect()
    return Number(calls ?? 0)
  }
  const three = () => Promise.all([0, 1, 2].map(() => startLimiter(redis.url, { replicas: 3 })))

  it('ask Redis seldom, and grant over three gateways exactly what the bucket holds', async () => {
    const gateways = await three()
    const key = freshKey()
    const before = await asked()
    let granted = 0
    let remaining = rate.burst
    for (let at = 0; at < 3_300; at++) {
      const take = await gateways[at % 3]!.take(key, rate)
      if (take.allowed) granted++
      expect(take.remaining).toBeLessThanOrEqual(remaining + 3 * 20)
      remaining = take.remaining
    }
    expect(granted).toBe(rate.burst)
    expect((await asked()) - before).toBeLessThan(3_300 / 3)
  })

  it('that a gateway does not spend are at most 2 % of the bucket', async () => {
    const [one, other, idle] = (await three()) as [TestLimiter, TestLimiter, TestLimiter]
    const key = freshKey()
    await idle.take(key, rate)
    let granted = 1
    for (let at = 0; at < rate.burst; at++) if ((await [one, other][at % 2]!.take(key, rate)).allowed) granted++
    expect(granted).toBeGreaterThanOrEqual(rate.burst * 0.98)
    expect(granted).toBeLessThan(rate.burst)
  })
})

it('a changed rate holds for a bucket that is there already, whichever gateway counts', async () => {
  const [granted, ...takes] = await undisturbed(2, async (one, other) => {
    const key = freshKey()
    return [
      await grantedOf(Array.from({ length: 3 }, () => one.take(key))),
      await other.take(key, rateOf(1)),
      await one.take(key, rateOf(1, 2)),
      await other.take(key, rateOf(1, 2)),
      await one.take(key, rateOf(6_000)),
    ] as const
  })
  expect(granted).toBe(3)
  // Owed are three tokens, at whatever pace they come back.
  expect(takes[0]).toMatchObject({ allowed: true, remaining: 1 })
  expect(takes[1]).toMatchObject({ allowed: false, remaining: 0 })
  expect(takes[2].nextInMs).toBeGreaterThan(50_000)
  expect(takes[2].nextInMs).toBeLessThanOrEqual(60_000)
  expect(takes[3].fullInMs).toBeLessThanOrEqual(50)
})

it('tells what is left and when the bucket is full again', async () => {
  const first = await undisturbed(1, async (limiter) => limiter.take(freshKey()))
  expect(first).toMatchObject({ allowed: true, remaining: 4 })
  expect(first.fullInMs).toBeCloseTo(3_000, -1)
})

it('counts in the process without Redis', async () => {
  const limiter = await startLimiter('')
  expect(await grantedOf(Array.from({ length: 9 }, () => limiter.take('a')))).toBe(5)
})

it('starts without Redis and goes over to it once it is there', async () => {
  const port = await findFreePort()
  const { limiter, lines } = await loggedLimiter(`redis://127.0.0.1:${port}`, { replicas: 5 })
  expect(await grantedOf(Array.from({ length: 9 }, () => limiter.take('a')))).toBe(1)
  const late = await startRedis({ port })
  await sharedAgain(lines)
  expect(await grantedOf(Array.from({ length: 9 }, () => limiter.take('a')))).toBe(5)
  expect(lines.filter((line) => line.includes('does not answer'))).toHaveLength(1)
  expect(lines.filter((line) => line.includes('shared through Redis again'))).toHaveLength(1)
  await late.stop()
})

it('grants its share while Redis is gone, says so once, and recovers by itself', async () => {
  const own = await startRedis()
  const { limiter, lines } = await loggedLimiter(own.url, { burst: 6, replicas: 2 })
  const key = freshKey()
  expect(await limiter.take(key)).toMatchObject({ remaining: 5 })

  await own.stop('SIGKILL')
  expect(await grantedOf(Array.from({ length: 20 }, () => limiter.take(key)))).toBe(3)
  expect(lines.filter((line) => line.includes('does not answer'))).toHaveLength(1)

  const back = await startRedis({ port: own.port })
  await sharedAgain(lines)
  expect(await limiter.take(key)).toMatchObject({ allowed: true, remaining: 5 })
  expect(lines.filter((line) => line.includes('shared through Redis again'))).toHaveLength(1)
  await back.stop()
})

it('does not wait for a Redis that hangs', async () => {
  const own = await startRedis()
  const limiter = await startLimiter(own.url)
  await limiter.take(freshKey())
  // It keeps its connections and answers nothing.
  const pause = new Redis(own.url)
  await pause.call('CLIENT', 'PAUSE', '3600000', 'ALL')

  const key = freshKey()
  expect(await grantedOf(Array.from({ length: 9 }, () => limiter.take(key)))).toBe(5)
  // Now it is known, and nobody waits at all.
  expect(limiter.take(key)).not.toBeInstanceOf(Promise)

  pause.disconnect()
  await own.stop('SIGKILL')
})
