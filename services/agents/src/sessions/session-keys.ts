/** Names of sessions: `agent:<agent key>:<rest>`. */
import { randomUUID } from 'node:crypto'
import { cutText } from '@clawmesh/chassis'

/** A session of its own for one HTTP call. */
export const httpSessionKey = (agentKey: string, userId: string, runId: string): string =>
  cutText(`agent:${agentKey}:http-${userId === '' ? '' : `${userId}-`}${runId.slice(0, 8)}`, 500)

/** A session of its own for one wake call. */
export const wakeSessionKey = (agentRef: string): string => `agent:${agentRef}:wake-${randomUUID().slice(0, 8)}`
