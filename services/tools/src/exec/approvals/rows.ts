/** The rows of exec_approvals and exec_allowed. Times are those of the database, so that replicas agree on them. */
import { event, type ServiceDb } from '@clawmesh/chassis'
import type { PrismaClient } from '../../db/client/client.ts'
import type { ApprovalRows, Decision, PendingApproval } from './types.ts'

const mostWaiting = 100
/** Longer than who waits goes without looking. */
const keptDecided = '10 minutes'
const mostAtOnce = 100

const shown = `id, agent_id AS "agentId", user_id AS "userId", session_key AS "sessionKey", command,
  created_at AS "createdAt", expires_at AS "expiresAt"`
const waits = 'decision IS NULL AND waits_until > now() AND expires_at > now()'

export const createApprovalRows =
  (db: ServiceDb<PrismaClient>) =>
  (tenantId: string): ApprovalRows => {
    const { prisma, sql, changeSql } = db.forTenant(tenantId)
    return {
      isAllowed: async (agentId, { program, argumentsHash }) => {
        if (program === undefined) return false
        const { rowCount } = await sql.query(
          `SELECT 1 FROM tools.exec_allowed
           WHERE tenant_id = $1 AND agent_id = $2 AND program = $3 AND arguments_hash = $4`,
          [tenantId, agentId, program, argumentsHash],
        )
        return rowCount === 1
      },

      insert: (id, { agentId, userId, sessionKey, command, program, argumentsHash }, { waitMs, leaseMs }) =>
        changeSql(async (session) => {
          const { rowCount } = await session.query(
            `INSERT INTO tools.exec_approvals
               (id, tenant_id, agent_id, user_id, session_key, command, program, arguments_hash, expires_at, waits_until)
             SELECT $1, $2, $3, $4, $5, $6, $7, $8, now() + $9::float8 * interval '1 millisecond',
               now() + $10::float8 * interval '1 millisecond'
             WHERE (SELECT count(*) FROM tools.exec_approvals WHERE tenant_id = $2 AND ${waits}) < ${mostWaiting}`,
            [id, tenantId, agentId, userId, sessionKey, command, program ?? null, argumentsHash, waitMs, leaseMs],
          )
          if (rowCount === 0) return { result: false }
          return { result: true, events: [event('execApprovalRequested', { id, agentId, userId })] }
        }),

      pending: async () => {
        const { rows } = await sql.query<PendingApproval>(
          `SELECT ${shown} FROM tools.exec_approvals WHERE tenant_id = $1 AND ${waits} ORDER BY created_at, id`,
          [tenantId],
        )
        return rows
      },

      find: async (id) => {
        const { rows } = await sql.query<PendingApproval>(
          `SELECT ${shown} FROM tools.exec_approvals WHERE id = $1 AND tenant_id = $2 AND ${waits}`,
          [id, tenantId],
        )
        return rows[0]
      },

      renew: async (id, leaseMs) => {
        const { rows } = await sql.query<{ decision: Decision | null; isOver: boolean }>(
          `UPDATE tools.exec_approvals SET waits_until = now() + $3::float8 * interval '1 millisecond'
           WHERE id = $1 AND tenant_id = $2 RETURNING decision, expires_at <= now() AS "isOver"`,
          [id, tenantId, leaseMs],
        )
        return rows[0]
      },

      decide: (id, { decision, reason }, { actorId, ipAddress }) =>
        changeSql(async (session) => {
          const { rows } = await session.query<{ agentId: string; userId: string; decision: Decision }>(
            `UPDATE tools.exec_approvals
             SET decision = CASE WHEN $3 = 'allow-always' AND program IS NULL THEN 'allow-once' ELSE $3 END, decided_at = now()
             WHERE id = $1 AND tenant_id = $2 AND ${waits}
             RETURNING agent_id AS "agentId", user_id AS "userId", decision`,
            [id, tenantId, decision],
          )
          const [decided] = rows
          if (decided === undefined) return { result: undefined }
          if (decided.decision === 'allow-always')
            await session.query(
              `INSERT INTO tools.exec_allowed (tenant_id, agent_id, program, arguments_hash, allowed_by, command)
               SELECT tenant_id, agent_id, program, arguments_hash, $3, command FROM tools.exec_approvals
               WHERE id = $1 AND tenant_id = $2 ON CONFLICT DO NOTHING`,
              [id, tenantId, actorId],
            )
          const said = { id, actorId, ipAddress, ...decided, ...(reason === undefined ? {} : { reason }) }
          return { result: decided.decision, events: [event('execApprovalDecided', said)] }
        }),

      allowed: async ({ limit: take, offset: skip }) => {
        const where = { tenantId }
        const [allowed, total] = await Promise.all([
          prisma.execAllowed.findMany({ where, orderBy: [{ createdAt: 'desc' }, { id: 'desc' }], take, skip }),
          prisma.execAllowed.count({ where }),
        ])
        return { allowed, total }
      },

      revoke: (id, actor) =>
        changeSql(async (session) => {
          const { rows } = await session.query<{ agentId: string }>(
            `DELETE FROM tools.exec_allowed WHERE id = $1 AND tenant_id = $2 RETURNING agent_id AS "agentId"`,
            [id, tenantId],
          )
          if (rows.length === 0) return { result: false }
          return { result: true, events: [event('execAllowanceRevoked', { id, ...rows[0]!, ...actor })] }
        }),

      forgetAgent: async (agentId) => {
        await sql.query('DELETE FROM tools.exec_allowed WHERE tenant_id = $1 AND agent_id = $2', [tenantId, agentId])
      },

      lapse: (id, why) =>
        changeSql(async (session) => {
          const { rows } = await session.query<{ agentId: string; userId: string }>(
            `UPDATE tools.exec_approvals SET decision = 'deny', decided_at = now()
             WHERE id = $1 AND tenant_id = $2 AND decision IS NULL RETURNING agent_id AS "agentId", user_id AS "userId"`,
            [id, tenantId],
          )
          if (rows.length === 0) return { result: false }
          return { result: true, events: [event('execApprovalLapsed', { id, ...rows[0]!, why })] }
        }),
    }
  }

/** Denies what processes had asked that have gone silent, of every tenant, and forgets what is long decided. */
export const createApprovalSweep = (db: ServiceDb<PrismaClient>) => async (): Promise<void> => {
  await db.system.changeSql(async (session) => {
    const { rows } = await session.query<{ id: string; tenantId: string; agentId: string; userId: string }>(
      `UPDATE tools.exec_approvals SET decision = 'deny', decided_at = now()
       WHERE id IN (SELECT id FROM tools.exec_approvals WHERE decision IS NULL AND waits_until < now()
         LIMIT ${mostAtOnce} FOR UPDATE SKIP LOCKED)
       RETURNING id, tenant_id AS "tenantId", agent_id AS "agentId", user_id AS "userId"`,
    )
    await session.query(
      `DELETE FROM tools.exec_approvals WHERE decision IS NOT NULL AND decided_at < now() - interval '${keptDecided}'`,
    )
    return {
      result: undefined,
      events: rows.map(({ tenantId, ...asked }) => event('execApprovalLapsed', { ...asked, why: 'lost' }, tenantId)),
    }
  })
}
