/** When work at set times is done. Times are instants; the fields of a cron expression are in its zone. */
import { MeshError } from '@clawmesh/contracts'
import { Cron } from 'croner'

export interface Schedule {
  kind: 'at' | 'every' | 'cron'
  atMs?: number | undefined
  everyMs?: number | undefined
  expr?: string | undefined
  tz?: string | undefined
}

/** The last instant that a Date can hold. */
const lastInstantMs = 8_640_000_000_000_000
const fiveFields = /^\s*(?:\S+\s+){4}\S+\s*$/

const cronOf = ({ expr = '', tz = 'UTC' }: Schedule): Cron =>
  new Cron(expr, { timezone: tz, mode: '5-part', paused: true })

const invalid = (field: string, reason: string) =>
  new MeshError('INVALID_REQUEST', 'error.invalid_request', { field: `schedule.${field}`, reason })

export const isZone = (tz: string): boolean => {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: tz }).format() !== ''
  } catch {
    return false
  }
}

/**
 * A schedule with what its kind needs, and nothing else.
 * @param defaultZone of a cron expression that comes without one
 * @throws INVALID_REQUEST for one that cannot be read
 */
export const checkedSchedule = (given: Schedule, defaultZone: string): Schedule => {
  const { kind, atMs, everyMs, expr, tz } = given
  if (kind === 'at') {
    if (atMs === undefined || Math.abs(atMs) > lastInstantMs) throw invalid('atMs', 'needs a time')
    return { kind, atMs }
  }
  if (kind === 'every') {
    if (everyMs === undefined || everyMs < 1 || everyMs > lastInstantMs) throw invalid('everyMs', 'needs a time')
    return { kind, everyMs }
  }
  const zone = tz === undefined || tz === '' ? defaultZone : tz
  if (!isZone(zone)) throw invalid('tz', 'unknown time zone')
  const schedule: Schedule = { kind, expr: expr?.trim() ?? '', tz: zone }
  try {
    if (!fiveFields.test(schedule.expr!)) throw new Error('another number of fields')
    cronOf(schedule)
  } catch (cause) {
    throw new MeshError('INVALID_REQUEST', 'error.invalid_cron_expr', { reason: 'five fields are expected' }, { cause })
  }
  return schedule
}

/**
 * The first time after an instant; undefined where there is none. Slots that were missed are left out: what is late is
 * done once.
 *
 * In a cron expression, a time of day that a change of clocks leaves out is the moment of the change, and one that comes
 * twice is its first occurrence, unless the expression fits every hour.
 * @param planned a run of an interval, from which the others are counted
 */
export const nextRun = (schedule: Schedule, after: Date, planned?: Date): Date | undefined => {
  const { kind, atMs, everyMs } = schedule
  if (kind === 'at') return atMs! > after.getTime() ? new Date(atMs!) : undefined
  if (kind === 'cron') return cronOf(schedule).nextRun(after) ?? undefined
  const from = planned ?? after
  const missed = Math.max(0, Math.floor((after.getTime() - from.getTime()) / everyMs!))
  const next = from.getTime() + (missed + 1) * everyMs!
  return next > lastInstantMs ? undefined : new Date(next)
}

/** When something on a schedule runs next, as it stands after a run; undefined where it does not. */
export const nextRunAfter = (
  schedule: Schedule,
  { enabled, nextRunAt, lastRunAt }: { enabled: boolean; nextRunAt: Date | null; lastRunAt: Date | null },
  now: Date,
): Date | undefined => {
  if (!enabled) return undefined
  // It was run before its time, or moved meanwhile.
  if (nextRunAt !== null && lastRunAt !== null && nextRunAt > lastRunAt) return nextRunAt
  const planned = nextRunAt ?? now
  // A clock that was set back does not bring a slot again.
  return nextRun(schedule, planned > now ? planned : now, planned)
}
