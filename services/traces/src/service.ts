/** Traces: what agent runs did and cost, and who changed what, taken in from events and kept for some time. */
import { http } from '@clawmesh/contracts'
import { TracesServiceService } from '@clawmesh/contracts/gen/clawmesh/traces/v1/traces.ts'
import { createBatchConsumer, implementHttp, implementRpc, type Mesh, type Service } from '@clawmesh/chassis'
import type { TracesConfig } from './config.ts'
import { createActivityIntake } from './activity/recording.ts'
import { createIntake } from './intake/use-cases.ts'
import { createPartitionKeeper } from './partitions/use-cases.ts'
import { createPriceTable } from './intake/prices.ts'
import { createTraceQueries } from './traces/use-cases.ts'
import { activityIntake, traceIntake } from './intake/events.ts'
import { createTraceHandlers } from './traces/http.ts'
import { retentionPart } from './partitions/retention.ts'
import { createTracesRpc } from './costs/rpc.ts'
import { createActivityStore } from './activity/rows.ts'
import { createIntakeStore } from './intake/rows.ts'
import { activityPartitions, createPartitionStore, tracePartitions } from './partitions/rows.ts'
import { createTraceReader } from './traces/rows.ts'

const previewLimit = 40_000
const verbosePreviewLimit = 200_000

export const tracesService = (mesh: Mesh, config: TracesConfig): Service => {
  const log = mesh.log.child({ service: 'traces' })
  const database = mesh.database('traces')
  const queries = createTraceQueries(createTraceReader(database))
  const partitions = createPartitionKeeper(createPartitionStore(database, tracePartitions), config.retentionDays, log)
  const activity = createPartitionKeeper(
    createPartitionStore(database, activityPartitions),
    config.activityRetentionDays,
    log,
  )
  const reading = {
    prices: createPriceTable(config.modelPrices),
    previewLimit: config.verbosePreviews ? verbosePreviewLimit : previewLimit,
  }
  const storeTraces = createIntake({ store: createIntakeStore(database), partitions })
  const storeActivity = createActivityIntake({ store: createActivityStore(database), partitions: activity })

  return {
    name: 'traces',
    http: implementHttp(http.traces, createTraceHandlers(queries), mesh.httpParts('traces')),
    rpc: [implementRpc(TracesServiceService, createTracesRpc(queries))],
    parts: [
      { name: 'traces database', ready: database.ping },
      retentionPart([partitions, activity], log),
      createBatchConsumer(mesh, 'traces', traceIntake(config.intakeBatchSize, reading, storeTraces)),
      createBatchConsumer(mesh, 'traces', activityIntake(storeActivity)),
    ],
  }
}
