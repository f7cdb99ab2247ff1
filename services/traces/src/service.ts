/** Traces: what agent runs did and cost, and who changed what, taken in from events and kept for some time. */
import { http } from '@clawmesh/contracts'
import { TracesServiceService } from '@clawmesh/contracts/gen/clawmesh/traces/v1/traces.ts'
import { implementHttp, implementRpc, type Mesh, type Service } from '@clawmesh/chassis'
import type { TracesConfig } from './config.ts'
import { createActivityIntake } from './domain/activity.ts'
import { createIntake } from './domain/intake.ts'
import { createPartitionKeeper } from './domain/partitions.ts'
import { createPriceTable } from './domain/prices.ts'
import { createTraceQueries } from './domain/queries.ts'
import { activityPart, intakePart } from './events.ts'
import { createTraceHandlers } from './http/traces.ts'
import { retentionPart } from './retention.ts'
import { createTracesRpc } from './rpc/traces.ts'
import { createActivityStore } from './store/activity.ts'
import { createIntakeStore } from './store/intake.ts'
import { activityPartitions, createPartitionStore, tracePartitions } from './store/partitions.ts'
import { createTraceReader } from './store/reader.ts'

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
  const handle = createIntake({
    store: createIntakeStore(database),
    partitions,
    reading: {
      prices: createPriceTable(config.modelPrices),
      previewLimit: config.verbosePreviews ? verbosePreviewLimit : previewLimit,
    },
    log,
  })

  return {
    name: 'traces',
    http: implementHttp(http.traces, createTraceHandlers(queries), mesh.httpParts('traces')),
    rpc: [implementRpc(TracesServiceService, createTracesRpc(queries))],
    parts: [
      { name: 'traces database', ready: database.ping },
      retentionPart([partitions, activity], log),
      intakePart(mesh.bus, config.intakeBatchSize, handle),
      activityPart(mesh.bus, createActivityIntake({ store: createActivityStore(database), partitions: activity, log })),
    ],
  }
}
