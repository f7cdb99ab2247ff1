/** Names of sessions: `agent:<agent key>:<rest>`. */
import { randomUUID } from 'node:crypto'
import { cutText } from '@clawmesh/chassis'
import { agentOfKey } from '@clawmesh/contracts'

/** What the name of a session for one HTTP call begins with. */
export type HttpSessionName = 'http' | 'responses' | 'messages'

/** A session of its own for one HTTP call. */
export const httpSessionKey = (
  agentKey: string,
  userId: string,
  runId: string,
  name: HttpSessionName = 'http',
): string => cutText(`agent:${agentKey}:${name}-${userId === '' ? '' : `${userId}-`}${runId.slice(0, 8)}`, 500)

/** A session of its own for one wake call. */
export const wakeSessionKey = (agentRef: string): string => `agent:${agentRef}:wake-${randomUUID().slice(0, 8)}`

/** The session of all runs of a job. */
export const cronSessionKey = (agentKey: string, jobId: string): string => `agent:${agentKey}:cron:${jobId}`

/** A new conversation over a WebSocket. */
export const wsSessionKey = (agentKey: string): string => `agent:${agentKey}:ws:direct:${randomUUID()}`

/** The key of a session that is another agent's from now on. */
export const keyForAgent = (sessionKey: string, agentKey: string): string => {
  const named = agentOfKey(sessionKey)
  return named === undefined
    ? sessionKey
    : cutText(`agent:${agentKey}${sessionKey.slice('agent:'.length + named.length)}`, 500)
}
