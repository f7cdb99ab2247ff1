import { LRUCache } from 'lru-cache'
import { z } from 'zod'
import { defineTool } from '../tool/define-tool.ts'
import { toolError } from '../tool/tool-error.ts'
import { says } from '../tool/tool.ts'

/** Kept, as making one takes longer than all else that a call does. */
const formats = new LRUCache<string, Intl.DateTimeFormat>({ max: 100 })

/** @throws RangeError for an unknown zone */
const formatOf = (timeZone: string): Intl.DateTimeFormat => {
  const known = formats.get(timeZone)
  if (known !== undefined) return known
  const made = new Intl.DateTimeFormat('en-US', {
    ...{ timeZone, hourCycle: 'h23', timeZoneName: 'longOffset', weekday: 'long' },
    ...{ year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit' },
  })
  formats.set(timeZone, made)
  return made
}

/** `2026-11-28T20:15:00+07:00 (Saturday)`. @throws TOOL_ERROR for an unknown zone */
export const timeIn = (timeZone: string, now: Date): string => {
  try {
    const parts = formatOf(timeZone).formatToParts(now)
    const part = (wanted: Intl.DateTimeFormatPartTypes) => parts.find(({ type }) => type === wanted)?.value ?? ''
    const offset = part('timeZoneName').replace('GMT', '') || '+00:00'
    const date = `${part('year')}-${part('month')}-${part('day')}`
    return `${date}T${part('hour')}:${part('minute')}:${part('second')}${offset} (${part('weekday')})`
  } catch {
    throw toolError(`there is no time zone ${timeZone}: name one like Europe/Berlin`)
  }
}

export const datetime = defineTool({
  name: 'datetime',
  displayName: 'Date and time',
  category: 'general',
  groups: [],
  needs: [],
  description: 'The current date and time, in UTC and in a time zone.',
  parameters: z.object({
    timezone: z.string().max(100).default('UTC').describe('IANA time zone, such as Asia/Ho_Chi_Minh'),
  }),
  run: async ({ timezone }) => {
    const now = new Date()
    return says(
      JSON.stringify({ utc: now.toISOString(), unix_ms: now.getTime(), timezone, local: timeIn(timezone, now) }),
    )
  },
})
