/** Counts what a tenant has, and finds what is at work. */
import type { ServiceDb } from '@clawmesh/chassis'
import type { PrismaClient } from '../db/client/client.ts'
import { jobOfRunSql } from '../runs/rows.ts'
import { traceOfRow } from '../runs/trace-names.ts'
import type { LostRun } from '../runs/types.ts'
import type { StatusRows, TenantStatus } from './types.ts'

/** Agents at work that are named, at most. */
const namedAgents = 500
/** Runs that are on which are told of, at most. */
const namedRuns = 200

/** By the index of running runs: those of a tenant are few. */
const runsSql = `
  SELECT r.id, agent_key AS "agentKey", r.agent_id AS "agentId", r.user_id AS "userId", session_key AS "sessionKey", channel,
    input_preview AS "inputPreview", started_at AS "startedAt", j.name AS "jobName"
  FROM agents.runs r ${jobOfRunSql}
  WHERE r.tenant_id = $1 AND r.status = 'running' AND ($2 = '' OR r.id::text = $2) AND ($3 = '' OR r.agent_id::text = $3)
    AND ($4 = '' OR r.user_id = $4) AND ($5 = '' OR session_key = $5) AND ($6 = '' OR channel = $6)
  ORDER BY started_at DESC, r.id DESC LIMIT ${namedRuns}`

export const createStatusRows = (db: ServiceDb<PrismaClient>): StatusRows => ({
  of: async (tenantId) => {
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
  },

  runs: async (tenantId, { runId, agentId, userId, sessionKey, channel }) => {
    const asked = [tenantId, runId, agentId, userId, sessionKey, channel]
    const { rows } = await db.forTenant(tenantId).sql.query<LostRun>(runsSql, asked)
    return rows.map((run) => ({
      ...{ runId: run.id, agentId: run.agentId, userId: run.userId, sessionKey: run.sessionKey, channel: run.channel },
      name: traceOfRow(run).name,
      input: run.inputPreview,
      startedAtMs: run.startedAt.getTime(),
    }))
  },
})
