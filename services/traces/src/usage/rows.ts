/** Sums up traces and their model calls. The texts that make up a statement are those of this file, never a client's. */
import type { Database } from '@clawmesh/chassis'
import type { AgentUsage, SessionUsage, UsagePoint, UsageRow, UsageTotals } from './types.ts'
import type { RunsOfUser, UsageFilter, UsageRows } from './use-cases.ts'

/** A number in a span's metadata, which is whoever's JSON reported the span. */
const noted = (name: string): string =>
  `coalesce(sum(CASE WHEN jsonb_typeof(s.metadata->'${name}') = 'number' THEN (s.metadata->>'${name}')::numeric END), 0)`

const callsOf = (table: string, join = ''): string => `
  FROM ${table} t ${join} JOIN traces.spans s ON s.tenant_id = $1::uuid AND s.trace_id = t.id AND s.created_at = t.created_at
  WHERE s.span_type = 'llm_call' AND ($6::text IS NULL OR s.provider = $6) AND ($7::text IS NULL OR s.model = $7)`

/** The agent that a session key names: `agentOfKey` of the contracts, in SQL. */
export const agentInKey = `CASE WHEN session_key ~ '^agent:[^:]+:' THEN split_part(session_key, ':', 2) END`

/** Which traces are asked for. */
const matching = `
  FROM traces.traces WHERE tenant_id = $1::uuid
    AND ($2::timestamptz IS NULL OR created_at >= $2::timestamptz)
    AND ($3::timestamptz IS NULL OR created_at < $3::timestamptz)
    AND ($4::uuid IS NULL OR agent_id = $4::uuid) AND ($5::text IS NULL OR channel = $5)
    AND ($8::text IS NULL OR user_id = $8) AND ($9::text IS NULL OR ${agentInKey} = $9)
    AND ($10::text IS NULL OR $10 = ANY (tags))`

interface Grouping {
  /** Of a trace `t`; absent where only calls can be grouped. */
  trace?: string
  /** Of a trace `t` and its call `s`. */
  call: string
  order: string
  /** What a trace `t` is joined with. */
  join?: string
  /** As many rows come at most. */
  most?: number
}

/**
 * Requests and calls by a key. A filter by provider or model leaves calls only: a request is no provider's.
 * Keys are texts, never null.
 */
const sumsSql = ({ trace, call, order, join = '', most }: Grouping): string => `
  WITH roots AS (
    SELECT id, created_at, agent_id, user_id, channel, status, duration_ms, tool_call_count, tags ${matching}
      AND parent_trace_id IS NULL),
  requests AS (
    SELECT ${trace ?? "''::text"} AS key, count(*) AS requests,
      count(*) FILTER (WHERE status = 'error') AS errors, count(DISTINCT user_id) AS users,
      sum(tool_call_count) AS tools, coalesce(round(avg(duration_ms)), 0) AS duration
    FROM roots t ${join} WHERE ${trace === undefined ? 'false' : '$6::text IS NULL AND $7::text IS NULL'} GROUP BY 1),
  calls AS (
    SELECT ${call} AS key, count(*) AS calls, coalesce(sum(s.input_tokens), 0) AS input,
      coalesce(sum(s.output_tokens), 0) AS output, coalesce(sum(s.total_cost), 0) AS cost,
      ${noted('cache_read_tokens')} AS read, ${noted('cache_creation_tokens')} AS created,
      ${noted('thinking_tokens')} AS thinking
    ${callsOf('roots', join)} GROUP BY 1)
  SELECT key, coalesce(requests, 0) AS "requestCount", coalesce(errors, 0) AS "errorCount",
    coalesce(users, 0) AS "uniqueUsers", coalesce(tools, 0) AS "toolCallCount", coalesce(duration, 0) AS "avgDurationMs",
    coalesce(calls, 0) AS "llmCallCount", coalesce(input, 0) AS "inputTokens", coalesce(output, 0) AS "outputTokens",
    coalesce(cost, 0) AS "totalCost", coalesce(read, 0) AS "cacheReadTokens", coalesce(created, 0) AS "cacheCreateTokens",
    coalesce(thinking, 0) AS "thinkingTokens"
  FROM requests FULL JOIN calls USING (key) ORDER BY ${order} ${most === undefined ? '' : `LIMIT ${most}`}`

type Sums = Omit<UsagePoint, 'bucketTime' | 'memoryDocs' | 'memoryChunks' | 'kgEntities' | 'kgRelations'> & {
  key: string
}

const bucket = (unit: 'hour' | 'day'): Grouping => {
  const key = `to_char(date_trunc('${unit}', t.created_at AT TIME ZONE 'UTC'), 'YYYY-MM-DD"T"HH24:MI:SS"Z"')`
  return { trace: key, call: key, order: 'key' }
}
/** Clients name their tags as they like. */
const mostTags = 1_000
const byInput = '"inputTokens" DESC, key'
const statements = {
  hour: sumsSql(bucket('hour')),
  day: sumsSql(bucket('day')),
  provider: sumsSql({ call: `coalesce(s.provider, '')`, order: byInput }),
  model: sumsSql({ call: `coalesce(s.model, '')`, order: byInput }),
  channel: sumsSql({
    trace: `coalesce(t.channel, '')`,
    call: `coalesce(t.channel, '')`,
    order: '"requestCount" DESC, key',
  }),
  agent: sumsSql({
    trace: `coalesce(t.agent_id::text, '')`,
    call: `coalesce(t.agent_id::text, '')`,
    order: byInput,
  }),
  tag: sumsSql({
    trace: 'tag',
    call: 'tag',
    order: byInput,
    // Others say where a trace comes from.
    join: `CROSS JOIN LATERAL (SELECT DISTINCT tag FROM unnest(t.tags) AS tag WHERE strpos(tag, ':') > 1) AS tags`,
    most: mostTags,
  }),
  all: sumsSql({ trace: `''::text`, call: `''::text`, order: 'key' }),
} as const

/** Sessions and the tokens of their calls, children of runs included: they are the session's too. */
const sessions = `
  WITH own AS (
    SELECT id, created_at, session_key, agent_id, ${agentInKey} AS agent_key, coalesce(end_time, start_time) AS at
    ${matching} AND session_key IS NOT NULL),
  sessions AS (
    SELECT t.session_key AS "sessionKey",
      coalesce(min(t.agent_key), min(t.agent_id::text), '') AS "agentId",
      (array_agg(coalesce(s.model, '') ORDER BY s.start_time DESC))[1] AS model,
      (array_agg(coalesce(s.provider, '') ORDER BY s.start_time DESC))[1] AS provider,
      coalesce(sum(s.input_tokens), 0) AS "inputTokens", coalesce(sum(s.output_tokens), 0) AS "outputTokens",
      (extract(epoch FROM max(t.at)) * 1000)::bigint AS timestamp
    ${callsOf('own')} GROUP BY t.session_key
    HAVING coalesce(sum(s.input_tokens), 0) + coalesce(sum(s.output_tokens), 0) > 0)`

/** One row at least: an empty page still says how many there are. */
const pageSql = `${sessions}
  SELECT counted.total, page.* FROM (SELECT count(*) AS total FROM sessions) AS counted
  LEFT JOIN LATERAL (
    SELECT * FROM sessions ORDER BY timestamp DESC, "sessionKey" LIMIT $11::int OFFSET $12::bigint) AS page ON true`

const byAgentSql = `${sessions}
  SELECT "agentId", sum("inputTokens") AS "inputTokens", sum("outputTokens") AS "outputTokens", count(*) AS sessions
  FROM sessions GROUP BY "agentId" ORDER BY "agentId"`

const runsOfUsersSql = `
  SELECT user_id AS "userId", count(*) FILTER (WHERE created_at >= $2::timestamptz) AS hour,
    count(*) FILTER (WHERE created_at >= $3::timestamptz) AS day, count(*) AS week
  FROM traces.traces
  WHERE tenant_id = $1::uuid AND parent_trace_id IS NULL AND created_at >= $4::timestamptz AND user_id IS NOT NULL
    AND ($5::text IS NULL OR user_id = $5)
  GROUP BY user_id ORDER BY week DESC, user_id LIMIT $6::int`

const withTotal = <T extends { inputTokens: number; outputTokens: number }>(tokens: T) => ({
  ...tokens,
  totalTokens: tokens.inputTokens + tokens.outputTokens,
})

const toPoint = ({ key, ...sums }: Sums): UsagePoint => ({
  ...sums,
  bucketTime: key,
  // Counted where memory is kept, not by runs.
  memoryDocs: 0,
  memoryChunks: 0,
  kgEntities: 0,
  kgRelations: 0,
})

const toTotals = (sums: Sums | undefined): UsageTotals => ({
  requests: sums?.requestCount ?? 0,
  inputTokens: sums?.inputTokens ?? 0,
  outputTokens: sums?.outputTokens ?? 0,
  cost: sums?.totalCost ?? 0,
  uniqueUsers: sums?.uniqueUsers ?? 0,
  errors: sums?.errorCount ?? 0,
  llmCalls: sums?.llmCallCount ?? 0,
  toolCalls: sums?.toolCallCount ?? 0,
  avgDurationMs: sums?.avgDurationMs ?? 0,
})

export const createUsageRows =
  ({ forTenant }: Database) =>
  (tenantId: string): UsageRows => {
    const read = async <R extends object>(sql: string, filter: UsageFilter, page: unknown[] = []): Promise<R[]> => {
      const { from, to, agentId, channel, provider, model, userId, agentKey, tag } = filter
      const times = [from, to].map((time) => time?.toISOString())
      const values = [...times, agentId, channel, provider, model, userId, agentKey, tag].map((value) => value ?? null)
      return (await forTenant(tenantId).query<R>(sql, [tenantId, ...values, ...page])).rows
    }
    const sums = (statement: keyof typeof statements, filter: UsageFilter) => read<Sums>(statements[statement], filter)

    return {
      series: async (unit, filter) => (await sums(unit, filter)).map(toPoint),
      breakdown: async (group, filter): Promise<UsageRow[]> => sums(group, filter),
      totals: async (filter) => toTotals((await sums('all', filter))[0]),

      sessions: async (filter, { limit, offset }) => {
        type Row = Omit<SessionUsage, 'totalTokens' | 'sessionKey'> & { total: number; sessionKey: string | null }
        const rows = await read<Row>(pageSql, filter, [limit, offset])
        const records = rows.flatMap(({ total: _total, sessionKey, ...record }) =>
          sessionKey === null ? [] : [withTotal({ ...record, sessionKey })],
        )
        return { records, total: rows[0]?.total ?? 0 }
      },

      runsOfUsers: async ({ hour, day, week }, userId, most) => {
        const times = [hour, day, week].map((time) => time.toISOString())
        const values = [tenantId, ...times, userId ?? null, most]
        return (await forTenant(tenantId).query<RunsOfUser>(runsOfUsersSql, values)).rows
      },

      byAgent: async (filter) => {
        type Row = Omit<AgentUsage, 'totalTokens'> & { agentId: string }
        const rows = await read<Row>(byAgentSql, filter)
        return new Map(rows.map(({ agentId, ...row }) => [agentId, withTotal(row)]))
      },
    }
  }
