/** What of their runs of a day users are told to have used. */
import { createDailyRuns } from '../src/usage-caps/daily-runs.ts'
import type { UsageCap } from '../src/usage-caps/types.ts'

const cap = (id: string, amount: number, fields: Partial<UsageCap> = {}): UsageCap => ({
  ...{ id, amount, scope: 'user', subject: '', metric: 'runs', period: 'day', mode: 'hard' },
  ...{ enabled: true, unknownPrices: 'count' },
  ...{ createdAt: new Date(0), updatedAt: new Date(0) },
  ...fields,
})

const runsOf = async (caps: UsageCap[], used: Record<string, number>, users = ['ann']) => {
  const counters = Object.entries(used).map(([capId, count]) => ({ capId, subject: 'ann', used: count }))
  const dailyRuns = createDailyRuns(() => ({ all: async () => caps, usedBy: async () => counters }))
  return Object.fromEntries((await (await dailyRuns('t', new Date(0)))?.(users)) ?? [])
}

it('is by the cap that refuses first: the one with the least room, and not the smallest', async () => {
  // The small one was made in the middle of the day.
  const caps = [cap('small', 10), cap('large', 100)]
  expect(await runsOf(caps, { small: 1, large: 98 })).toEqual({ ann: { used: 98, limit: 100 } })
  expect(await runsOf(caps, { small: 9, large: 98 })).toEqual({ ann: { used: 9, limit: 10 } })
  expect(await runsOf(caps, {})).toEqual({ ann: { used: 0, limit: 10 } })
})

it('is nothing for those whom no cap is about', async () => {
  expect(await runsOf([cap('hers', 10, { subject: 'ann' })], { hers: 3 }, ['ann', 'bob'])).toEqual({
    ann: { used: 3, limit: 10 },
  })
})
