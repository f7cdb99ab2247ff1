/** Counts what a tenant has. */
import type { ServiceDb } from '@clawmesh/chassis'
import type { PrismaClient } from '../db/client/client.ts'
import type { TenantStatus } from './types.ts'

/** Agents at work that are named, at most. */
const namedAgents = 500

export const createStatusRows =
  (db: ServiceDb<PrismaClient>) =>
  async (tenantId: string): Promise<TenantStatus> => {
    const { prisma, sql } = db.forTenant(tenantId)
    const [running, agents, sessions] = await Promise.all([
      sql.query<TenantStatus['running'][number]>(
        `SELECT agent_key AS "agentKey", model FROM agents.agents a WHERE tenant_id = $1 AND EXISTS (
           SELECT FROM agents.sessions s WHERE s.agent_id = a.id AND s.lease_run_id IS NOT NULL)
         ORDER BY agent_key LIMIT ${namedAgents}`,
        [tenantId],
      ),
      prisma.agent.count({ where: { tenantId } }),
      sql.query<{ total: number }>(
        `SELECT count(*) AS total FROM agents.sessions s JOIN agents.agents a ON a.id = s.agent_id WHERE s.tenant_id = $1`,
        [tenantId],
      ),
    ])
    return { running: running.rows, agents, sessions: sessions.rows[0]!.total }
  }
