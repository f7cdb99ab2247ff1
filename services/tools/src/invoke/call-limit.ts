/** How many tools a session may call in an hour. */
import { LRUCache } from 'lru-cache'

const hourMs = 3_600_000
const mostSessions = 10_000

/**
 * Counts a call of a session; false, and nothing counted, when it has had as many in the hour before.
 * @param perHour 0 lets all through, and counts none
 */
export type TakeCall = (tenantId: string, sessionKey: string, perHour: number) => boolean

export const createCallLimit = (now: () => number = Date.now): TakeCall => {
  const sessions = new LRUCache<string, number[]>({ max: mostSessions })
  return (tenantId, sessionKey, perHour) => {
    if (perHour === 0 || sessionKey === '') return true
    const key = JSON.stringify([tenantId, sessionKey])
    const calls = sessions.get(key) ?? []
    const since = now() - hourMs
    const recent = calls.findIndex((at) => at > since)
    calls.splice(0, recent < 0 ? calls.length : recent)
    if (calls.length >= perHour) return false
    calls.push(now())
    sessions.set(key, calls)
    return true
  }
}
