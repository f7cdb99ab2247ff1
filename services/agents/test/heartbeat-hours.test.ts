/** When heartbeats are active, over the changes of clocks of five zones. */
import fc from 'fast-check'
import { ruleName } from '../../../test/support/rule.ts'
import { checkHours, isActive } from '../src/heartbeat/hours.ts'

const zones = ['Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'America/Santiago', 'Africa/Cairo']
/** Days on which clocks of these zones are changed in 2026, and one on which none is. */
const days = [
  '2026-03-08',
  '2026-03-29',
  '2026-04-05',
  '2026-04-24',
  '2026-10-04',
  '2026-10-25',
  '2026-10-30',
  '2026-07-01',
]
const minute = 60_000
const two = (value: number) => String(value).padStart(2, '0')
const clockTime = fc
  .tuple(fc.integer({ min: 0, max: 23 }), fc.integer({ min: 0, max: 59 }))
  .map(([hour, at]) => `${two(hour)}:${two(at)}`)
const hours = fc.tuple(clockTime, clockTime).filter(([start, end]) => start !== end)
const anyInstant = fc
  .tuple(fc.constantFrom(...days), fc.integer({ min: -24 * 60, max: 48 * 60 }))
  .map(([day, at]) => new Date(Date.parse(`${day}T00:00:00Z`) + at * minute))

describe.each(zones)('in %s', (timezone) => {
  const format = new Intl.DateTimeFormat('sv', { timeZone: timezone, dateStyle: 'short', timeStyle: 'short' })
  const clock = (at: Date) => format.format(at).slice(11)
  const active = (start: string, end: string, at: Date) =>
    isActive({ activeHoursStart: start, activeHoursEnd: end, timezone }, at)

  it('hours and those from their end to their start share the day without a gap', () => {
    fc.assert(fc.property(hours, anyInstant, ([start, end], at) => active(start, end, at) !== active(end, start, at)))
  })
  it('they begin when clocks show the start and are over when they show the end', () => {
    fc.assert(
      fc.property(hours, anyInstant, ([start, end], at) => {
        const shown = clock(at)
        if (shown === start) return active(start, end, at)
        if (shown === end) return !active(start, end, at)
        // An hour that clocks show twice is treated alike both times.
        const sinceStart = (text: string) => (text >= start ? text : `x${text}`)
        return active(start, end, at) === sinceStart(shown) < sinceStart(end)
      }),
    )
  })
})

it(ruleName('heartbeat.set.runsInActiveHours', 'whatever the time without hours'), () => {
  const always = { activeHoursStart: '', activeHoursEnd: '', timezone: 'UTC' }
  fc.assert(fc.property(anyInstant, (at) => isActive(always, at)))
})

it.each([
  ['25:00', '10:00', 'UTC'],
  ['9:00', '10:00', 'UTC'],
  ['09:00', '', 'UTC'],
  ['', '10:00', 'UTC'],
  ['09:00', '09:00', 'UTC'],
  ['09:00', '10:60', 'UTC'],
  ['', '', 'Mars/Base'],
  ['', '', ''],
])('hours from %j to %j in %j are refused', (activeHoursStart, activeHoursEnd, timezone) => {
  expect(() => checkHours({ activeHoursStart, activeHoursEnd, timezone })).toThrow(
    expect.objectContaining({ code: 'INVALID_REQUEST' }),
  )
})
