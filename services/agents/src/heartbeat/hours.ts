/** The hours in which an agent looks after its checklist, as clocks in its zone show them. */
import { MeshError } from '@clawmesh/contracts'
import { isZone } from '../cron/schedule.ts'

export interface ActiveHours {
  /** `HH:MM`; both are empty where it is any time. */
  activeHoursStart: string
  activeHoursEnd: string
  /** IANA zone. */
  timezone: string
}

const clockTime = /^(?:[01]\d|2[0-3]):[0-5]\d$/

const invalid = (field: string, reason: string) =>
  new MeshError('INVALID_REQUEST', 'error.invalid_request', { field, reason })

/** @throws INVALID_REQUEST */
export const checkHours = ({ activeHoursStart, activeHoursEnd, timezone }: ActiveHours): void => {
  if (!isZone(timezone)) throw invalid('timezone', 'unknown time zone')
  if (activeHoursStart === '' && activeHoursEnd === '') return
  if (!clockTime.test(activeHoursStart)) throw invalid('activeHoursStart', 'needs a time')
  if (!clockTime.test(activeHoursEnd) || activeHoursEnd === activeHoursStart)
    throw invalid('activeHoursEnd', 'needs a time')
}

/** Whether an instant lies in the hours: the start belongs to them, the end does not. */
export const isActive = (
  { activeHoursStart: start, activeHoursEnd: end, timezone }: ActiveHours,
  at: Date,
): boolean => {
  if (start === '' || end === '') return true
  const now = new Intl.DateTimeFormat('en-GB', {
    timeZone: timezone,
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  }).format(at)
  return start < end ? now >= start && now < end : now >= start || now < end
}
