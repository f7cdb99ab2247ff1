/** Counts what a tenant has, and finds what is at work. */
import { uuid } from '@clawmesh/contracts'
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

const selectRuns = `
  SELECT r.id, agent_key AS "agentKey", r.agent_id AS "agentId", r.user_id AS "userId", session_key AS "sessionKey", channel,
    input_preview AS "inputPreview", started_at AS "startedAt", j.name AS "jobName"
  FROM agents.runs r ${jobOfRunSql}
  WHERE r.tenant_id = $1 AND ($2 = '' OR r.agent_id::text = $2) AND ($3 = '' OR r.user_id = $3)
    AND ($4 = '' OR session_key = $4) AND ($5 = '' OR channel = $5)`

/** By the index of running runs: those of a tenant are few. */
const runsSql = `${selectRuns} AND r.status = 'running' ORDER BY started_at DESC, r.id DESC LIMIT ${namedRuns}`

/** By the key. Whoever was told of a run that was on finds it until its trace is stored, which takes a moment from its end. */
const runSql = `${selectRuns} AND r.id = $6::uuid AND (r.status = 'running' OR r.ended_at > now() - interval '1 minute')`

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
    if (runId !== '' && !uuid.safeParse(runId).success) return []
    const asked = [tenantId, agentId, userId, sessionKey, channel]
    const { sql } = db.forTenant(tenantId)
    const { rows } =
      runId === '' ? await sql.query<LostRun>(runsSql, asked) : await sql.query<LostRun>(runSql, [...asked, runId])
    return rows.map((run) => ({
      ...{ runId: run.id, agentId: run.agentId, userId: run.userId, sessionKey: run.sessionKey, channel: run.channel },
      name: traceOfRow(run).name,
      input: run.inputPreview,
      startedAtMs: run.startedAt.getTime(),
    }))
  },
})
