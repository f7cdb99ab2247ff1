/** Which events a webhook is about: types, of which `*` stands for any part. */
import { events, eventType, type EventName } from '@clawmesh/contracts'

/** Whether a type matches. Each part is looked for once from where the last one ended, so the time is bounded. */
export const matchesPattern = (pattern: string, type: string): boolean => {
  const [head = '', ...rest] = pattern.split('*')
  if (rest.length === 0) return type === pattern
  const tail = rest.pop()!
  if (!type.startsWith(head)) return false
  let at = head.length
  for (const part of rest) {
    const found = type.indexOf(part, at)
    if (found < 0) return false
    at = found + part.length
  }
  return type.length - tail.length >= at && type.endsWith(tail)
}

export const matchesAny = (patterns: readonly string[], type: string): boolean =>
  patterns.some((pattern) => matchesPattern(pattern, type))

export const eventNames = Object.keys(events) as EventName[]
const types = eventNames.map(eventType)

/** Whether there is an event that the pattern is about. */
export const matchesSomeEvent = (pattern: string): boolean => types.some((type) => matchesPattern(pattern, type))
