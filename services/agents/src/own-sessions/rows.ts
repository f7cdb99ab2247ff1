import type { ServiceDb } from '@clawmesh/chassis'
import type { PrismaClient } from '../db/client/client.ts'
import type { SessionExcerptRows } from './use-cases.ts'

export const createExcerptRows =
  (db: ServiceDb<PrismaClient>) =>
  (tenantId: string): SessionExcerptRows => ({
    newest: async (sessionId, { limit, chars, includeTools }) => {
      const { rows } = await db.forTenant(tenantId).sql.query<{ role: string; content: string; createdAt: Date }>(
        `SELECT role, left(content, $4) AS content, created_at AS "createdAt" FROM agents.messages
         WHERE session_id = $1 AND tenant_id = $2 AND ($5 OR (role <> 'tool' AND content <> ''))
         ORDER BY seq DESC LIMIT $3`,
        [sessionId, tenantId, limit, chars, includeTools],
      )
      return rows
    },
  })
