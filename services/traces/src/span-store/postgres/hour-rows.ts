/**
 * Reads what was used in hours, which the intake adds up as it stores traces (docs/adr/0057). The texts that make up a
 * statement are those of this file, never a client's.
 */
import type { ScopedDb } from '@clawmesh/chassis'
import { usageMeasures } from '../../intake/usage-sums.ts'
import { upToTheHour, type QuotaWindows } from '../../usage/span-of-time.ts'
import type { UsageRow, UsageTotals, UsedThen } from '../../usage/types.ts'
import type { HourFilter, RunsOfUser, UsageReads } from '../port.ts'

interface Grouping {
  /** Of an hour `h`, never null. */
  key: string
  /** The key as a text, where it is none. */
  shown?: string
  order: string
  /** Whether only calls can be grouped so: a request is no provider's. */
  callsOnly?: boolean
  /** What an hour `h` is joined with. */
  join?: string
  /** As many rows come at most. */
  most?: number
}

/** A filter by provider or model leaves calls only. Users are summed up first: to count them apart would sort all rows. */
const sumsSql = ({ key, shown = 'key', order, callsOnly = false, join = '', most }: Grouping): string => {
  const ofRequests = (sum: string) => (callsOnly ? '0' : sum)
  return `
  WITH of_users AS (
    SELECT ${key} AS key, user_id, ${usageMeasures.map((measure) => `sum(${measure}) AS ${measure}`).join(', ')}
    FROM traces.usage_hours AS h ${join}
    WHERE tenant_id = $1::uuid
      AND ($2::timestamptz IS NULL OR hour >= $2::timestamptz) AND ($3::timestamptz IS NULL OR hour < $3::timestamptz)
      AND ($4::uuid IS NULL OR agent_id = $4::uuid) AND ($5::text IS NULL OR channel = $5)
      AND ($6::text IS NULL OR provider = $6) AND ($7::text IS NULL OR model = $7)
      AND ($8::text IS NULL OR user_id = $8) AND ($9::text IS NULL OR $9 = ANY (tags))
    GROUP BY 1, 2)
  SELECT ${shown} AS key,
    ${ofRequests('sum(requests)')} AS "requestCount", ${ofRequests('sum(errors)')} AS "errorCount",
    ${ofRequests(`count(*) FILTER (WHERE user_id <> '' AND requests > 0)`)} AS "uniqueUsers",
    ${ofRequests('sum(tool_calls)')} AS "toolCallCount",
    ${ofRequests('coalesce(round(sum(duration_ms) / nullif(sum(timed_requests), 0)), 0)')} AS "avgDurationMs",
    sum(calls) AS "llmCallCount", sum(input_tokens) AS "inputTokens", sum(output_tokens) AS "outputTokens",
    sum(cost) AS "totalCost", sum(cache_read_tokens) AS "cacheReadTokens",
    sum(cache_create_tokens) AS "cacheCreateTokens", sum(thinking_tokens) AS "thinkingTokens"
  FROM of_users GROUP BY of_users.key HAVING sum(calls) <> 0 ${callsOnly ? '' : 'OR sum(requests) <> 0'}
  ORDER BY ${order} ${most === undefined ? '' : `LIMIT ${most}`}`
}

type Sums = Omit<UsedThen, 'bucketTime'> & {
  key: string
}

const bucket = (unit: 'hour' | 'day'): Grouping => ({
  key: unit === 'hour' ? 'hour' : `date_bin('1 day', hour, '2000-01-01T00:00:00Z')`,
  shown: `to_char(key AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')`,
  order: 'key',
})
/** Clients name their tags, and users, as they like. */
const mostNames = 1_000
const byInput = '"inputTokens" DESC, key'
const statements = {
  hour: sumsSql(bucket('hour')),
  day: sumsSql(bucket('day')),
  provider: sumsSql({ key: 'provider', order: byInput, callsOnly: true }),
  model: sumsSql({ key: 'model', order: byInput, callsOnly: true }),
  channel: sumsSql({ key: 'channel', order: '"requestCount" DESC, key' }),
  agent: sumsSql({ key: `coalesce(agent_id::text, '')`, order: byInput }),
  user: sumsSql({ key: 'user_id', order: byInput, most: mostNames }),
  key: sumsSql({ key: 'api_key_id', order: byInput, most: mostNames }),
  tag: sumsSql({ key: 'tag', order: byInput, join: 'CROSS JOIN LATERAL unnest(tags) AS tag', most: mostNames }),
  all: sumsSql({ key: `''::text`, order: 'key' }),
} as const

/** Whole hours by their sums; of the hours in which windows begin, the traces of what is left of them. */
const runsOfUsersSql = `
  WITH runs AS (
    SELECT user_id, NULL AS part, hour AS at, requests FROM traces.usage_hours
    WHERE tenant_id = $1::uuid AND hour >= $4::timestamptz AND user_id <> '' AND ($5::text IS NULL OR user_id = $5)
    UNION ALL
    SELECT user_id, part.name, created_at, 1
    FROM unnest($2::text[], $3::timestamptz[], $7::timestamptz[]) AS part (name, from_time, to_time)
    JOIN traces.traces ON created_at >= part.from_time AND created_at < part.to_time
    WHERE tenant_id = $1::uuid AND parent_trace_id IS NULL AND user_id <> '' AND ($5::text IS NULL OR user_id = $5))
  SELECT user_id AS "userId", ${['hour', 'day', 'week']
    .map(
      (name, at) =>
        `coalesce(sum(requests) FILTER (WHERE part = '${name}' OR part IS NULL AND at >= ($7::timestamptz[])[${at + 1}]), 0) AS ${name}`,
    )
    .join(', ')}
  FROM runs GROUP BY user_id HAVING sum(requests) FILTER (WHERE part = 'week' OR part IS NULL) > 0
  ORDER BY week DESC, user_id LIMIT $6::int`

const toPoint = ({ key, ...sums }: Sums): UsedThen => ({ ...sums, bucketTime: key })

/** What totals are made of. */
export type SummedUp = Pick<
  Sums,
  | 'requestCount'
  | 'errorCount'
  | 'uniqueUsers'
  | 'toolCallCount'
  | 'avgDurationMs'
  | 'llmCallCount'
  | 'inputTokens'
  | 'outputTokens'
  | 'totalCost'
>

export const toTotals = (sums: SummedUp | undefined): UsageTotals => ({
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

export const createHourRows = (tenantId: string, sql: ScopedDb): UsageReads['hours'] => {
  const sums = async (statement: keyof typeof statements, filter: HourFilter): Promise<Sums[]> => {
    const { from, to, agentId, channel, provider, model, userId, tag } = filter
    const times = [from, to].map((time) => time?.toISOString())
    const values = [...times, agentId, channel, provider, model, userId, tag].map((value) => value ?? null)
    return (await sql.query<Sums>(statements[statement], [tenantId, ...values])).rows
  }

  return {
    series: async (unit, filter) => (await sums(unit, filter)).map(toPoint),
    breakdown: async (group, filter): Promise<UsageRow[]> => sums(group, filter),
    totals: async (filter) => toTotals((await sums('all', filter))[0]),

    runsOfUsers: async (windows, userId, most) => {
      const names: (keyof QuotaWindows)[] = ['hour', 'day', 'week']
      const begins = names.map((name) => windows[name].toISOString())
      const hours = names.map((name) => upToTheHour(windows[name]).toISOString())
      const values = [tenantId, names, begins, hours[2], userId ?? null, most, hours]
      return (await sql.query<RunsOfUser>(runsOfUsersSql, values)).rows
    },
  }
}
