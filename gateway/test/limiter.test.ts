/** The limiter over a real Redis that is shared, killed, frozen and brought back. */
import { createLogger, type Logger } from '@clawmesh/chassis'
import { Redis } from 'ioredis'
import { setTimeout as sleep } from 'node:timers/promises'
import { rateLimiter, type Limiter } from '../src/limit/limiter.ts'
import { findFreePort } from '../../test/support/free-port.ts'
import { startRedis, type RedisHandle } from '../../test/support/redis.ts'

const running: Limiter[] = []
let redis: RedisHandle
let keys = 0

/** Names of keys that no other test uses. */
const freshKey = () => `tenant:user:${Date.now()}:${keys++}`

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
): Promise<Limiter> => {
  const limiter = rateLimiter({ rateLimitRpm: rpm, rateLimitBurst: burst, replicas }, url, log)!
  await limiter.part.start?.()
  running.push(limiter)
  return limiter
}

const grantedOf = async (takes: readonly unknown[]) =>
  ((await Promise.all(takes)) as { allowed: boolean }[]).filter(({ allowed }) => allowed).length

beforeAll(async () => {
  redis = await startRedis()
})
afterEach(async () => {
  for (const { part } of running.splice(0)) await part.stop?.()
})
afterAll(() => redis.stop())

it('is off at 0 and below', () => {
  const log = createLogger({ level: 'silent', name: 'test' })
  for (const rateLimitRpm of [0, -1])
    expect(rateLimiter({ rateLimitRpm, rateLimitBurst: 5, replicas: 1 }, '', log)).toBeUndefined()
})

it('shares one bucket among gateways', async () => {
  const gateways = [await startLimiter(redis.url), await startLimiter(redis.url), await startLimiter(redis.url)]
  const key = freshKey()
  const takes = Array.from({ length: 60 }, (_, i) => gateways[i % 3]!.take(key))
  expect(await grantedOf(takes)).toBe(5)
  expect(await gateways[0]!.take(key)).toMatchObject({ allowed: false, remaining: 0 })
})

it('holds the rate in the long run, within 2 %', async () => {
  const settings = { rpm: 6_000, burst: 5 }
  const gateways = [await startLimiter(redis.url, settings), await startLimiter(redis.url, settings)]
  const key = freshKey()
  const startedAt = performance.now()
  let granted = 0
  while (performance.now() - startedAt < 3_000) granted += await grantedOf(gateways.map(({ take }) => take(key)))
  const elapsedMs = performance.now() - startedAt
  const due = 5 + elapsedMs / 10
  expect(granted).toBeLessThanOrEqual(due * 1.02)
  expect(granted).toBeGreaterThanOrEqual(due * 0.98 - 1)
})

it('tells what is left and when the bucket is full again', async () => {
  const limiter = await startLimiter(redis.url)
  const key = freshKey()
  const first = await limiter.take(key)
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
  await sleep(3_000)
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
  await sleep(3_000)
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
  await pause.call('CLIENT', 'PAUSE', '4000', 'ALL')

  const startedAt = performance.now()
  const key = freshKey()
  expect(await grantedOf(Array.from({ length: 9 }, () => limiter.take(key)))).toBe(5)
  expect(performance.now() - startedAt).toBeLessThan(400)
  const again = performance.now()
  await limiter.take(key)
  expect(performance.now() - again).toBeLessThan(50)

  pause.disconnect()
  await own.stop('SIGKILL')
})
