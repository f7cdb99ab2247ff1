/** Sessions as background work needs them: what is in the window, and its way into the summary. */
import { cutText, event, type ServiceDb } from '@clawmesh/chassis'
import type { PrismaClient } from '../db/client/client.ts'
import { toMessage, type MessageRow } from '../sessions/message-row.ts'
import type { EventData } from '@clawmesh/contracts'
import type { HistoryPage } from './history-window.ts'
import { storable } from './storable.ts'

export interface StoredSession {
  id: string
  sessionKey: string
  agentId: string
  userId: string
  channel: string
  label: string
  summary: string
  /** Messages of the window: from this number on, below that one. */
  windowSeq: number
  nextSeq: number
  compactionCount: number
  /** The count before which memory was last written. */
  flushedAtCount: number | null
}

interface NewSummary {
  summary: string
  /** Where the window began and where it begins now. */
  from: number
  to: number
  /** Whether the compaction ends with it. */
  isLast: boolean
}

const errorChars = 500

/** The rows of one tenant's sessions. */
export const createSessionWorkRows = (db: ServiceDb<PrismaClient>) => {
  const sqlOf = (tenantId: string) => db.forTenant(tenantId).sql

  return {
    find: async (tenantId: string, sessionId: string): Promise<StoredSession | undefined> => {
      const { rows } = await sqlOf(tenantId).query<StoredSession>(
        `SELECT id, session_key AS "sessionKey", agent_id AS "agentId", user_id AS "userId", channel, label, summary,
           GREATEST(first_seq, window_seq) AS "windowSeq", next_seq AS "nextSeq", compaction_count AS "compactionCount",
           memory_flush_compaction_count AS "flushedAtCount"
         FROM agents.sessions WHERE id = $1 AND tenant_id = $2`,
        [sessionId, tenantId],
      )
      return rows[0]
    },

    /** Messages of a session; reads the newest of them until they fill the room. */
    historyPage:
      (tenantId: string, sessionId: string): HistoryPage =>
      async ({ from, before, limit, chars }) => {
        const { rows } = await sqlOf(tenantId).prepared<MessageRow & { seq: number; chars: number }>(
          'history_page',
          `SELECT seq, role, content, extra, created_at, chars FROM (
             SELECT *, sum(chars) OVER (ORDER BY seq DESC) - chars AS newer FROM (
               SELECT seq, role, content, extra, created_at, length(content) + coalesce(length(extra::text), 0) AS chars
               FROM agents.messages WHERE session_id = $1 AND seq >= $2 AND seq < $3 ORDER BY seq DESC LIMIT $4
             ) page
           ) sized WHERE newer < $5 ORDER BY seq`,
          [sessionId, from, before, limit, Math.ceil(chars)],
        )
        return {
          messages: rows.map(toMessage),
          firstSeq: rows[0]?.seq ?? before,
          chars: rows.reduce((sum, row) => sum + row.chars, 0),
        }
      },

    /** The oldest messages of the window, with their numbers. */
    oldest: async (tenantId: string, sessionId: string, from: number, before: number, limit: number) => {
      const { rows } = await sqlOf(tenantId).query<MessageRow & { seq: number }>(
        `SELECT seq, role, content, extra, created_at FROM agents.messages
         WHERE session_id = $1 AND seq >= $2 AND seq < $3 ORDER BY seq LIMIT $4`,
        [sessionId, from, before, limit],
      )
      return rows.map((row) => ({ seq: row.seq, message: toMessage(row) }))
    },

    /** Moves the window forward. False when somebody else did, or the session was emptied meanwhile; nothing changes then. */
    summarised: async (
      tenantId: string,
      sessionId: string,
      { summary, from, to, isLast }: NewSummary,
    ): Promise<boolean> => {
      const { rowCount } = await sqlOf(tenantId).query(
        `UPDATE agents.sessions SET summary = $3, window_seq = $5,
           compaction_count = compaction_count + $6::int, compaction_error = NULL,
           message_bytes = GREATEST(0, message_bytes - (
             SELECT coalesce(sum(octet_length(content) + coalesce(octet_length(extra::text), 0)), 0)
             FROM agents.messages WHERE session_id = $1 AND seq >= $4 AND seq < $5))
         WHERE id = $1 AND tenant_id = $2 AND GREATEST(first_seq, window_seq) = $4`,
        [sessionId, tenantId, storable(summary), from, to, isLast ? 1 : 0],
      )
      return rowCount === 1
    },

    /** Memory was written for the compaction that follows. */
    flushed: async (tenantId: string, sessionId: string, compactionCount: number): Promise<void> => {
      await sqlOf(tenantId).query(
        `UPDATE agents.sessions SET memory_flush_compaction_count = $3, memory_flush_at = now()
         WHERE id = $1 AND tenant_id = $2`,
        [sessionId, tenantId, compactionCount],
      )
    },

    /** Says why the conversation could not be summarised. */
    compactionFailed: async (tenantId: string, sessionId: string, reason: string): Promise<void> => {
      await sqlOf(tenantId).query(`UPDATE agents.sessions SET compaction_error = $3 WHERE id = $1 AND tenant_id = $2`, [
        sessionId,
        tenantId,
        cutText(storable(reason), errorChars),
      ])
    },

    /** Names a session that has no name yet. False when it has got one. */
    titled: (tenantId: string, { id, sessionKey, userId }: StoredSession, label: string): Promise<boolean> =>
      db.forTenant(tenantId).change(async (tx) => {
        const { count } = await tx.session.updateMany({ where: { id, tenantId, label: '' }, data: { label } })
        return count === 0
          ? { result: false }
          : { result: true, events: [event('sessionTitled', { sessionKey, label, userId })] }
      }),

    /** Tells of work with a model beside the runs of a session, as of a run. */
    ended: (tenantId: string, data: EventData<'runEnded'>): Promise<void> =>
      db.forTenant(tenantId).change(async () => ({ result: undefined, events: [event('runEnded', data)] })),
  }
}

export type SessionWorkRows = ReturnType<typeof createSessionWorkRows>
