/** Spans in PostgreSQL: traces and spans in partitions of a day, what they used in rows of an hour. */
import type { Logger, Part, ServiceDb } from '@clawmesh/chassis'
import type { TracesConfig } from '../config.ts'
import type { PrismaClient } from '../db/client/client.ts'
import type { PartitionKeeper } from '../partitions/use-cases.ts'
import type { SpanStore } from './port.ts'
import { createAppendRows } from './postgres/append-rows.ts'
import { createAppend } from './postgres/append.ts'
import { createCostRows } from './postgres/cost-rows.ts'
import { createHourRows } from './postgres/hour-rows.ts'
import { createOwnerRows } from './postgres/owner-rows.ts'
import { createPoolCallRows } from './postgres/pool-call-rows.ts'
import { createSessionRows } from './postgres/session-rows.ts'
import { createTraceRows } from './postgres/trace-rows.ts'
import { createUpkeep } from './postgres/upkeep.ts'

interface StoreParts {
  db: ServiceDb<PrismaClient>
  partitions: PartitionKeeper
  config: Pick<TracesConfig, 'retentionDays' | 'usageRetentionDays'>
  log: Logger
}

export const createPostgresSpanStore = ({ db, partitions, config, log }: StoreParts): SpanStore & { part: Part } => {
  // A trace that is told again takes back what it added.
  const usageRetentionDays = Math.max(config.usageRetentionDays, config.retentionDays + 1)
  const written = createAppend({ store: createAppendRows(db.database), partitions, usageRetentionDays })
  return {
    append: written.append,
    of: (tenantId) => {
      const { prisma, sql } = db.forTenant(tenantId)
      return {
        ...createTraceRows(tenantId, prisma, sql),
        owners: createOwnerRows(tenantId, sql),
        poolCalls: createPoolCallRows(tenantId, sql),
        usage: {
          hours: createHourRows(tenantId, sql),
          sessions: createSessionRows(tenantId, sql),
          costs: createCostRows(tenantId, prisma, sql),
        },
        erase: (ids) => written.erase(tenantId, ids),
      }
    },
    part: createUpkeep(written, log),
  }
}
