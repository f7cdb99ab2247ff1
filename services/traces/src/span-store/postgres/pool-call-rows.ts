/** Reads the model calls that accounts of a pool have answered or should have. */
import type { ScopedDb } from '@clawmesh/chassis'
import type { PoolCall } from '../../account-pools/count.ts'
import type { TenantSpans } from '../port.ts'
import { agentInKey } from './session-rows.ts'

const evidence = `span.metadata->'chatgpt_oauth_routing'`

const callsSql = `
  SELECT span.id, span.trace_id AS "traceId", span.start_time AS "startedAt", span.status,
    coalesce(span.duration_ms, 0) AS "durationMs", coalesce(span.provider, '') AS provider, coalesce(span.model, '') AS model,
    trace.agent_id AS "agentId", coalesce(${agentInKey}, '') AS "agentKey", ${evidence} AS evidence
  FROM traces.traces AS trace
  JOIN traces.spans AS span
    ON span.tenant_id = trace.tenant_id AND span.trace_id = trace.id AND span.created_at = trace.created_at
  WHERE trace.tenant_id = $1::uuid AND trace.parent_trace_id IS NULL AND span.span_type = 'llm_call'
    AND ($2::uuid IS NULL OR trace.agent_id = $2::uuid)
    AND ($3::int = 0 OR trace.created_at >= now() - $3::int * interval '1 day')
    AND CASE WHEN ${evidence} IS NULL THEN span.provider = ANY($4::text[])
        ELSE ${evidence}->>'selected_provider' = ANY($4::text[]) OR ${evidence}->>'serving_provider' = ANY($4::text[]) END
  ORDER BY trace.created_at DESC, span.start_time DESC, span.id DESC LIMIT $5::int`

export const createPoolCallRows =
  (tenantId: string, sql: ScopedDb): TenantSpans['poolCalls'] =>
  async ({ providers, agentId = '', days, limit }) => {
    const values = [tenantId, agentId || null, days, [...providers], limit]
    const { rows } = await sql.query<PoolCall>(callsSql, values)
    return rows
  }
