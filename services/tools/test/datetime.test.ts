import { timeIn } from '../src/general/datetime.ts'
import { contextWith } from './context.ts'
import { runTool, toolRefusal } from './run-tool.ts'

it.each([
  ['UTC', '2026-03-29T00:59:30+00:00 (Sunday)'],
  ['Asia/Ho_Chi_Minh', '2026-03-29T07:59:30+07:00 (Sunday)'],
  ['America/New_York', '2026-03-28T20:59:30-04:00 (Saturday)'],
  ['Asia/Kathmandu', '2026-03-29T06:44:30+05:45 (Sunday)'],
  ['Europe/London', '2026-03-29T00:59:30+00:00 (Sunday)'],
])('knows the time in %s', (zone, time) => {
  expect(timeIn(zone, new Date('2026-03-29T00:59:30.500Z'))).toBe(time)
})

it('tells now in UTC, as a number, and in a zone', async () => {
  for (const [args, timezone] of [
    [{}, 'UTC'],
    [{ timezone: 'Asia/Tokyo' }, 'Asia/Tokyo'],
  ] as const) {
    const answer = JSON.parse((await runTool('datetime', args, contextWith())).output)
    const now = new Date(answer.unix_ms)
    expect(answer).toEqual({
      utc: now.toISOString(),
      unix_ms: expect.any(Number),
      timezone,
      local: timeIn(timezone, now),
    })
    expect(Math.abs(Date.now() - answer.unix_ms)).toBeLessThan(60_000)
  }
})

it('knows no zone that there is not', async () => {
  const refusal = await toolRefusal('datetime', { timezone: 'Moon/Base' }, contextWith())
  expect(refusal).toBe('there is no time zone Moon/Base: name one like Europe/Berlin')
})
