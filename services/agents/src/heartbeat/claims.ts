/** Claims of due heartbeats, over all tenants; as those of cron jobs (docs/adr/0025). */
import { event, newId, type ServiceDb } from '@clawmesh/chassis'
import { nextRun } from '../cron/schedule.ts'
import type { Claims } from '../cron/scheduler.ts'
import type { PrismaClient } from '../db/client/client.ts'
import { storable } from '../runs/storable.ts'
import type { ClaimedHeartbeat, Heartbeat, HeartbeatOutcome } from './types.ts'

const columns = `id, tenant_id AS "tenantId", agent_id AS "agentId", user_id AS "userId", enabled, interval_sec AS "intervalSec",
  prompt, provider_name AS "providerName", model, isolated_session AS "isolatedSession", light_context AS "lightContext",
  ack_max_chars AS "ackMaxChars", max_retries AS "maxRetries", active_hours_start AS "activeHoursStart",
  active_hours_end AS "activeHoursEnd", timezone, channel, chat_id AS "chatId", next_run_at AS "nextRunAt",
  last_run_at AS "lastRunAt", last_status AS "lastStatus", last_error AS "lastError", run_count AS "runCount",
  suppress_count AS "suppressCount", created_at AS "createdAt", updated_at AS "updatedAt", claim, asked`

const busyPause = '30 seconds'
const keptRuns = '30 days'
const lostAtOnce = 100

/** When it runs next, as it stands after a run. */
const following = ({ enabled, intervalSec, nextRunAt, lastRunAt }: Heartbeat, now: Date): Date | undefined => {
  if (!enabled) return undefined
  if (nextRunAt !== null && lastRunAt !== null && nextRunAt > lastRunAt) return nextRunAt
  const planned = nextRunAt ?? now
  return nextRun({ kind: 'every', everyMs: intervalSec * 1_000 }, planned > now ? planned : now, planned)
}

export const createHeartbeatClaims = (db: ServiceDb<PrismaClient>): Claims<ClaimedHeartbeat, HeartbeatOutcome> => ({
  take: async ({ limit, exceptTenants, leaseMs }) => {
    const { rows } = await db.database.system.query<ClaimedHeartbeat>(
      `UPDATE agents.agent_heartbeats SET claim = $1, claimed_until = now() + $2::float8 * interval '1 millisecond'
       WHERE id IN (
         SELECT id FROM agents.agent_heartbeats
         WHERE claim IS NULL AND ((enabled AND next_run_at <= now()) OR asked_at IS NOT NULL)
           AND (retry_at IS NULL OR retry_at <= now()) AND tenant_id <> ALL ($3::uuid[])
         ORDER BY coalesce(asked_at, next_run_at), id LIMIT $4 FOR UPDATE SKIP LOCKED)
       RETURNING ${columns}`,
      [newId(), leaseMs, exceptTenants, limit],
    )
    return rows
  },

  begin: async ({ id, claim }) => {
    const { rowCount } = await db.database.system.query(
      `UPDATE agents.agent_heartbeats SET begun_at = now(), asked_at = NULL, retry_at = NULL, last_run_at = now()
       WHERE id = $1 AND claim = $2 AND begun_at IS NULL`,
      [id, claim],
    )
    return rowCount === 1
  },

  renew: async (heartbeats, leaseMs) => {
    const { rows } = await db.database.system.query<{ id: string }>(
      `UPDATE agents.agent_heartbeats heartbeat SET claimed_until = now() + $3::float8 * interval '1 millisecond'
       FROM unnest($1::uuid[], $2::uuid[]) AS mine (id, claim)
       WHERE heartbeat.id = mine.id AND heartbeat.claim = mine.claim RETURNING heartbeat.id`,
      [heartbeats.map(({ id }) => id), heartbeats.map(({ claim }) => claim), leaseMs],
    )
    return new Set(rows.map(({ id }) => id))
  },

  lost: async () => {
    await db.database.system.query(
      `UPDATE agents.agent_heartbeats SET claim = NULL, claimed_until = NULL
       WHERE claim IS NOT NULL AND begun_at IS NULL AND claimed_until < now()`,
    )
    const { rows } = await db.database.system.query<Pick<ClaimedHeartbeat, 'id' | 'tenantId' | 'claim' | 'lastRunAt'>>(
      `SELECT id, tenant_id AS "tenantId", claim, last_run_at AS "lastRunAt" FROM agents.agent_heartbeats
       WHERE claim IS NOT NULL AND begun_at IS NOT NULL AND claimed_until < now() ORDER BY claimed_until LIMIT $1`,
      [lostAtOnce],
    )
    return rows
  },

  end: ({ id, tenantId, claim }, outcome) =>
    db.forTenant(tenantId).changeSql(async (session) => {
      const { rows } = await session.query<ClaimedHeartbeat & { now: Date; agentKey: string }>(
        `SELECT ${columns}, now(), (SELECT agent_key FROM agents.agents WHERE id = agent_id) AS "agentKey"
         FROM agents.agent_heartbeats WHERE id = $1 AND tenant_id = $2 AND claim = $3 FOR UPDATE`,
        [id, tenantId, claim],
      )
      const [heartbeat] = rows
      if (heartbeat === undefined) return { result: false }
      const status = outcome.status === 'interrupted' ? 'error' : outcome.status
      const { summary, skipReason, usage } = outcome.status === 'interrupted' ? {} : outcome
      const reason = skipReason ?? (outcome.error === undefined ? null : storable(outcome.error))
      const isBusy = skipReason === 'queue_busy'
      await session.query(
        `UPDATE agents.agent_heartbeats SET claim = NULL, claimed_until = NULL, begun_at = NULL, last_status = $3, last_error = $4,
           next_run_at = CASE WHEN $5 THEN next_run_at ELSE $6 END,
           retry_at = CASE WHEN $5 THEN now() + interval '${busyPause}' ELSE retry_at END,
           asked_at = CASE WHEN $5 AND asked = 'wake' THEN now() ELSE asked_at END,
           asked = CASE WHEN asked_at IS NULL AND NOT $5 THEN NULL ELSE asked END,
           run_count = run_count + $7, suppress_count = suppress_count + $8
         WHERE id = $1 AND tenant_id = $2`,
        [
          id,
          tenantId,
          status,
          reason,
          isBusy,
          following(heartbeat, heartbeat.now) ?? null,
          status === 'skipped' ? 0 : 1,
          status === 'suppressed' ? 1 : 0,
        ],
      )
      // It is looked at again and again while the agent is busy, and told of once.
      if (isBusy && heartbeat.lastError === skipReason) return { result: true }
      await session.query(
        `INSERT INTO agents.heartbeat_runs (id, tenant_id, heartbeat_id, agent_id, status, summary, error, skip_reason,
           duration_ms, input_tokens, output_tokens, ran_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
        [
          newId(),
          tenantId,
          id,
          heartbeat.agentId,
          status,
          summary === undefined ? null : storable(summary),
          status === 'error' ? reason : null,
          skipReason ?? null,
          outcome.durationMs,
          usage?.inputTokens ?? 0,
          usage?.outputTokens ?? 0,
          heartbeat.lastRunAt,
        ],
      )
      await session.query(
        `DELETE FROM agents.heartbeat_runs WHERE heartbeat_id = $1 AND tenant_id = $2 AND ran_at < now() - interval '${keptRuns}'`,
        [id, tenantId],
      )
      const { agentId, agentKey } = heartbeat
      const ended = {
        id,
        agentId,
        agentKey,
        status,
        ...(status === 'error' && reason !== null ? { error: reason } : {}),
        ...(skipReason === undefined ? {} : { reason: skipReason }),
      }
      return { result: true, events: [event('heartbeatEnded', ended)] }
    }),
})
