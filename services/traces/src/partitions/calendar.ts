/** Times as PostgreSQL and partitions take them. Days and months are those of UTC. */

const dayMs = 24 * 3_600_000

/** PostgreSQL and partitions want times within reason. */
const earliestMs = Date.UTC(2000)
const latestMs = Date.UTC(2200)

/** ISO 8601 in UTC with milliseconds, so that texts compare like times. @throws RangeError outside of reason */
export const toIso = (time: string | Date): string => {
  const ms = new Date(time).getTime()
  if (!(ms >= earliestMs && ms < latestMs)) throw new RangeError('a time is out of range')
  return new Date(ms).toISOString()
}

/** The day of a time: `2026-11-20`. */
export const dayOf = (time: number | string | Date): string => new Date(time).toISOString().slice(0, 10)

/** The first day of a time's month: `2026-11-01`. */
export const monthOf = (time: number | string | Date): string => `${dayOf(time).slice(0, 7)}-01`

/** How time is cut into periods. A period goes by the day on which it begins. */
export interface Calendar {
  periodOf: (time: number | string | Date) => string
  /** When a period is over, in ms since 1970. */
  endOf: (period: string) => number
}

export const days: Calendar = { periodOf: dayOf, endOf: (day) => Date.parse(day) + dayMs }

export const months: Calendar = {
  periodOf: monthOf,
  endOf: (month) => {
    const first = new Date(month)
    return Date.UTC(first.getUTCFullYear(), first.getUTCMonth() + 1)
  },
}
