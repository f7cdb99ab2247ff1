/** What was used in each hour as it is kept, and counted anew from traces and spans. */
import type { Database } from '@clawmesh/chassis'

const about = 'tenant_id, hour, agent_id, user_id, channel, api_key_id, tags, provider, model'
const sums = [
  ...['requests', 'errors', 'tool_calls', 'timed_requests', 'duration_ms', 'request_input_tokens'],
  ...['request_output_tokens', 'request_cost', 'calls', 'input_tokens', 'output_tokens', 'cost', 'cache_read_tokens'],
  ...['cache_create_tokens', 'thinking_tokens'],
]

const keptSql = `
  SELECT ${about}, ${sums.join(', ')} FROM traces.usage_hours
  WHERE tenant_id = ANY ($1::uuid[]) AND (requests <> 0 OR calls <> 0) ORDER BY ${about}`

const ofTrace = `t.agent_id, coalesce(t.user_id, '') AS user_id, coalesce(t.channel, '') AS channel,
  coalesce(t.api_key_id, '') AS api_key_id,
  ARRAY (SELECT DISTINCT tag COLLATE "C" FROM unnest(t.tags) AS tag WHERE strpos(tag, ':') > 1 ORDER BY 1) AS tags`
const noted = (name: string) =>
  `CASE WHEN jsonb_typeof(s.metadata->'${name}') = 'number' THEN (s.metadata->>'${name}')::numeric ELSE 0 END`

/** Costs of requests are those of all spans; tokens are those of calls. */
const recountSql = `
  WITH roots AS (SELECT * FROM traces.traces WHERE tenant_id = ANY ($1::uuid[]) AND parent_trace_id IS NULL),
  parts AS (
    SELECT t.tenant_id, date_trunc('hour', t.created_at) AS hour, ${ofTrace}, '' AS provider, '' AS model,
      1 AS requests, (t.status = 'error')::int AS errors, (t.duration_ms IS NOT NULL)::int AS timed_requests,
      coalesce(t.duration_ms, 0) AS duration_ms, own.*, 0 AS calls, 0 AS input_tokens, 0 AS output_tokens, 0 AS cost,
      0 AS cache_read_tokens, 0 AS cache_create_tokens, 0 AS thinking_tokens
    FROM roots AS t CROSS JOIN LATERAL (
      SELECT count(*) FILTER (WHERE span_type = 'tool_call') AS tool_calls,
        coalesce(sum(input_tokens) FILTER (WHERE span_type = 'llm_call'), 0) AS request_input_tokens,
        coalesce(sum(output_tokens) FILTER (WHERE span_type = 'llm_call'), 0) AS request_output_tokens,
        coalesce(sum(total_cost), 0) AS request_cost
      FROM traces.spans AS s WHERE s.tenant_id = t.tenant_id AND s.trace_id = t.id) AS own
    UNION ALL
    SELECT t.tenant_id, date_trunc('hour', s.start_time), ${ofTrace}, coalesce(s.provider, ''), coalesce(s.model, ''),
      0, 0, 0, 0, 0, 0, 0, 0, 1, coalesce(s.input_tokens, 0), coalesce(s.output_tokens, 0), coalesce(s.total_cost, 0),
      ${noted('cache_read_tokens')}, ${noted('cache_creation_tokens')}, ${noted('thinking_tokens')}
    FROM roots AS t JOIN traces.spans AS s ON s.tenant_id = t.tenant_id AND s.trace_id = t.id
    WHERE s.span_type = 'llm_call')
  SELECT ${about}, ${sums.map((name) => `sum(${name}) AS ${name}`).join(', ')}
  FROM parts GROUP BY ${about} ORDER BY ${about}`

/** Both as rows in one order, so that they can be compared. */
export const usageAndRecount = async (pool: Database['pool'], tenantIds: readonly string[]) => {
  const [kept, recount] = await Promise.all([keptSql, recountSql].map((sql) => pool.query(sql, [tenantIds])))
  return { kept: kept!.rows as Record<string, unknown>[], recount: recount!.rows as Record<string, unknown>[] }
}
