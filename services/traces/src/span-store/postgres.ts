/** Spans in PostgreSQL: traces and spans in partitions of a day, what they used in rows of an hour. */
import type { Logger, Part, ServiceDb } from '@clawmesh/chassis'
import { configuredBucket, type BucketConfig } from '@clawmesh/chassis/bucket'
import type { TracesConfig } from '../config.ts'
import type { PrismaClient } from '../db/client/client.ts'
import { days } from '../partitions/calendar.ts'
import { isExpired, type PartitionKeeper } from '../partitions/use-cases.ts'
import { createBodiesStore } from './bodies.ts'
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

/** How long object storage may take: the intake waits for it. */
const bucketAnswerMs = 5_000

interface StoreParts {
  db: ServiceDb<PrismaClient>
  partitions: PartitionKeeper
  config: Pick<TracesConfig, 'retentionDays' | 'usageRetentionDays' | keyof BucketConfig>
  log: Logger
}

export const createPostgresSpanStore = ({ db, partitions, config, log }: StoreParts): SpanStore & { part: Part } => {
  // A trace that is told again takes back what it added.
  const usageRetentionDays = Math.max(config.usageRetentionDays, config.retentionDays + 1)
  const bucket = configuredBucket(config, bucketAnswerMs)
  const bodies =
    bucket && createBodiesStore(bucket, (err) => log.warn({ err }, 'long texts of spans could not be kept apart'))
  const written = createAppend({ store: createAppendRows(db.database), partitions, usageRetentionDays, bodies })
  const isOver = (day: string) => isExpired(days, day, Date.now(), config.retentionDays)
  return {
    append: written.append,
    of: (tenantId) => {
      const { prisma, sql } = db.forTenant(tenantId)
      return {
        ...createTraceRows(tenantId, prisma, sql, bodies),
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
    part: createUpkeep(written, async () => bodies?.dropDays(isOver), log),
  }
}
