/** Writes traces, spans and monthly costs of all tenants: one multi-row statement a table, however large the batch. */
import { firstKnown, lastKnown, lastReported } from './merge.ts'
import type { CountableSpan } from './totals.ts'
import type { CountedTrace } from './types.ts'
import type { IntakeRows, IntakeSession, StoredKey, StoredTrace } from './use-cases.ts'
import type { Database, Session } from '@clawmesh/chassis'

const traceColumns = [
  ...['tenant_id', 'id', 'created_at', 'parent_trace_id', 'agent_id', 'user_id', 'session_key', 'run_id', 'start_time'],
  ...['end_time', 'duration_ms', 'name', 'channel', 'input_preview', 'output_preview', 'total_input_tokens'],
  ...['total_output_tokens', 'total_cost', 'span_count', 'llm_call_count', 'tool_call_count', 'status', 'error'],
  ...['metadata', 'tags', 'recorded_at', 'revision'],
].join(', ')
const spanFields = [
  ...['parent_span_id', 'agent_id', 'span_type', 'name', 'start_time', 'end_time', 'duration_ms', 'status', 'error'],
  ...['level', 'model', 'provider', 'input_tokens', 'output_tokens', 'total_cost', 'finish_reason', 'model_params'],
  ...['tool_name', 'tool_call_id', 'input_preview', 'output_preview', 'metadata'],
]
const spanColumns = ['tenant_id', 'trace_id', 'id', 'created_at', ...spanFields].join(', ')

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

const sql = {
  // In one order for all, so that replicas wait for each other instead of blocking each other.
  lock: `
    SELECT pg_advisory_xact_lock(number) FROM (
      SELECT hashtextextended(tenant_id || '/' || id, 0) AS number FROM ${keys} ORDER BY number
    ) AS numbered`,
  findKeys: `
    SELECT stored.tenant_id, stored.id, min(stored.created_at) AS created_at, max(stored.run_id) AS run_id FROM ${keys}
    JOIN traces.traces AS stored ON stored.tenant_id = key.tenant_id AND stored.id = key.id
    GROUP BY stored.tenant_id, stored.id`,
  removeSpans: `
    DELETE FROM traces.spans AS stored USING ${keys}
    WHERE stored.tenant_id = key.tenant_id AND stored.trace_id = key.id`,
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
    INSERT INTO traces.spans AS stored (${spanColumns})
    SELECT ${spanColumns} FROM json_populate_recordset(NULL::traces.spans, $1::json)
    ON CONFLICT (tenant_id, trace_id, id, created_at) DO UPDATE SET
      ${spanFields.map((column) => `${column} = excluded.${column}`).join(', ')}
    WHERE stored.status = 'running' AND excluded.status <> 'running'`,
  stored: `
    SELECT stored.tenant_id, stored.id, stored.created_at, stored.agent_id, stored.parent_trace_id, stored.total_cost
    FROM ${keys} JOIN traces.traces AS stored ON ${sameKey}`,
  storedSpans: `
    SELECT stored.tenant_id, stored.trace_id, stored.span_type, stored.input_tokens, stored.output_tokens,
      stored.total_cost, stored.metadata
    FROM ${keys} JOIN traces.spans AS stored
      ON stored.tenant_id = key.tenant_id AND stored.trace_id = key.id AND stored.created_at = key.created_at`,
  updateTotals: `
    UPDATE traces.traces AS stored SET
      total_input_tokens = key.total_input_tokens, total_output_tokens = key.total_output_tokens,
      total_cost = key.total_cost, span_count = key.span_count, llm_call_count = key.llm_call_count,
      tool_call_count = key.tool_call_count, metadata = coalesce(stored.metadata, '{}') || key.metadata
    FROM ${keys} WHERE ${sameKey}`,
  addMonthlyCosts: `
    INSERT INTO traces.agent_costs_monthly AS stored (tenant_id, agent_id, month, cost_usd)
    SELECT tenant_id, agent_id, month, cost_usd FROM json_populate_recordset(NULL::traces.agent_costs_monthly, $1::json)
    ON CONFLICT (tenant_id, agent_id, month) DO UPDATE SET cost_usd = stored.cost_usd + excluded.cost_usd`,
}

const traceRow = ({ tenantId, recordedAt, trace }: CountedTrace) => ({
  ...trace,
  tenant_id: tenantId,
  tags: trace.tags ?? [],
  recorded_at: recordedAt,
  revision: 0,
})

const spanRows = ({ tenantId, trace, spans }: CountedTrace) =>
  spans.map((span) => ({ ...span, tenant_id: tenantId, trace_id: trace.id, created_at: trace.created_at }))

const toKey = <R extends { created_at: Date }>(row: R) => ({ ...row, created_at: row.created_at.toISOString() })

const sessionOf = (session: Session): IntakeSession => {
  const run = async <R extends Record<string, unknown>>(name: keyof typeof sql, rows: readonly object[]) =>
    (await session.prepared<R>(`intake_${name}`, sql[name], [JSON.stringify(rows)])).rows

  return {
    lock: async (wanted) => void (await run('lock', wanted)),

    findKeys: async (wanted) =>
      (await run<Omit<StoredKey, 'created_at'> & { created_at: Date }>('findKeys', wanted)).map(toKey),

    remove: async (unwanted) => {
      await run('removeSpans', unwanted)
      await run('removeTraces', unwanted)
    },

    upsertTraces: async (traces) => {
      const rows = await run<{ tenant_id: string; id: string; revision: number }>('upsertTraces', traces.map(traceRow))
      return rows.filter(({ revision }) => revision === 0)
    },

    upsertSpans: async (traces) => {
      const rows = traces.flatMap(spanRows)
      if (rows.length > 0) await run('upsertSpans', rows)
    },

    stored: async (wanted) => {
      const traces = await run<Omit<StoredTrace, 'spans' | 'created_at'> & { created_at: Date }>('stored', wanted)
      const spans = await run<CountableSpan & { tenant_id: string; trace_id: string }>('storedSpans', wanted)
      const byTrace = Map.groupBy(spans, ({ tenant_id, trace_id }) => `${tenant_id}/${trace_id}`)
      return traces.map((trace) => ({ ...toKey(trace), spans: byTrace.get(`${trace.tenant_id}/${trace.id}`) ?? [] }))
    },

    updateTotals: async (changes) => {
      const rows = changes.map(({ key: { tenant_id, id, created_at }, totals }) => ({
        tenant_id,
        id,
        created_at,
        ...totals,
      }))
      await run('updateTotals', rows)
    },

    addMonthlyCosts: async (costs) => void (await run('addMonthlyCosts', costs)),
  }
}

export const createIntakeRows = ({ system }: Database): IntakeRows => ({
  transaction: (work) => system.transaction((session) => work(sessionOf(session))),
})
