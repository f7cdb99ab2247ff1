/** Rows of sessions and their messages, as lists and pages; the run path has its own file. */
import { cutText, event, newId, type ServiceDb } from '@clawmesh/chassis'
import type { PrismaClient, Session as SessionRow } from '../db/client/client.ts'
import { toMessage, type MessageRow } from './message-row.ts'
import type { Session } from './types.ts'
import type { SessionRows } from './use-cases.ts'

type SessionWithAgent = SessionRow & { agent: { displayName: string; contextWindow: number } }

const agentFields = { agent: { select: { displayName: true, contextWindow: true } } } as const

const toSession = (row: SessionWithAgent): Session => ({
  ...row,
  agentName: row.agent.displayName,
  contextWindow: row.agent.contextWindow,
  inputTokens: Number(row.inputTokens),
  outputTokens: Number(row.outputTokens),
  messageBytes: Number(row.messageBytes),
  messageCount: row.nextSeq - row.firstSeq,
  metadata: row.metadata as Record<string, string>,
  compactionError: row.compactionError ?? undefined,
})

/** Above the number of any message. */
const maxSeq = 2_147_483_647

export const createSessionRows =
  (db: ServiceDb<PrismaClient>) =>
  (tenantId: string): SessionRows => {
    const { prisma, sql, change } = db.forTenant(tenantId)
    return {
      page: async ({ agentId, channel, userId, limit, offset }) => {
        const where = { tenantId, agentId, channel, userId }
        const [rows, total] = await Promise.all([
          prisma.session.findMany({
            where,
            include: agentFields,
            orderBy: { updatedAt: 'desc' },
            take: limit,
            skip: offset,
          }),
          prisma.session.count({ where }),
        ])
        return { sessions: rows.map(toSession), total }
      },

      find: async (sessionKey) => {
        const row = await prisma.session.findFirst({ where: { tenantId, sessionKey }, include: agentFields })
        return row === null ? undefined : toSession(row)
      },

      messages: async ({ id }, { limit, offset = 0, before }) => {
        const { rows } = await sql.query<MessageRow>(
          `SELECT seq, role, content, extra, created_at FROM agents.messages
           WHERE session_id = $1 AND tenant_id = $2 AND seq < $3 ORDER BY seq DESC LIMIT $4 OFFSET $5`,
          [id, tenantId, before ?? maxSeq, limit ?? null, offset],
        )
        return rows.reverse().map(toMessage)
      },

      inject: async ({ agentId, sessionKey, userId, mayUseAll, content, messageId }) => {
        const { rows } = await sql.query(
          `WITH session AS (
             INSERT INTO agents.sessions AS s
               (id, tenant_id, session_key, agent_id, user_id, channel, next_seq, message_bytes)
             VALUES ($1, $2, $3, $4, $5, 'ws', 1, octet_length($6::text))
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
              FROM agents.sessions WHERE id = ${session.id}::uuid AND tenant_id = ${tenantId}::uuid`
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
          { conflict: { kind: 'session', id: cutText(sessionKey, 200) } },
        ),

      remove: ({ id, sessionKey }, actor) =>
        change(async (tx) => {
          await tx.session.deleteMany({ where: { id, tenantId } })
          const events = actor === undefined ? [] : [event('sessionDeleted', { id: sessionKey, ...actor })]
          return { result: undefined, events }
        }),
    }
  }
