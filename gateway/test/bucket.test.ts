import fc from 'fast-check'
import { createLocalBuckets, type Rate } from '../src/limit/bucket.ts'

const rate: Rate = { intervalMs: 3_000, burst: 5 }

const clocked = (bucketRate: Rate) => {
  const clock = { nowMs: 1_000_000 }
  const take = createLocalBuckets(() => clock.nowMs)
  return { clock, take: (key: string, changed: Rate = bucketRate) => take(key, changed) }
}

it('grants the burst at once, then one each interval', () => {
  const { clock, take } = clocked(rate)
  const takes = Array.from({ length: 6 }, () => take('a'))
  expect(takes.map(({ allowed }) => allowed)).toEqual([true, true, true, true, true, false])
  expect(takes.map(({ remaining }) => remaining)).toEqual([4, 3, 2, 1, 0, 0])
  expect(takes[5]).toMatchObject({ fullInMs: 15_000, nextInMs: 3_000 })
  expect(takes[3]!.nextInMs).toBe(0)
  clock.nowMs += 2_999
  expect(take('a').allowed).toBe(false)
  clock.nowMs += 1
  expect(take('a').allowed).toBe(true)
  expect(take('a').allowed).toBe(false)
})

it('fills up to the burst and no further, however long the pause', () => {
  const { clock, take } = clocked(rate)
  clock.nowMs += 86_400_000
  expect(Array.from({ length: 7 }, () => take('a').allowed).filter(Boolean)).toHaveLength(5)
})

it('a refusal costs nothing', () => {
  const { clock, take } = clocked({ intervalMs: 1_000, burst: 1 })
  take('a')
  for (let i = 0; i < 9; i++) {
    clock.nowMs += 100
    expect(take('a').allowed).toBe(false)
  }
  clock.nowMs += 100
  expect(take('a').allowed).toBe(true)
})

it('keeps keys apart', () => {
  const { take } = clocked({ intervalMs: 1_000, burst: 1 })
  expect([take('a').allowed, take('b').allowed, take('a').allowed]).toEqual([true, true, false])
})

describe('a rate that changes', () => {
  const granted = (takes: readonly { allowed: boolean }[]) => takes.filter(({ allowed }) => allowed).length
  const times = (count: number, take: () => { allowed: boolean }) => granted(Array.from({ length: count }, take))
  const quick: Rate = { intervalMs: 10, burst: 5 }

  it('leaves what is owed as it is, in tokens', () => {
    for (const [before, after] of [
      [rate, quick],
      [quick, rate],
    ] as const) {
      const { take } = clocked(rate)
      times(3, () => take('a', before))
      expect(take('a', after).remaining).toBe(1)
    }
  })

  it('gives tokens back at the new pace from the next take on', () => {
    const { clock, take } = clocked(rate)
    times(6, () => take('a'))
    expect(take('a', quick)).toMatchObject({ allowed: false, nextInMs: 10 })
    clock.nowMs += 3_000
    expect(times(9, () => take('a', quick))).toBe(1)
    clock.nowMs += 20
    expect(times(9, () => take('a', quick))).toBe(2)
  })

  it('owes no more than a smaller bucket holds, and fills up a larger one', () => {
    const { clock, take } = clocked(rate)
    times(5, () => take('a'))
    const small = { intervalMs: 3_000, burst: 2 }
    expect(take('a', small)).toMatchObject({ allowed: false, nextInMs: 3_000, fullInMs: 6_000 })
    clock.nowMs += 15_000
    times(2, () => take('b', small))
    expect(times(9, () => take('b', { ...small, burst: 5 }))).toBe(3)
  })
})

it('never admits more than burst + T / interval in any stretch of T, and no less when asked all the time', () => {
  const pauses = fc.array(fc.integer({ min: 0, max: 4_000 }), { minLength: 1, maxLength: 200 })
  const rates = fc.record({ intervalMs: fc.integer({ min: 100, max: 3_000 }), burst: fc.integer({ min: 1, max: 10 }) })
  fc.assert(
    fc.property(rates, pauses, (tried, steps) => {
      const { clock, take } = clocked(tried)
      let tokens = tried.burst
      for (const pauseMs of steps) {
        clock.nowMs += pauseMs
        tokens = Math.min(tried.burst, tokens + pauseMs / tried.intervalMs)
        const { allowed, remaining } = take('a')
        // The bucket as the textbook has it; differences in the last digit are neither here nor there.
        if (Math.abs(tokens - 1) > 1e-6) expect(allowed).toBe(tokens >= 1)
        if (allowed) tokens -= 1
        expect(Math.abs(remaining - tokens)).toBeLessThanOrEqual(1)
      }
    }),
  )
})
