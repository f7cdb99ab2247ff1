/**
 * Reads what sessions used off the rows of their traces, each of which sums up its calls. There are no sums by session: requests
 * that continue none make one each.
 */
import type { ScopedDb } from '@clawmesh/chassis'
import type { AgentUsage, SessionUsage, UsageTotals } from '../../usage/types.ts'
import type { SessionFilter, UsageReads } from '../port.ts'
import { toTotals, type SummedUp } from './hour-rows.ts'

/** The agent that a session key names: `agentOfKey` of the contracts, in SQL. */
export const agentInKey = `CASE WHEN session_key ~ '^agent:[^:]+:' THEN split_part(session_key, ':', 2) END`

const ownSql = `
  SELECT session_key, agent_id, ${agentInKey} AS agent_key, coalesce(end_time, start_time) AS at, user_id, status,
    duration_ms, tool_call_count, call_sums
  FROM traces.traces WHERE tenant_id = $1::uuid
    AND ($2::timestamptz IS NULL OR created_at >= $2::timestamptz)
    AND ($3::timestamptz IS NULL OR created_at < $3::timestamptz)
    AND ($4::uuid IS NULL OR agent_id = $4::uuid) AND ($5::text IS NULL OR channel = $5)
    AND ($8::text IS NULL OR user_id = $8) AND ($9::text IS NULL OR ${agentInKey} = $9)
    AND ($10::text IS NULL OR $10 = ANY (tags))`

const callsSql = `
  FROM own AS t CROSS JOIN LATERAL jsonb_to_recordset(t.call_sums) AS s (provider text, model text, calls bigint,
    input_tokens bigint, output_tokens bigint, cost numeric, last timestamptz)
  WHERE ($6::text IS NULL OR s.provider = $6) AND ($7::text IS NULL OR s.model = $7)`

/** Children of runs are the session's too. */
const sessionsSql = `
  WITH own AS (${ownSql} AND session_key IS NOT NULL),
  sessions AS (
    SELECT t.session_key AS "sessionKey",
      coalesce(min(t.agent_key), min(t.agent_id::text), '') AS "agentId",
      (array_agg(s.model ORDER BY s.last DESC))[1] AS model,
      (array_agg(s.provider ORDER BY s.last DESC))[1] AS provider,
      sum(s.input_tokens) AS "inputTokens", sum(s.output_tokens) AS "outputTokens",
      (extract(epoch FROM max(t.at)) * 1000)::bigint AS timestamp
    ${callsSql} GROUP BY t.session_key HAVING sum(s.input_tokens) + sum(s.output_tokens) > 0)`

/** One row at least: an empty page still says how many there are. */
const pageSql = `${sessionsSql}
  SELECT counted.total, page.* FROM (SELECT count(*) AS total FROM sessions) AS counted
  LEFT JOIN LATERAL (
    SELECT * FROM sessions ORDER BY timestamp DESC, "sessionKey" LIMIT $11::int OFFSET $12::bigint) AS page ON true`

const byAgentSql = `${sessionsSql}
  SELECT "agentId", sum("inputTokens") AS "inputTokens", sum("outputTokens") AS "outputTokens", count(*) AS sessions
  FROM sessions GROUP BY "agentId" ORDER BY "agentId"`

/** A filter by provider or model leaves calls only: a request is no provider's. */
const totalsSql = `
  WITH own AS (${ownSql} AND parent_trace_id IS NULL),
  requests AS (
    SELECT count(*) AS "requestCount", count(*) FILTER (WHERE status = 'error') AS "errorCount",
      count(DISTINCT user_id) AS "uniqueUsers", coalesce(sum(tool_call_count), 0) AS "toolCallCount",
      coalesce(round(avg(duration_ms)), 0) AS "avgDurationMs"
    FROM own WHERE $6::text IS NULL AND $7::text IS NULL),
  calls AS (
    SELECT coalesce(sum(calls), 0) AS "llmCallCount", coalesce(sum(s.input_tokens), 0) AS "inputTokens",
      coalesce(sum(s.output_tokens), 0) AS "outputTokens", coalesce(sum(s.cost), 0) AS "totalCost" ${callsSql})
  SELECT * FROM requests CROSS JOIN calls`

const withTotal = <T extends { inputTokens: number; outputTokens: number }>(tokens: T) => ({
  ...tokens,
  totalTokens: tokens.inputTokens + tokens.outputTokens,
})

export const createSessionRows = (tenantId: string, db: ScopedDb): UsageReads['sessions'] => {
  const read = async <R extends object>(sql: string, filter: SessionFilter, page: unknown[] = []): Promise<R[]> => {
    const { from, to, agentId, channel, provider, model, userId, agentKey, tag } = filter
    const times = [from, to].map((time) => time?.toISOString())
    const values = [...times, agentId, channel, provider, model, userId, agentKey, tag].map((value) => value ?? null)
    return (await db.query<R>(sql, [tenantId, ...values, ...page])).rows
  }

  return {
    page: async (filter, { limit, offset }) => {
      type Row = Omit<SessionUsage, 'totalTokens' | 'sessionKey'> & { total: number; sessionKey: string | null }
      const rows = await read<Row>(pageSql, filter, [limit, offset])
      const records = rows.flatMap(({ total: _total, sessionKey, ...record }) =>
        sessionKey === null ? [] : [withTotal({ ...record, sessionKey })],
      )
      return { records, total: rows[0]?.total ?? 0 }
    },

    totals: async (filter): Promise<UsageTotals> => toTotals((await read<SummedUp>(totalsSql, filter))[0]),

    byAgent: async (filter) => {
      type Row = Omit<AgentUsage, 'totalTokens'> & { agentId: string }
      const rows = await read<Row>(byAgentSql, filter)
      return new Map(rows.map(({ agentId, ...row }) => [agentId, withTotal(row)]))
    },
  }
}
