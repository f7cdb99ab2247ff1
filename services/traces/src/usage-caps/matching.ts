/** Which caps are about a model call, and in which period it counts. */
import { usageSubject } from '@clawmesh/contracts'
import { dayOf, days, monthOf, months } from '../partitions/calendar.ts'
import type { Matched, Subjects, UsageCap } from './types.ts'

const kindOf = ({ scope, metric, period, mode }: UsageCap): string => `${scope} ${metric} ${period} ${mode}`

/** The enabled caps that are about somebody's call. One that names its subject counts in place of one for each of the scope. */
export const matchingCaps = (caps: readonly UsageCap[], subjects: Subjects): Matched[] => {
  const matched = caps.flatMap((cap) => {
    const subject = cap.enabled ? usageSubject(cap, subjects) : undefined
    return subject === undefined ? [] : [{ cap, subject }]
  })
  const named = new Set(matched.filter(({ cap }) => cap.subject !== '').map(({ cap }) => kindOf(cap)))
  return matched.filter(({ cap }) => cap.subject !== '' || !named.has(kindOf(cap)))
}

/** The first day of the period in which a time lies. */
export const periodStart = (period: UsageCap['period'], now: Date): string =>
  period === 'day' ? dayOf(now) : monthOf(now)

/** When the period that begins on a day is over. */
export const renewsAt = (period: UsageCap['period'], start: string): Date =>
  new Date((period === 'day' ? days : months).endOf(start))
