/** The rows of mcp_elicitations, sealed. Times are those of the database, so that replicas agree on them. */
import { event, type SecretBox, type SecretColumn, type ServiceDb } from '@clawmesh/chassis'
import type { PrismaClient } from '../../db/client/client.ts'
import type { Answer, Question } from './question.ts'
import type { ElicitationRows, PendingElicitation } from './types.ts'

export const elicitationQuestions: SecretColumn = { table: 'mcp_elicitations', column: 'question' }
export const elicitationAnswers: SecretColumn = { table: 'mcp_elicitations', column: 'answer' }

/** Of one user. */
const mostWaiting = 10
/** So long an answer is kept for who asked, once that one has gone silent. */
const keptAnswered = '1 minute'
const mostAtOnce = 100

interface Row extends Omit<PendingElicitation, 'question'> {
  question: string
}

const shown = `e.id, e.server_id AS "serverId", coalesce(nullif(s.display_name, ''), s.name) AS server, e.agent_id AS "agentId",
  e.user_id AS "userId", e.session_key AS "sessionKey", e.question, e.created_at AS "createdAt", e.expires_at AS "expiresAt"`
const from = 'tools.mcp_elicitations e JOIN tools.mcp_servers s ON s.id = e.server_id'
const waits = 'e.answer IS NULL AND e.waits_until > now() AND e.expires_at > now()'

/** The questions to the users of one tenant. */
export const createElicitationRows =
  (db: ServiceDb<PrismaClient>, box: SecretBox) =>
  (tenantId: string): ElicitationRows => {
    const { sql, changeSql } = db.forTenant(tenantId)
    const place = (column: SecretColumn, rowId: string) => ({ column, tenantId, rowId })
    const opened = <T>(column: SecretColumn, id: string, sealed: string): T =>
      JSON.parse(box.open(sealed, place(column, id))) as T
    const toPending = ({ question, ...row }: Row): PendingElicitation => ({
      ...row,
      question: opened<Question>(elicitationQuestions, row.id, question),
    })

    /** Ends it with an answer, if that is still wanted; whose it is, then. */
    const end = (id: string, answer: Answer, userId: string | undefined, isOpen: string) =>
      changeSql(async (session) => {
        const { rows } = await session.query<{ userId: string }>(
          `UPDATE tools.mcp_elicitations e SET answer = $3
           WHERE id = $1 AND tenant_id = $2 AND ($4::text IS NULL OR user_id = $4) AND ${isOpen}
           RETURNING user_id AS "userId"`,
          [id, tenantId, box.seal(JSON.stringify(answer), place(elicitationAnswers, id)), userId ?? null],
        )
        if (rows.length === 0) return { result: false }
        const ended = { id, userId: rows[0]!.userId, action: answer.action }
        return { result: true, events: [event('mcpElicitationEnded', ended)] }
      })

    return {
      insert: (id, asked, question, { waitMs, leaseMs }) =>
        changeSql(async (session) => {
          const { serverId, agentId, userId, sessionKey } = asked
          const { rowCount } = await session.query(
            `INSERT INTO tools.mcp_elicitations
               (id, tenant_id, server_id, agent_id, user_id, session_key, question, expires_at, waits_until)
             SELECT $1, $2, $3, $4, $5::text, $6, $7, now() + $8::float8 * interval '1 millisecond',
               now() + $9::float8 * interval '1 millisecond'
             WHERE (SELECT count(*) FROM tools.mcp_elicitations e
               WHERE tenant_id = $2 AND user_id = $5::text AND ${waits}) < ${mostWaiting}`,
            [
              ...[id, tenantId, serverId, agentId, userId, sessionKey],
              box.seal(JSON.stringify(question), place(elicitationQuestions, id)),
              ...[waitMs, leaseMs],
            ],
          )
          if (rowCount === 0) return { result: false }
          return { result: true, events: [event('mcpElicitationRequested', { id, userId })] }
        }),

      pending: async (userId) => {
        const { rows } = await sql.query<Row>(
          `SELECT ${shown} FROM ${from} WHERE e.tenant_id = $1 AND e.user_id = $2 AND ${waits} ORDER BY e.created_at, e.id`,
          [tenantId, userId],
        )
        return rows.map(toPending)
      },

      find: async (id) => {
        const { rows } = await sql.query<Row>(
          `SELECT ${shown} FROM ${from} WHERE e.tenant_id = $1 AND e.id = $2 AND ${waits}`,
          [tenantId, id],
        )
        return rows[0] && toPending(rows[0])
      },

      renew: async (id, leaseMs) => {
        const { rows } = await sql.query<{ answer: string | null; isOver: boolean }>(
          `UPDATE tools.mcp_elicitations SET waits_until = now() + $3::float8 * interval '1 millisecond'
           WHERE id = $1 AND tenant_id = $2 RETURNING answer, expires_at <= now() AS "isOver"`,
          [id, tenantId, leaseMs],
        )
        const [row] = rows
        if (row === undefined) return undefined
        const { answer, isOver } = row
        if (answer === null) return { answer: undefined, isOver }
        await sql.query('DELETE FROM tools.mcp_elicitations WHERE id = $1 AND tenant_id = $2', [id, tenantId])
        return { answer: opened<Answer>(elicitationAnswers, id, answer), isOver }
      },

      answer: (id, userId, answer) => end(id, answer, userId, waits),

      lapse: (id) => end(id, { action: 'cancel' }, undefined, 'e.answer IS NULL'),
    }
  }

/** Ends what processes had asked that have gone silent, of every tenant, and forgets what nobody fetches any more. */
export const createElicitationSweep = (db: ServiceDb<PrismaClient>) => async (): Promise<void> => {
  await db.system.changeSql(async (session) => {
    const { rows } = await session.query<{ id: string; userId: string; tenantId: string; isAnswered: boolean }>(
      `DELETE FROM tools.mcp_elicitations
       WHERE id IN (SELECT id FROM tools.mcp_elicitations
         WHERE waits_until < CASE WHEN answer IS NULL THEN now() ELSE now() - interval '${keptAnswered}' END
         LIMIT ${mostAtOnce} FOR UPDATE SKIP LOCKED)
       RETURNING id, user_id AS "userId", tenant_id AS "tenantId", answer IS NOT NULL AS "isAnswered"`,
    )
    const ended = rows.filter(({ isAnswered }) => !isAnswered)
    return {
      result: undefined,
      events: ended.map(({ id, userId, tenantId }) =>
        event('mcpElicitationEnded', { id, userId, action: 'cancel' }, tenantId),
      ),
    }
  })
}
