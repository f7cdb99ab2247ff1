/** Claims of due heartbeats, over all tenants; as those of cron jobs (docs/adr/0025). */
import { event, newId, type ServiceDb } from '@clawmesh/chassis'
import { createClaimRows } from '../cron/claim-rows.ts'
import { nextRunAfter } from '../cron/schedule.ts'
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

const everyInterval = ({ intervalSec }: Heartbeat) => ({ kind: 'every' as const, everyMs: intervalSec * 1_000 })

export const createHeartbeatClaims = (db: ServiceDb<PrismaClient>): Claims<ClaimedHeartbeat, HeartbeatOutcome> => ({
  ...createClaimRows<ClaimedHeartbeat>(db, {
    table: 'agents.agent_heartbeats',
    columns,
    isReady: '(retry_at IS NULL OR retry_at <= now())',
    begins: 'retry_at = NULL',
  }),

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
          nextRunAfter(everyInterval(heartbeat), heartbeat, heartbeat.now) ?? null,
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
