/** Turns that ended and are continued by a later request: with the results of the client's tools, or by their id. */
import type { ServiceDb } from '@clawmesh/chassis'
import type { PrismaClient } from '../db/client/client.ts'
import { toMessage, type MessageRow } from '../sessions/message-row.ts'
import type { NewMessage } from '../sessions/types.ts'

/** A turn that was completed. */
export interface EarlierTurn {
  runId: string
  sessionKey: string
  /** Number of its last message. */
  lastSeq: number
  /** Nothing came after it in its session. */
  isLast: boolean
}

interface TurnOwner {
  tenantId: string
  userId: string
  agentId: string
}

export interface EarlierTurns {
  /**
   * The completed turn of a user with an agent whose run has this id, or an id that begins with it; the newest where there
   * are several.
   */
  find: (of: TurnOwner, runIdPrefix: string) => Promise<EarlierTurn | undefined>
  /** The messages with which it ended, `limit` at most, oldest first. */
  ending: (tenantId: string, turn: EarlierTurn, limit: number) => Promise<NewMessage[]>
}

const lowest = '00000000-0000-0000-0000-000000000000'
const highest = 'ffffffff-ffff-ffff-ffff-ffffffffffff'

/** `db` is that of the agents service. */
export const createEarlierTurns = ({ database }: Pick<ServiceDb<PrismaClient>, 'database'>): EarlierTurns => ({
  find: async ({ tenantId, userId, agentId }, runIdPrefix) => {
    const { rows } = await database.forTenant(tenantId).query<EarlierTurn>(
      `SELECT r.id AS "runId", r.session_key AS "sessionKey", m.seq AS "lastSeq",
         s.lease_run_id IS NULL AND m.seq = s.next_seq - 1 AS "isLast"
       FROM agents.runs r JOIN agents.sessions s ON s.id = r.session_id JOIN LATERAL (
         SELECT max(seq) AS seq FROM agents.messages WHERE session_id = s.id AND run_id = r.id
       ) m ON m.seq IS NOT NULL
       WHERE r.tenant_id = $1 AND r.id BETWEEN $2 AND $3 AND r.status = 'completed'
         AND r.agent_id = $4 AND s.user_id = $5
       ORDER BY r.started_at DESC LIMIT 1`,
      [
        tenantId,
        runIdPrefix + lowest.slice(runIdPrefix.length),
        runIdPrefix + highest.slice(runIdPrefix.length),
        agentId,
        userId,
      ],
    )
    return rows[0]
  },

  ending: async (tenantId, { runId }, limit) => {
    const { rows } = await database.forTenant(tenantId).query<MessageRow>(
      `SELECT m.role, m.content, m.extra, m.created_at
       FROM agents.runs r JOIN agents.messages m ON m.session_id = r.session_id AND m.run_id = r.id
       WHERE r.id = $1 AND r.tenant_id = $2 ORDER BY m.seq DESC LIMIT $3`,
      [runId, tenantId, limit],
    )
    return rows.reverse().map(toMessage)
  },
})
