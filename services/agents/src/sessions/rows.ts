/** Rows of sessions and their messages, as lists and pages; the run path has its own file. */
import { event, type ServiceDb } from '@clawmesh/chassis'
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
})

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

      messages: async ({ id }) => {
        const { rows } = await sql.query<MessageRow>(
          `SELECT role, content, extra, created_at FROM agents.messages
           WHERE session_id = $1 AND tenant_id = $2 ORDER BY seq`,
          [id, tenantId],
        )
        return rows.map(toMessage)
      },

      patch: ({ id, sessionKey }, changes, actor) =>
        change(async (tx) => {
          await tx.session.updateMany({ where: { id, tenantId }, data: { ...changes, updatedAt: new Date() } })
          return { result: undefined, events: [event('sessionPatched', { id: sessionKey, ...actor })] }
        }),

      reset: ({ id, sessionKey }, actor) =>
        change(async (tx) => {
          await tx.$executeRaw`DELETE FROM agents.messages WHERE session_id = ${id}::uuid AND tenant_id = ${tenantId}::uuid`
          await tx.$executeRaw`UPDATE agents.sessions SET first_seq = next_seq, message_bytes = 0, summary = '', updated_at = now()
            WHERE id = ${id}::uuid AND tenant_id = ${tenantId}::uuid`
          return { result: undefined, events: [event('sessionReset', { id: sessionKey, ...actor })] }
        }),

      remove: ({ id, sessionKey }, actor) =>
        change(async (tx) => {
          await tx.session.deleteMany({ where: { id, tenantId } })
          return { result: undefined, events: [event('sessionDeleted', { id: sessionKey, ...actor })] }
        }),
    }
  }
