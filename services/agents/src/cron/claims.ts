/** Claims of due jobs, over all tenants: of all replicas one works on a job, and one that dies loses it. */
import { event, newId, type ServiceDb } from '@clawmesh/chassis'
import type { PrismaClient } from '../db/client/client.ts'
import { storable } from '../runs/storable.ts'
import { createClaimRows } from './claim-rows.ts'
import { nextRunAfter } from './schedule.ts'
import type { Claims } from './scheduler.ts'
import type { ClaimedJob, CronJob, CronOutcome } from './types.ts'

const columns = `id, tenant_id AS "tenantId", agent_id AS "agentId", user_id AS "userId", name, enabled, schedule, message,
  delete_after_run AS "deleteAfterRun", stateless, deliver, deliver_channel AS "deliverChannel", deliver_to AS "deliverTo",
  wake_heartbeat AS "wakeHeartbeat", next_run_at AS "nextRunAt", last_run_at AS "lastRunAt", last_status AS "lastStatus",
  last_error AS "lastError", created_at AS "createdAt", updated_at AS "updatedAt", claim`

/** Runs of a job are remembered this long. */
const keptRuns = '30 days'

export const createClaims = (db: ServiceDb<PrismaClient>): Claims<ClaimedJob, CronOutcome> => ({
  ...createClaimRows<ClaimedJob>(db, {
    table: 'agents.cron_jobs',
    columns,
    begins: `last_status = 'running', last_error = NULL`,
  }),

  end: ({ id, tenantId, claim }, { status, error, summary, usage, durationMs }) =>
    db.forTenant(tenantId).changeSql(async (session) => {
      const { rows } = await session.query<CronJob & { now: Date }>(
        `SELECT ${columns}, now() FROM agents.cron_jobs WHERE id = $1 AND tenant_id = $2 AND claim = $3 FOR UPDATE`,
        [id, tenantId, claim],
      )
      const [job] = rows
      if (job === undefined) return { result: false }
      const next = nextRunAfter(job.schedule, job, job.now)
      const shown = error === undefined ? null : storable(error)
      const isOver = job.enabled && next === undefined && job.schedule.kind === 'at'
      if (isOver && job.deleteAfterRun && status !== 'interrupted')
        await session.query('DELETE FROM agents.cron_jobs WHERE id = $1 AND tenant_id = $2', [id, tenantId])
      else {
        await session.query(
          `UPDATE agents.cron_jobs SET claim = NULL, claimed_until = NULL, begun_at = NULL, last_status = $3, last_error = $4,
             next_run_at = $5, enabled = enabled AND NOT $6 WHERE id = $1 AND tenant_id = $2`,
          [id, tenantId, status, shown, next ?? null, isOver],
        )
        await session.query(
          `INSERT INTO agents.cron_runs
             (id, tenant_id, job_id, status, error, summary, duration_ms, input_tokens, output_tokens, ran_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
          [
            newId(),
            tenantId,
            id,
            status === 'ok' ? 'ok' : 'error',
            shown,
            summary === undefined ? null : storable(summary),
            durationMs,
            usage?.inputTokens ?? 0,
            usage?.outputTokens ?? 0,
            job.lastRunAt,
          ],
        )
        await session.query(
          `DELETE FROM agents.cron_runs WHERE job_id = $1 AND tenant_id = $2 AND ran_at < now() - interval '${keptRuns}'`,
          [id, tenantId],
        )
      }
      const about = {
        id,
        name: job.name,
        userId: job.userId,
        status: status === 'ok' ? ('ok' as const) : ('error' as const),
      }
      return { result: true, events: [event('cronEnded', { ...about, ...(shown === null ? {} : { error: shown }) })] }
    }),
})
