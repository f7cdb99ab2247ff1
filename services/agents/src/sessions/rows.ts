/** Rows of sessions and their messages, as lists and pages; the run path has its own file. */
import { setTimeout as sleep } from 'node:timers/promises'
import { cutText, event, newId, type ServiceDb } from '@clawmesh/chassis'
import type { PrismaClient } from '../db/client/client.ts'
import { toMessage, type MessageRow } from './message-row.ts'
import type { Session } from './types.ts'
import type { SessionRows } from './use-cases.ts'

type SessionWithAgent = Omit<Session, 'compactionError'> & { compactionError: string | null }

/** Sessions with what is shown of their agents; those whose agent is gone are left out. Aliases: s and a. */
const sessionSelect = `
  SELECT s.id, s.session_key AS "sessionKey", s.agent_id AS "agentId", a.display_name AS "agentName",
    a.context_window AS "contextWindow", s.user_id AS "userId", s.model, s.provider, s.channel,
    s.input_tokens AS "inputTokens", s.output_tokens AS "outputTokens", s.compaction_count AS "compactionCount",
    s.compaction_error AS "compactionError", s.label, s.metadata, s.next_seq - s.first_seq AS "messageCount", s.summary,
    s.message_bytes AS "messageBytes", s.next_seq AS "nextSeq", s.created_at AS "createdAt", s.updated_at AS "updatedAt"`
const withAgent = 'agents.sessions s JOIN agents.agents a ON a.id = s.agent_id'
/** `$1` to `$4`: tenant, agent, channel and user; null is any. */
const matching = `${withAgent} WHERE s.tenant_id = $1 AND ($2::uuid IS NULL OR s.agent_id = $2)
    AND ($3::text IS NULL OR s.channel = $3) AND ($4::text IS NULL OR s.user_id = $4)`

const toSession = (row: SessionWithAgent): Session => ({ ...row, compactionError: row.compactionError ?? undefined })

/** The transactions that are writing sessions: a statement takes this lock before it looks at any row. */
const writersSql = `
  SELECT virtualtransaction AS id FROM pg_locks WHERE relation = 'agents.sessions'::regclass AND mode = 'RowExclusiveLock'
    AND granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`
/** Statements over sessions take milliseconds; what takes longer is waited for by handling the event again. */
const writerTries = 40
const writerPauseMs = 50

/** Above the number of any message. */
const maxSeq = 2_147_483_647
/** Bytes of messages that are read at once: of a window that has more, the newest, and one at least. */
const mostReadBytes = 16_777_216

export const createSessionRows =
  (db: ServiceDb<PrismaClient>) =>
  (tenantId: string): SessionRows => {
    const { sql, change } = db.forTenant(tenantId)
    const writers = async () => new Set((await sql.query<{ id: string }>(writersSql)).rows.map(({ id }) => id))
    return {
      page: async ({ agentId = null, channel = null, userId = null, limit, offset }) => {
        const filter = [tenantId, agentId, channel, userId]
        const [page, count] = await Promise.all([
          sql.prepared<SessionWithAgent>(
            'session_page',
            `${sessionSelect} FROM ${matching} ORDER BY s.updated_at DESC LIMIT $5 OFFSET $6`,
            [...filter, limit, offset],
          ),
          sql.prepared<{ total: number }>('session_count', `SELECT count(*) AS total FROM ${matching}`, filter),
        ])
        return { sessions: page.rows.map(toSession), total: count.rows[0]!.total }
      },

      find: async (sessionKey) => {
        const { rows } = await sql.query<SessionWithAgent>(
          `${sessionSelect} FROM ${withAgent} WHERE s.tenant_id = $1 AND s.session_key = $2`,
          [tenantId, sessionKey],
        )
        return rows.map(toSession)[0]
      },

      messages: async ({ id }, { limit, offset = 0, before }) => {
        const { rows } = await sql.query<MessageRow>(
          `SELECT seq, role, content, extra, created_at FROM (
             SELECT *, sum(octet_length(content) + coalesce(octet_length(extra::text), 0)) OVER newest AS bytes,
               row_number() OVER newest AS place
             FROM (
               SELECT seq, role, content, extra, created_at FROM agents.messages
               WHERE session_id = $1 AND tenant_id = $2 AND seq < $3 ORDER BY seq DESC LIMIT $4 OFFSET $5
             ) AS found WINDOW newest AS (ORDER BY seq DESC)
           ) AS measured WHERE bytes <= $6 OR place = 1 ORDER BY seq DESC`,
          [id, tenantId, before ?? maxSeq, limit ?? null, offset, mostReadBytes],
        )
        return rows.reverse().map(toMessage)
      },

      inject: async ({ agentId, sessionKey, userId, mayUseAll, content, messageId }) => {
        const { rows } = await sql.query(
          `WITH session AS (
             INSERT INTO agents.sessions AS s
               (id, tenant_id, session_key, agent_id, user_id, channel, next_seq, message_bytes)
             SELECT $1, $2, $3, id, $5, 'ws', 1, octet_length($6::text) FROM agents.agents
             WHERE id = $4 AND tenant_id = $2
             ON CONFLICT (tenant_id, session_key) DO UPDATE SET
               next_seq = s.next_seq + 1, message_bytes = s.message_bytes + EXCLUDED.message_bytes, updated_at = now()
             WHERE s.user_id = EXCLUDED.user_id OR $7
             RETURNING id, next_seq
           )
           INSERT INTO agents.messages (tenant_id, session_id, seq, run_id, role, content)
           SELECT $2, id, next_seq - 1, $1, 'assistant', $6 FROM session RETURNING seq`,
          [messageId, tenantId, sessionKey, agentId, userId, content, mayUseAll],
        )
        return rows.length === 1
      },

      patch: ({ id, sessionKey, userId, label }, changes, actor) =>
        change(async (tx) => {
          await tx.session.updateMany({ where: { id, tenantId }, data: { ...changes, updatedAt: new Date() } })
          const data = { id: sessionKey, userId, label: changes.label ?? label, ...actor }
          return { result: undefined, events: [event('sessionPatched', data)] }
        }),

      reset: ({ id, sessionKey }, actor) =>
        change(async (tx) => {
          await tx.$executeRaw`DELETE FROM agents.messages WHERE session_id = ${id}::uuid AND tenant_id = ${tenantId}::uuid`
          await tx.$executeRaw`UPDATE agents.sessions SET first_seq = next_seq, message_bytes = 0, summary = '', compaction_error = NULL,
              lease_run_id = NULL, updated_at = now()
            WHERE id = ${id}::uuid AND tenant_id = ${tenantId}::uuid`
          // Of a replica that did not answer: what it says would be the answer to nothing.
          await tx.$executeRaw`UPDATE agents.runs SET status = 'cancelled', ended_at = now()
            WHERE session_id = ${id}::uuid AND tenant_id = ${tenantId}::uuid AND status = 'running'`
          const events = actor === undefined ? [] : [event('sessionReset', { id: sessionKey, ...actor })]
          return { result: undefined, events }
        }),

      branch: (session, { sessionKey, upTo }, actor) =>
        change(
          async (tx) => {
            const id = newId()
            // The source may grow meanwhile: what is copied is what its numbers were before.
            const nextSeq = Math.min(session.nextSeq, upTo + 1)
            await tx.$executeRaw`
              INSERT INTO agents.sessions (id, tenant_id, session_key, agent_id, user_id, summary, model, provider, channel,
                label, metadata, next_seq, first_seq, window_seq)
              SELECT ${id}::uuid, tenant_id, ${sessionKey}, agent_id, user_id,
                -- A summary tells of what came before the window: a branch from before that has none.
                CASE WHEN window_seq <= ${nextSeq}::int THEN summary ELSE '' END, model, provider, channel,
                label, metadata, greatest(${nextSeq}::int, first_seq), first_seq,
                CASE WHEN window_seq <= ${nextSeq}::int THEN window_seq ELSE 0 END
              FROM agents.sessions s WHERE id = ${session.id}::uuid AND tenant_id = ${tenantId}::uuid
                AND EXISTS (SELECT FROM agents.agents a WHERE a.id = s.agent_id)`
            const copied = await tx.$executeRaw`
              INSERT INTO agents.messages (tenant_id, session_id, seq, run_id, role, content, extra, created_at)
              SELECT tenant_id, ${id}::uuid, seq, run_id, role, content, extra, created_at FROM agents.messages
              WHERE session_id = ${session.id}::uuid AND tenant_id = ${tenantId}::uuid AND seq < ${nextSeq}::int`
            await tx.$executeRaw`
              UPDATE agents.sessions SET message_bytes = (
                SELECT coalesce(sum(octet_length(content) + coalesce(octet_length(extra::text), 0)), 0)
                FROM agents.messages WHERE session_id = ${id}::uuid)
              WHERE id = ${id}::uuid AND tenant_id = ${tenantId}::uuid`
            return {
              result: copied,
              events: [event('sessionBranched', { id: sessionKey, from: session.sessionKey, ...actor })],
            }
          },
          {
            conflict: { kind: 'session', id: cutText(sessionKey, 200) },
            // The messages have no session to be of: the one that they come from, or its agent, has gone meanwhile.
            missing: { kind: 'session', id: cutText(session.sessionKey, 200) },
          },
        ),

      removeOrphans: async (agentId) => {
        // Whoever begins to write from now on sees that the agent is gone: only those who are at it may not have.
        const early = await writers()
        for (let tries = 0; !early.isDisjointFrom(await writers()); tries++) {
          if (tries === writerTries) throw new Error('sessions are being written since before their agent was deleted')
          await sleep(writerPauseMs)
        }
        await sql.query(
          `DELETE FROM agents.sessions WHERE agent_id = $1 AND tenant_id = $2
             AND NOT EXISTS (SELECT FROM agents.agents a WHERE a.id = $1)`,
          [agentId, tenantId],
        )
      },

      remove: ({ id, sessionKey }, actor) =>
        change(async (tx) => {
          await tx.session.deleteMany({ where: { id, tenantId } })
          const events = actor === undefined ? [] : [event('sessionDeleted', { id: sessionKey, ...actor })]
          return { result: undefined, events }
        }),
    }
  }
