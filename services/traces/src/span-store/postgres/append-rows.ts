/** Writes traces, spans and what they come to, of all tenants: one multi-row statement a table, however large the batch. */
import { firstKnown, lastKnown, lastReported } from '../../intake/merge.ts'
import type { TraceKey } from '../../intake/types.ts'
import { usageMeasures } from '../../intake/usage-sums.ts'
import type { AppendRows, AppendSession, CountedTrace, KnownTrace, StoredTrace } from './append.ts'
import type { Database, Session } from '@clawmesh/chassis'

const traceColumns = [
  ...['tenant_id', 'id', 'created_at', 'parent_trace_id', 'agent_id', 'user_id', 'session_key', 'run_id', 'start_time'],
  ...['end_time', 'duration_ms', 'name', 'channel', 'input_preview', 'output_preview', 'total_input_tokens'],
  ...['total_output_tokens', 'total_cost', 'span_count', 'llm_call_count', 'tool_call_count', 'status', 'error'],
  ...['metadata', 'tags', 'recorded_at', 'revision', 'call_sums', 'api_key_id'],
].join(', ')
/** What is counted of a trace, and by what. */
const summedColumns = [
  ...['tenant_id', 'id', 'created_at', 'run_id', 'parent_trace_id', 'agent_id', 'user_id', 'channel', 'api_key_id'],
  ...['tags', 'status', 'duration_ms', 'tool_call_count', 'total_input_tokens', 'total_output_tokens', 'total_cost'],
  ...['call_sums'],
]
  .map((column) => `stored.${column}`)
  .join(', ')
const spanFields = [
  ...['parent_span_id', 'agent_id', 'span_type', 'name', 'start_time', 'end_time', 'duration_ms', 'status', 'error'],
  ...['level', 'model', 'provider', 'input_tokens', 'output_tokens', 'total_cost', 'finish_reason', 'model_params'],
  ...['tool_name', 'tool_call_id', 'input_preview', 'output_preview', 'metadata', 'bodies_key'],
]
const spanColumns = ['tenant_id', 'trace_id', 'id', 'created_at', ...spanFields].join(', ')

const hourColumns = [
  ...['tenant_id', 'hour', 'id', 'agent_id', 'user_id', 'channel', 'api_key_id', 'tags', 'provider', 'model'],
  ...usageMeasures,
].join(', ')

const keys = `json_populate_recordset(NULL::traces.traces, $1::json) AS key`
const sameKey = `stored.tenant_id = key.tenant_id AND stored.id = key.id AND stored.created_at = key.created_at`

/** One value when the row at hand was reported later than the one that is there, another when earlier. */
const ifLater = (later: string, earlier: string) =>
  `CASE WHEN excluded.recorded_at >= stored.recorded_at THEN ${later} ELSE ${earlier} END`
const metadata = (row: string) => `coalesce(${row}.metadata, '{}')`

const changesOnConflict = [
  ...lastReported.map((column) => `${column} = ${ifLater(`excluded.${column}`, `stored.${column}`)}`),
  ...lastKnown.map((column) => {
    const [reported, stored] = [`excluded.${column}`, `stored.${column}`]
    return `${column} = ${ifLater(`coalesce(${reported}, ${stored})`, `coalesce(${stored}, ${reported})`)}`
  }),
  ...firstKnown.map((column) => `${column} = coalesce(stored.${column}, excluded.${column})`),
  'start_time = least(stored.start_time, excluded.start_time)',
  `metadata = ${ifLater(`${metadata('stored')} || ${metadata('excluded')}`, `${metadata('excluded')} || ${metadata('stored')}`)}`,
]

/**
 * Adds `$1`, costs of months, and `$2`, sums of hours. Whatever statement they stand in, they come in this order, so that
 * replicas wait for each other and never block each other.
 */
const addUsage = `
    months AS (
      INSERT INTO traces.agent_costs_monthly AS stored (tenant_id, agent_id, month, cost_usd)
      SELECT tenant_id, agent_id, month, cost_usd FROM json_populate_recordset(NULL::traces.agent_costs_monthly, $1::json)
      ON CONFLICT (tenant_id, agent_id, month) DO UPDATE SET cost_usd = stored.cost_usd + excluded.cost_usd
    ), hours AS (
      INSERT INTO traces.usage_hours AS stored (${hourColumns})
      SELECT ${hourColumns} FROM json_populate_recordset(NULL::traces.usage_hours, $2::json)
      ON CONFLICT (tenant_id, hour, id) DO UPDATE SET
        ${usageMeasures.map((measure) => `${measure} = stored.${measure} + excluded.${measure}`).join(', ')}
    )`

const sql = {
  // In one order for all, so that replicas wait for each other instead of blocking each other.
  lock: `
    SELECT pg_advisory_xact_lock(number) FROM (
      SELECT hashtextextended(tenant_id || '/' || id, 0) AS number FROM ${keys} ORDER BY number
    ) AS numbered`,
  findKnown: `
    SELECT ${summedColumns} FROM ${keys}
    JOIN traces.traces AS stored ON stored.tenant_id = key.tenant_id AND stored.id = key.id`,
  removeSpans: `
    DELETE FROM traces.spans AS stored USING ${keys}
    WHERE stored.tenant_id = key.tenant_id AND stored.trace_id = key.id
    RETURNING stored.bodies_key`,
  removeTraces: `
    DELETE FROM traces.traces AS stored USING ${keys} WHERE stored.tenant_id = key.tenant_id AND stored.id = key.id`,
  upsertTraces: `
    INSERT INTO traces.traces AS stored (${traceColumns})
    SELECT ${traceColumns} FROM json_populate_recordset(NULL::traces.traces, $1::json)
    ON CONFLICT (tenant_id, id, created_at) DO UPDATE SET
      ${changesOnConflict.join(', ')},
      revision = stored.revision + 1
    RETURNING tenant_id, id, revision`,
  upsertSpans: `
    WITH ${addUsage}
    INSERT INTO traces.spans AS stored (${spanColumns})
    SELECT ${spanColumns} FROM json_populate_recordset(NULL::traces.spans, $3::json)
    ON CONFLICT (tenant_id, trace_id, id, created_at) DO UPDATE SET
      ${spanFields.map((column) => `${column} = excluded.${column}`).join(', ')}
    WHERE stored.status = 'running' AND excluded.status <> 'running'`,
  stored: `SELECT ${summedColumns} FROM ${keys} JOIN traces.traces AS stored ON ${sameKey}`,
  storedSpans: `
    SELECT stored.tenant_id, stored.trace_id, stored.span_type, stored.start_time, stored.provider, stored.model,
      stored.input_tokens, stored.output_tokens, stored.total_cost, stored.metadata
    FROM ${keys} JOIN traces.spans AS stored
      ON stored.tenant_id = key.tenant_id AND stored.trace_id = key.id AND stored.created_at = key.created_at`,
  updateTotals: `
    UPDATE traces.traces AS stored SET
      total_input_tokens = key.total_input_tokens, total_output_tokens = key.total_output_tokens,
      total_cost = key.total_cost, span_count = key.span_count, llm_call_count = key.llm_call_count,
      tool_call_count = key.tool_call_count, call_sums = key.call_sums,
      metadata = coalesce(stored.metadata, '{}') || key.metadata
    FROM ${keys} WHERE ${sameKey}`,
  addUsage: `WITH ${addUsage} SELECT`,
  uncounted: `
    SELECT tenant_id, id, created_at FROM traces.traces WHERE call_sums IS NULL ORDER BY created_at LIMIT $1::int`,
}

const traceRow = ({ tenantId, recordedAt, trace, callSums }: CountedTrace) => ({
  ...trace,
  call_sums: callSums,
  tenant_id: tenantId,
  tags: trace.tags ?? [],
  recorded_at: recordedAt,
  revision: 0,
})

const spanRows = ({ tenantId, trace, spans }: CountedTrace) =>
  spans.map((span) => ({ ...span, tenant_id: tenantId, trace_id: trace.id, created_at: trace.created_at }))

/** A row whose time is one of JavaScript's. */
type Dated<R extends TraceKey> = Omit<R, 'created_at'> & { created_at: Date }
const toKey = <R extends { created_at: Date }>(row: R) => ({ ...row, created_at: row.created_at.toISOString() })
const thin = ({ tenant_id, id, created_at }: TraceKey): TraceKey => ({ tenant_id, id, created_at })

const sessionOf = (session: Session): AppendSession => {
  const run = async <R extends object>(name: keyof typeof sql, ...sets: readonly (readonly object[])[]) => {
    const values = sets.map((rows) => JSON.stringify(rows))
    return (await session.prepared<R>(`intake_${name}`, sql[name], values)).rows
  }

  return {
    lock: async (wanted) => void (await run('lock', wanted.map(thin))),

    findKnown: async (wanted) => (await run<Dated<KnownTrace>>('findKnown', wanted.map(thin))).map(toKey),

    remove: async (unwanted) => {
      const spans = await run<{ bodies_key: string | null }>('removeSpans', unwanted.map(thin))
      await run('removeTraces', unwanted.map(thin))
      return [...new Set(spans.flatMap(({ bodies_key: key }) => (key === null ? [] : [key])))]
    },

    upsertTraces: async (traces) => {
      const rows = await run<{ tenant_id: string; id: string; revision: number }>('upsertTraces', traces.map(traceRow))
      return rows.filter(({ revision }) => revision === 0)
    },

    upsertSpans: async (traces, { months, hours }) => {
      const rows = traces.flatMap(spanRows)
      if (rows.length > 0 || months.length > 0 || hours.length > 0) await run('upsertSpans', months, hours, rows)
    },

    stored: async (wanted) => {
      const traces = await run<Dated<Omit<StoredTrace, 'spans'>>>('stored', wanted.map(thin))
      const spans = await run<StoredTrace['spans'][number] & Record<'tenant_id' | 'trace_id', string>>(
        'storedSpans',
        wanted.map(thin),
      )
      const byTrace = Map.groupBy(spans, ({ tenant_id, trace_id }) => `${tenant_id}/${trace_id}`)
      return traces.map((trace) => ({ ...toKey(trace), spans: byTrace.get(`${trace.tenant_id}/${trace.id}`) ?? [] }))
    },

    updateTotals: async (changes) => {
      const rows = changes.map(({ key, totals, callSums }) => ({ ...thin(key), ...totals, call_sums: callSums }))
      await run('updateTotals', rows)
    },

    addUsage: async ({ months, hours }) => {
      if (months.length > 0 || hours.length > 0) await run('addUsage', months, hours)
    },

    uncounted: async (most) =>
      (await session.prepared<Dated<TraceKey>>('intake_uncounted', sql.uncounted, [most])).rows.map(toKey),
  }
}

export const createAppendRows = ({ system }: Database): AppendRows => ({
  transaction: (work) => system.transaction((session) => work(sessionOf(session))),
  forgetHours: async (before) =>
    void (await system.query('DELETE FROM traces.usage_hours WHERE hour < $1', [before.toISOString()])),
})
