/** When schedules run, over the changes of clocks of five zones. */
import fc from 'fast-check'
import { checkedSchedule, nextRun, type Schedule } from '../src/cron/schedule.ts'

const minute = 60_000
const zones = ['Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'America/Santiago', 'Africa/Cairo']

const cron = (expr: string, tz: string): Schedule => checkedSchedule({ kind: 'cron', expr, tz }, 'UTC')
const formats = new Map(
  zones.map((timeZone) => [
    timeZone,
    new Intl.DateTimeFormat('sv', { timeZone, dateStyle: 'short', timeStyle: 'short' }),
  ]),
)
/** `2026-03-29 02:30`, as clocks in the zone show it. */
const clock = (zone: string, at: Date): string => formats.get(zone)!.format(at)
const runsFrom = (schedule: Schedule, start: Date, count: number): Date[] => {
  const runs: Date[] = []
  for (let at: Date | undefined = start; runs.length < count;) {
    at = nextRun(schedule, at)
    if (at === undefined) return runs
    runs.push(at)
  }
  return runs
}
const aYear = { start: new Date('2026-01-01T12:00:00Z'), days: 366 }
/** Days on which clocks of these zones are changed in 2026. */
const changes = [
  '2026-03-08',
  '2026-03-29',
  '2026-04-04',
  '2026-04-23',
  '2026-10-03',
  '2026-10-25',
  '2026-10-29',
  '2026-11-01',
]
const two = (value: number) => String(value).padStart(2, '0')
const anyInstant = fc
  .date({ min: new Date('2026-01-01T00:00:00Z'), max: new Date('2027-12-31T00:00:00Z') })
  .filter((date) => !Number.isNaN(date.getTime()))

describe.each(zones)('in %s', (zone) => {
  it('a time of day is one run on each day of a year, at that time wherever clocks show it', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 23 }), fc.integer({ min: 0, max: 59 }), (hour, at) => {
        const runs = runsFrom(cron(`${at} ${hour} * * *`, zone), aYear.start, aYear.days)
        const shown = runs.map((run) => clock(zone, run))
        expect(new Set(shown.map((text) => text.slice(0, 10))).size).toBe(aYear.days)
        const elsewhere = shown.filter((text) => text.slice(11) !== `${two(hour)}:${two(at)}`)
        // The clocks of a year leave out at most two times; a run that meets one comes right after it.
        expect(elsewhere.length).toBeLessThanOrEqual(2)
        for (const text of elsewhere) expect(text.slice(11) > `${two(hour)}:${two(at)}`).toBe(true)
      }),
      {
        numRuns: 6,
        examples: [
          [2, 30],
          [0, 0],
          [0, 30],
          [1, 45],
        ],
      },
    )
  })

  it('minutes that fit every hour come at equal distances, whatever the clocks do', () => {
    for (const step of [10, 30]) {
      const schedule = cron(`*/${step} * * * *`, zone)
      for (const day of changes) {
        const runs = runsFrom(schedule, new Date(`${day}T00:00:00Z`), (30 * 60) / step)
        const gaps = runs.slice(1).map((run, index) => (run.getTime() - runs[index]!.getTime()) / minute)
        expect(new Set(gaps)).toEqual(new Set([step]))
      }
    }
  })

  it('the next run is later, and the same from wherever before it one asks', () => {
    const expressions = fc.constantFrom(
      '30 2 * * *',
      '*/20 1-3 * * *',
      '0 0 * * 0',
      '15 3 1 * *',
      '0 */2 * * *',
      '59 23 31 * *',
    )
    fc.assert(
      fc.property(expressions, anyInstant, fc.double({ min: 0, max: 0.999, noNaN: true }), (expr, after, share) => {
        const schedule = cron(expr, zone)
        const next = nextRun(schedule, after)!
        expect(next.getTime()).toBeGreaterThan(after.getTime())
        const between = new Date(after.getTime() + Math.floor((next.getTime() - after.getTime()) * share))
        expect(nextRun(schedule, between)).toEqual(next)
      }),
      { numRuns: 60 },
    )
  })
})

describe('an interval', () => {
  it('is counted from its planned run, and what was missed is left out', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 86_400_000 }),
        anyInstant,
        fc.integer({ min: -1e9, max: 1e10 }),
        (everyMs, planned, late) => {
          const after = new Date(planned.getTime() + late)
          const next = nextRun({ kind: 'every', everyMs }, after, planned)!.getTime()
          expect(next).toBeGreaterThan(after.getTime())
          expect(next).toBeGreaterThan(planned.getTime())
          expect((next - planned.getTime()) % everyMs).toBe(0)
          expect(next - Math.max(after.getTime(), planned.getTime())).toBeLessThanOrEqual(everyMs)
        },
      ),
    )
  })
})

describe('a moment', () => {
  it('comes once', () => {
    const at: Schedule = { kind: 'at', atMs: 5_000 }
    expect(nextRun(at, new Date(4_999))).toEqual(new Date(5_000))
    expect(nextRun(at, new Date(5_000))).toBeUndefined()
  })
})

describe('what cannot be read is refused', () => {
  it.each([
    [{ kind: 'cron', expr: '* * * *' }],
    [{ kind: 'cron', expr: '* * * * * *' }],
    [{ kind: 'cron', expr: '61 * * * *' }],
    [{ kind: 'cron', expr: '@daily' }],
    [{ kind: 'cron', expr: '' }],
    [{ kind: 'cron' }],
    [{ kind: 'cron', expr: '0 0 * * *', tz: 'Nowhere/Town' }],
    [{ kind: 'every' }],
    [{ kind: 'every', everyMs: 0 }],
    [{ kind: 'at' }],
    [{ kind: 'at', atMs: 9e15 }],
  ] as [Schedule][])('%j', (schedule) => {
    expect(() => checkedSchedule(schedule, 'UTC')).toThrow(expect.objectContaining({ code: 'INVALID_REQUEST' }))
  })

  it('and what can is kept without what its kind does not need', () => {
    const all = { atMs: 1, everyMs: 2, expr: ' 0 0 * * * ', tz: '' }
    expect(checkedSchedule({ kind: 'cron', ...all }, 'Asia/Tokyo')).toEqual({
      kind: 'cron',
      expr: '0 0 * * *',
      tz: 'Asia/Tokyo',
    })
    expect(checkedSchedule({ kind: 'every', ...all }, 'UTC')).toEqual({ kind: 'every', everyMs: 2 })
    expect(checkedSchedule({ kind: 'at', ...all }, 'UTC')).toEqual({ kind: 'at', atMs: 1 })
  })
})
