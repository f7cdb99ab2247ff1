/** The times over which usage is asked for. */
import { MeshError } from '@clawmesh/contracts'
import { timeRange, type TimeRange } from '../traces/time-range.ts'
import type { SeriesQuery, SummaryQuery } from './types.ts'

export interface SpanOfTime {
  /** Inclusive. */
  from: Date
  /** Exclusive. */
  to: Date
}

export const hourMs = 3_600_000
export const dayMs = 24 * hourMs
/** Milliseconds that a rolling period goes back. */
const lengths: Readonly<Record<string, number>> = { '1h': hourMs, '24h': dayMs, '7d': 7 * dayMs, '30d': 30 * dayMs }
const defaultPeriod = '24h'

export const startOfDay = (now: Date): Date => new Date(Math.floor(now.getTime() / dayMs) * dayMs)

/** When the windows of quotas begin. */
export interface QuotaWindows {
  hour: Date
  day: Date
  week: Date
}

export const quotaWindows = (now: Date): QuotaWindows => {
  const before = (ms: number) => new Date(now.getTime() - ms)
  return { hour: before(hourMs), day: before(dayMs), week: before(7 * dayMs) }
}

const ofPeriod = (period: string | undefined, now: Date): SpanOfTime => {
  if (period === 'today') return { from: startOfDay(now), to: now }
  const length = Object.hasOwn(lengths, period ?? '') ? lengths[period!]! : lengths[defaultPeriod]!
  return { from: new Date(now.getTime() - length), to: now }
}

const isBounded = (range: TimeRange): range is SpanOfTime => range.from !== undefined && range.to !== undefined

/** What a series or breakdown is asked for. @throws INVALID_REQUEST when one end of a range is given and the other is not */
export const askedSpan = ({ from, to, period }: Pick<SeriesQuery, 'from' | 'to' | 'period'>, now: Date): SpanOfTime => {
  const range = timeRange({ from, to })
  if (isBounded(range)) return range
  if (from !== undefined || to !== undefined)
    throw new MeshError('INVALID_REQUEST', 'error.required', { field: from === undefined ? 'from' : 'to' })
  return ofPeriod(period, now)
}

/** What a summary is asked for, and the time before it that it is compared with. */
export const comparedSpans = (
  { from, to, period }: Pick<SummaryQuery, 'from' | 'to' | 'period'>,
  now: Date,
): { current: SpanOfTime; previous: SpanOfTime } => {
  const range = timeRange({ from, to })
  const isCustom = (period === undefined || period === 'custom') && isBounded(range)
  const current = isCustom ? range : ofPeriod(period, now)
  const length = period === 'today' ? dayMs : current.to.getTime() - current.from.getTime()
  return { current, previous: { from: new Date(current.from.getTime() - length), to: current.from } }
}

/** The next full hour, or the time itself where it is one. */
export const upToTheHour = (time: Date): Date => new Date(Math.ceil(time.getTime() / hourMs) * hourMs)

/** The hours that begin within a time. */
export const hoursWithin = ({ from, to }: SpanOfTime): SpanOfTime => ({ from: upToTheHour(from), to: upToTheHour(to) })

/** A range of time in whole hours, and what it cuts off of others. */
export interface InHours {
  whole: { from: Date; to: Date | undefined }
  cut: SpanOfTime[]
}

export const inHours = ({ from, to }: { from: Date; to: Date | undefined }): InHours => {
  const first = upToTheHour(from)
  if (to === undefined) return { whole: { from: first, to }, cut: [{ from, to: first }] }
  const end = new Date(Math.floor(to.getTime() / hourMs) * hourMs)
  if (end < first) return { whole: { from: first, to: first }, cut: [{ from, to }] }
  return {
    whole: { from: first, to: end },
    cut: [
      { from, to: first },
      { from: end, to },
    ],
  }
}
