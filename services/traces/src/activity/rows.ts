/** The rows of the activity log: read by tenant, written for all tenants at once. */
import type { Database } from '@clawmesh/chassis'
import type { PrismaOf } from '../prisma.ts'
import type { ActivityRecordRows } from './recording.ts'
import type { ActivityRows } from './use-cases.ts'

const toLog = <R extends { details: unknown }>(row: R) => ({
  ...row,
  details: row.details as Record<string, unknown> | null,
})

export const createActivityRows =
  (prismaOf: PrismaOf) =>
  (tenantId: string): ActivityRows => ({
    list: async ({ limit, offset, ...filter }) => {
      const { activityLog } = prismaOf(tenantId)
      const where = { ...filter, tenantId }
      const total = await activityLog.count({ where })
      if (offset >= total) return { logs: [], total }
      const rows = await activityLog.findMany({
        where,
        orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
        take: limit,
        skip: offset,
      })
      return { logs: rows.map(toLog), total }
    },

    after: async ({ from, to, ...filter }, last, limit) => {
      const createdAt = last === undefined ? undefined : new Date(last.createdAt)
      const behind =
        createdAt === undefined
          ? {}
          : {
              // An index is read from here on, which it would not be for the alternatives alone.
              createdAt: { lte: createdAt },
              OR: [{ createdAt: { lt: createdAt } }, { createdAt, id: { lt: last!.id } }],
            }
      const rows = await prismaOf(tenantId).activityLog.findMany({
        where: { ...filter, tenantId, AND: [{ createdAt: { gte: from, lt: to } }, behind] },
        orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
        take: limit,
      })
      return rows.map(toLog)
    },
  })

const columns = 'tenant_id, id, created_at, actor_type, actor_id, action, entity_type, entity_id, details, ip_address'

export const createActivityRecordRows = ({ system }: Database): ActivityRecordRows => ({
  add: async (records) => {
    await system.prepared(
      'activity_add',
      `INSERT INTO traces.activity_logs (${columns})
       SELECT ${columns} FROM json_populate_recordset(NULL::traces.activity_logs, $1::json)
       ON CONFLICT (tenant_id, id, created_at) DO NOTHING`,
      [JSON.stringify(records)],
    )
  },
})
