/** Keeps the partitions of traces and of the activity log in step with time. */
import type { Database, Logger } from '@clawmesh/chassis'
import type { TracesConfig } from '../config.ts'
import { retentionPart } from './retention.ts'
import { activityPartitions, createPartitionRows, tracePartitions } from './rows.ts'
import { createPartitionKeeper } from './use-cases.ts'

export const createPartitions = (database: Database, config: TracesConfig, log: Logger) => {
  const { retentionDays, activityRetentionDays } = config
  const traces = createPartitionKeeper(createPartitionRows(database, tracePartitions), retentionDays, log)
  const activity = createPartitionKeeper(createPartitionRows(database, activityPartitions), activityRetentionDays, log)
  return { traces, activity, parts: [retentionPart([traces, activity], log)] }
}
