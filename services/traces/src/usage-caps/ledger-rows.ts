/**
 * The ledger: counters of caps, and what model calls under way have reserved of them. Each step is one statement that locks
 * the counters in one order, reads them as they are by then, and writes them.
 */
import { event, type ServiceDb } from '@clawmesh/chassis'
import type { PrismaClient } from '../db/client/client.ts'
import { renewsAt } from './matching.ts'
import type { Ledger, Refusal } from './ledger.ts'
import type { Hold, UsageCap } from './types.ts'

const holdFields = `cap_id uuid, subject text, period_start date, metric text, held numeric`

/** `$1`: the tenant, `$2`: holds. Whose cap is gone meanwhile gets no counter. */
const makeCountersSql = `
  INSERT INTO traces.usage_counters (tenant_id, cap_id, subject, period_start)
  SELECT $1::uuid, h.cap_id, h.subject, h.period_start
  FROM jsonb_to_recordset($2::jsonb) AS h(${holdFields})
  JOIN traces.usage_caps k ON k.tenant_id = $1::uuid AND k.id = h.cap_id
  ON CONFLICT DO NOTHING`

/**
 * `$1`: the tenant, `$2`: holds, `$3`: the reservation, `$4`: seconds that it lasts. Reserves of all counters or of none,
 * and gives the counters as they were.
 */
const reserveSql = `
  WITH wanted AS (
    SELECT * FROM jsonb_to_recordset($2::jsonb) AS h(${holdFields})
  ), locked AS (
    SELECT c.cap_id, c.subject, c.period_start, c.settled, c.reserved, w.held, k.amount, k.mode
    FROM wanted w
    JOIN traces.usage_caps k ON k.tenant_id = $1::uuid AND k.id = w.cap_id
    JOIN traces.usage_counters c ON c.tenant_id = $1::uuid AND c.cap_id = w.cap_id
      AND c.subject = w.subject AND c.period_start = w.period_start
    ORDER BY c.cap_id, c.subject, c.period_start
    FOR UPDATE OF c
  ), verdict AS (
    SELECT count(*) = (SELECT count(*) FROM wanted) AS complete,
      coalesce(bool_and(mode <> 'hard' OR settled + reserved < amount), true) AS fits
    FROM locked
  ), held AS (
    UPDATE traces.usage_counters c SET reserved = l.reserved + l.held
    FROM locked l, verdict v
    WHERE v.complete AND v.fits AND c.tenant_id = $1::uuid AND c.cap_id = l.cap_id
      AND c.subject = l.subject AND c.period_start = l.period_start
  ), kept AS (
    INSERT INTO traces.usage_reservations (tenant_id, id, expires_at, holds)
    SELECT $1::uuid, $3::uuid, now() + make_interval(secs => $4::float8), $2::jsonb
    FROM verdict v WHERE v.complete AND v.fits
  )
  SELECT v.complete, v.fits, l.cap_id AS "capId", l.subject, l.settled, l.reserved, l.amount, l.mode
  FROM verdict v LEFT JOIN locked l ON true`

/**
 * `$1`: the tenant, `$2`: the reservation, `$3`: US dollars, `$4`: tokens, `$5`: whether it counts as a run; null for what it
 * holds itself. What an expired reservation was counted with is taken back.
 */
const settleSql = (take: string): string => `
  WITH taken AS (${take}
  ), wanted AS (
    SELECT h.*, t.was_counted,
      CASE h.metric WHEN 'cost' THEN coalesce($3::numeric, h.held) WHEN 'tokens' THEN coalesce($4::numeric, h.held)
        ELSE CASE WHEN coalesce($5::boolean, true) THEN h.held ELSE 0 END END AS spent
    FROM taken t, jsonb_to_recordset(t.holds) AS h(${holdFields})
  ), locked AS (
    SELECT c.cap_id, c.subject, c.period_start, c.told,
      CASE WHEN w.was_counted THEN c.reserved ELSE greatest(c.reserved - w.held, 0) END AS reserved,
      CASE WHEN w.was_counted THEN greatest(c.settled - w.held, 0) ELSE c.settled END + w.spent AS settled
    FROM wanted w
    JOIN traces.usage_counters c ON c.tenant_id = $1::uuid AND c.cap_id = w.cap_id
      AND c.subject = w.subject AND c.period_start = w.period_start
    ORDER BY c.cap_id, c.subject, c.period_start
    FOR UPDATE OF c
  ), settled AS (
    UPDATE traces.usage_counters c SET reserved = l.reserved, settled = l.settled,
      told = greatest(l.told, CASE WHEN l.settled >= k.amount THEN 100 WHEN l.settled >= k.amount * 0.8 THEN 80
        WHEN l.settled >= k.amount * 0.5 THEN 50 ELSE 0 END)
    FROM locked l JOIN traces.usage_caps k ON k.tenant_id = $1::uuid AND k.id = l.cap_id
    WHERE c.tenant_id = $1::uuid AND c.cap_id = l.cap_id AND c.subject = l.subject
      AND c.period_start = l.period_start
    RETURNING c.cap_id AS id, c.subject, to_char(c.period_start, 'YYYY-MM-DD') AS "periodStart", c.settled AS used,
      l.told AS before, c.told AS percent, k.scope, k.metric, k.period, k.mode, k.amount
  )
  SELECT s.* FROM taken t LEFT JOIN settled s ON true`

const endSql = settleSql(`
    DELETE FROM traces.usage_reservations WHERE tenant_id = $1::uuid AND id = $2::uuid
    RETURNING holds, expired AS was_counted`)
const expireSql = settleSql(`
    UPDATE traces.usage_reservations SET expired = true
    WHERE tenant_id = $1::uuid AND id = $2::uuid AND NOT expired AND expires_at < now()
    RETURNING holds, false AS was_counted`)

/** Reservations that ended by their time are kept for late ends, counters for reports. */
const forgetSql = [
  `DELETE FROM traces.usage_reservations WHERE expired AND expires_at < now() - interval '2 days'`,
  `DELETE FROM traces.usage_counters WHERE period_start < current_date - 400`,
]

interface LockedCounter extends Refusal {
  capId: string
  mode: string
}

type Settled = {
  id: string | null
  subject: string
  periodStart: string
  used: number
  before: number
  percent: 0 | 50 | 80 | 100
} & Pick<UsageCap, 'scope' | 'metric' | 'period' | 'mode' | 'amount'>

const holdsJson = (holds: readonly Hold[]): string =>
  JSON.stringify(
    holds.map(({ capId, subject, periodStart, metric, held }) => ({
      cap_id: capId,
      subject,
      period_start: periodStart,
      metric,
      held,
    })),
  )

const reachedEvents = (settled: readonly Settled[]) =>
  settled.flatMap(({ id, before, percent, periodStart, ...row }) =>
    id === null || percent <= before || percent === 0
      ? []
      : [event('usageCapReached', { ...row, id, percent, renewsAt: renewsAt(row.period, periodStart).toISOString() })],
  )

export const createLedger = (db: ServiceDb<PrismaClient>): Ledger => {
  const settle = (tenantId: string, statement: string, values: readonly unknown[]): Promise<boolean> =>
    db.forTenant(tenantId).changeSql(async (session) => {
      const { rows } = await session.query<Settled>(statement, [tenantId, ...values])
      return { result: rows.length > 0, events: reachedEvents(rows) }
    })

  return {
    reserve: async (tenantId, id, holds, leaseMs) => {
      const { sql } = db.forTenant(tenantId)
      const json = holdsJson(holds)
      type Row = LockedCounter & { complete: boolean; fits: boolean }
      const attempt = () => sql.prepared<Row>('reserve_usage', reserveSql, [tenantId, json, id, leaseMs / 1_000])
      let { rows } = await attempt()
      if (!rows[0]!.complete) {
        await sql.query(makeCountersSql, [tenantId, json])
        rows = (await attempt()).rows
      }
      const [{ complete, fits }] = rows as [Row]
      if (!complete) return 'changed'
      if (fits) return 'reserved'
      const full = rows.filter(({ mode, settled, reserved, amount }) => mode === 'hard' && settled + reserved >= amount)
      return full.find(({ settled, amount }) => settled >= amount) ?? full[0]!
    },

    settle: (tenantId, id, { cost, tokens, isRun }) => settle(tenantId, endSql, [id, cost, tokens, isRun]),

    expire: async (most) => {
      const { rows } = await db.system.sql.query<{ tenantId: string; id: string }>(
        `SELECT tenant_id AS "tenantId", id FROM traces.usage_reservations
         WHERE NOT expired AND expires_at < now() ORDER BY expires_at LIMIT $1`,
        [most],
      )
      let expired = 0
      for (const { tenantId, id } of rows) if (await settle(tenantId, expireSql, [id, null, null, null])) expired++
      return expired
    },

    forget: async () => {
      for (const statement of forgetSql) await db.system.sql.query(statement)
    },
  }
}
