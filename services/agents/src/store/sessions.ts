/** Rows of sessions and their messages, as lists and pages; the run path has its own file. */
import { outboxRow, type Actor, type Database } from '@clawmesh/chassis'
import type { Message, MessageExtra, Session } from '../domain/types.ts'
import type { PrismaClient, Session as SessionRow } from './client/client.ts'

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

export interface SessionFilter {
  agentId?: string | undefined
  channel?: string | undefined
  userId?: string | undefined
  limit: number
  offset: number
}

export interface MessageRow {
  role: Message['role']
  content: string
  extra: MessageExtra | null
  created_at: Date
}

export const toMessage = ({ role, content, extra, created_at }: MessageRow): Message => ({
  role,
  content,
  ...(extra === null ? {} : { extra }),
  createdAt: created_at,
})

interface SessionRowsParts {
  prisma: PrismaClient
  database: Database
  published: () => void
}

/** The sessions of one tenant. */
export const createSessionRows = ({ prisma, database, published }: SessionRowsParts, tenantId: string) => ({
  page: async (filter: SessionFilter): Promise<{ sessions: Session[]; total: number }> => {
    const where = {
      tenantId,
      ...(filter.agentId === undefined ? {} : { agentId: filter.agentId }),
      ...(filter.channel === undefined ? {} : { channel: filter.channel }),
      ...(filter.userId === undefined ? {} : { userId: filter.userId }),
    }
    const [rows, total] = await Promise.all([
      prisma.session.findMany({
        where,
        include: agentFields,
        orderBy: { updatedAt: 'desc' },
        take: filter.limit,
        skip: filter.offset,
      }),
      prisma.session.count({ where }),
    ])
    return { sessions: rows.map(toSession), total }
  },

  find: async (sessionKey: string): Promise<Session | undefined> => {
    const row = await prisma.session.findFirst({
      where: { tenantId, sessionKey },
      include: agentFields,
    })
    return row === null ? undefined : toSession(row)
  },

  messages: async (session: Session): Promise<Message[]> => {
    const { rows } = await database.forTenant(tenantId).query<MessageRow>(
      `SELECT role, content, extra, created_at FROM agents.messages
       WHERE session_id = $1 AND tenant_id = $2 ORDER BY seq`,
      [session.id, tenantId],
    )
    return rows.map(toMessage)
  },

  patch: async (
    session: Session,
    changes: { label?: string; model?: string; metadata?: Record<string, string> },
    actor: Actor,
  ): Promise<void> => {
    await prisma.$transaction(async (tx) => {
      await tx.session.updateMany({ where: { id: session.id, tenantId }, data: { ...changes, updatedAt: new Date() } })
      await tx.outbox.create({ data: outboxRow('sessionPatched', tenantId, { id: session.sessionKey, ...actor }) })
    })
    published()
  },

  /** Forgets messages and summary; what a run still writes comes after them. */
  reset: async (session: Session, actor: Actor): Promise<void> => {
    await prisma.$transaction(async (tx) => {
      await tx.$executeRaw`DELETE FROM agents.messages WHERE session_id = ${session.id}::uuid AND tenant_id = ${tenantId}::uuid`
      await tx.$executeRaw`UPDATE agents.sessions SET first_seq = next_seq, message_bytes = 0, summary = '', updated_at = now()
        WHERE id = ${session.id}::uuid AND tenant_id = ${tenantId}::uuid`
      await tx.outbox.create({ data: outboxRow('sessionReset', tenantId, { id: session.sessionKey, ...actor }) })
    })
    published()
  },

  remove: async (session: Session, actor: Actor): Promise<void> => {
    await prisma.$transaction(async (tx) => {
      await tx.session.deleteMany({ where: { id: session.id, tenantId } })
      await tx.outbox.create({ data: outboxRow('sessionDeleted', tenantId, { id: session.sessionKey, ...actor }) })
    })
    published()
  },
})
