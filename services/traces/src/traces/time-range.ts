/** Time ranges as rows are filtered by them. */
export interface TimeRange {
  /** Inclusive. */
  from: Date | undefined
  /** Exclusive. */
  to: Date | undefined
}

/** Times that no row can have would only make PostgreSQL fail. */
const earliestMs = 0
const latestMs = Date.UTC(9999)
const instant = (time: string | undefined): Date | undefined =>
  time === undefined ? undefined : new Date(Math.min(Math.max(Date.parse(time), earliestMs), latestMs))

/** A range from ISO 8601 texts, either end of which may be open. */
export const timeRange = ({ from, to }: { from?: string | undefined; to?: string | undefined }): TimeRange => ({
  from: instant(from),
  to: instant(to),
})
