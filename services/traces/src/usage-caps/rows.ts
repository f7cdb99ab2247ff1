/** Rows of usage caps. A change of them is told to all who make model calls. */
import { MeshError } from '@clawmesh/contracts'
import { event, newId, type ServiceDb } from '@clawmesh/chassis'
import type { PrismaClient } from '../db/client/client.ts'
import type { UsageCap } from './types.ts'
import type { CapRows, Counted } from './use-cases.ts'

/** A cap on one subject, or on the tenant, is listed before it has counted anything. */
const countedSql = `
  WITH counted AS (
    SELECT k.id, coalesce(c.subject, k.subject) AS subject, coalesce(c.settled, 0) AS settled,
      coalesce(c.reserved, 0) AS reserved, coalesce(c.settled, 0) / k.amount AS part
    FROM traces.usage_caps k
    LEFT JOIN traces.usage_counters c ON c.tenant_id = k.tenant_id AND c.cap_id = k.id
      AND c.period_start = CASE k.period WHEN 'day' THEN $2::date ELSE $3::date END
    WHERE k.tenant_id = $1::uuid AND k.enabled AND ($4::uuid IS NULL OR k.id = $4)
      AND (c.cap_id IS NOT NULL OR k.subject <> '' OR k.scope = 'tenant'))
  SELECT matched.total, page.* FROM (
    SELECT count(*) AS total FROM counted WHERE $5::text IS NULL OR subject = $5) AS matched
  LEFT JOIN LATERAL (
    SELECT * FROM counted WHERE $5::text IS NULL OR subject = $5
    ORDER BY part DESC, id, subject LIMIT $6::int OFFSET $7::bigint) AS page ON true`

export const createCapRows =
  (db: ServiceDb<PrismaClient>) =>
  (tenantId: string): CapRows => {
    const { prisma, sql, change } = db.forTenant(tenantId)
    const evict = [{ kind: 'usage_caps', tenantId }] as const

    type Row = Awaited<ReturnType<typeof prisma.usageCap.findMany>>[number]
    const toCap = ({ tenantId: _tenantId, amount, ...row }: Row): UsageCap => ({
      ...row,
      amount: Number(amount),
      scope: row.scope as UsageCap['scope'],
      metric: row.metric as UsageCap['metric'],
      period: row.period as UsageCap['period'],
      mode: row.mode as UsageCap['mode'],
      unknownPrices: row.unknownPrices as UsageCap['unknownPrices'],
    })
    const orderBy = [{ createdAt: 'asc' }, { id: 'asc' }] as const
    const all = async () => (await prisma.usageCap.findMany({ where: { tenantId }, orderBy: [...orderBy] })).map(toCap)

    return {
      all,

      list: async ({ limit: take, offset: skip }) => {
        const [rows, total] = await Promise.all([
          prisma.usageCap.findMany({ where: { tenantId }, orderBy: [...orderBy], take, skip }),
          prisma.usageCap.count({ where: { tenantId } }),
        ])
        return { caps: rows.map(toCap), total }
      },

      find: async (id) => {
        const row = await prisma.usageCap.findFirst({ where: { tenantId, id } })
        return row === null ? undefined : toCap(row)
      },

      insert: (cap, most, actor) =>
        change(async (tx) => {
          if ((await tx.usageCap.count({ where: { tenantId } })) >= most)
            throw new MeshError('ALREADY_EXISTS', 'error.too_many_usage_caps', { limit: most })
          const row = await tx.usageCap.create({ data: { ...cap, id: newId(), tenantId } })
          return { result: toCap(row), events: [event('usageCapCreated', { id: row.id, ...actor })], evict }
        }),

      update: (id, changes, actor) =>
        change(async (tx) => {
          const [row] = await tx.usageCap.updateManyAndReturn({
            where: { id, tenantId },
            data: { ...changes, updatedAt: new Date() },
          })
          if (row === undefined) return { result: undefined }
          const updated = event('usageCapUpdated', { id, changes: Object.keys(changes), ...actor })
          return { result: toCap(row), events: [updated], evict }
        }),

      remove: (id, actor) =>
        change(async (tx) => {
          const { count } = await tx.usageCap.deleteMany({ where: { id, tenantId } })
          if (count === 0) return { result: false }
          return { result: true, events: [event('usageCapDeleted', { id, ...actor })], evict }
        }),

      usedBy: async (capIds, subjects, start) => {
        const { rows } = await sql.query<{ capId: string; subject: string; used: number }>(
          `SELECT cap_id AS "capId", subject, settled + reserved AS used FROM traces.usage_counters
           WHERE tenant_id = $1::uuid AND cap_id = ANY ($2::uuid[]) AND subject = ANY ($3::text[]) AND period_start = $4::date`,
          [tenantId, capIds, subjects, start],
        )
        return rows
      },

      counted: async ({ day, month }, { capId, subject }, { limit, offset }) => {
        type CountedRow = { total: number; id: string | null } & Omit<Counted, 'cap'>
        const values = [tenantId, day, month, capId ?? null, subject ?? null, limit, offset]
        const { rows } = await sql.query<CountedRow>(countedSql, values)
        const caps = new Map((await all()).map((cap) => [cap.id, cap]))
        const counted = rows.flatMap(({ id, total: _total, ...row }) => {
          const cap = caps.get(id ?? '')
          return cap === undefined ? [] : [{ ...row, cap }]
        })
        return { counted, total: rows[0]?.total ?? 0 }
      },
    }
  }
