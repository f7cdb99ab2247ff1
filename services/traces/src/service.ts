/** Traces: what agent runs did and cost, and who changed what, taken in from events and kept for some time. */
import { http } from '@clawmesh/contracts'
import { TracesServiceService } from '@clawmesh/contracts/gen/clawmesh/traces/v1/traces.ts'
import { implementHttp, implementRpc, type Mesh, type Service } from '@clawmesh/chassis'
import type { TracesConfig } from './config.ts'
import { activityIntake } from './domain/activity.ts'
import { intake } from './domain/intake.ts'
import { partitionKeeper } from './domain/partitions.ts'
import { priceTable } from './domain/prices.ts'
import { traceQueries } from './domain/queries.ts'
import { activityPart, intakePart } from './events.ts'
import { traceHandlers } from './http/traces.ts'
import { retentionPart } from './retention.ts'
import { tracesRpc } from './rpc/traces.ts'
import { activityStore } from './store/activity.ts'
import { intakeStore } from './store/intake.ts'
import { activityPartitions, partitionStore, tracePartitions } from './store/partitions.ts'
import { traceReader } from './store/reader.ts'

const previewLimit = 40_000
const verbosePreviewLimit = 200_000

export const tracesService = (mesh: Mesh, config: TracesConfig): Service => {
  const log = mesh.log.child({ service: 'traces' })
  const database = mesh.database('traces')
  const queries = traceQueries(traceReader(database))
  const partitions = partitionKeeper(partitionStore(database, tracePartitions), config.retentionDays, log)
  const activity = partitionKeeper(partitionStore(database, activityPartitions), config.activityRetentionDays, log)
  const handle = intake({
    store: intakeStore(database),
    partitions,
    reading: {
      prices: priceTable(config.modelPrices),
      previewLimit: config.verbosePreviews ? verbosePreviewLimit : previewLimit,
    },
    log,
  })

  return {
    name: 'traces',
    http: implementHttp(http.traces, traceHandlers(queries), mesh.httpParts('traces')),
    rpc: [implementRpc(TracesServiceService, tracesRpc(queries))],
    parts: [
      { name: 'traces database', ready: database.ping },
      retentionPart([partitions, activity], log),
      intakePart(mesh.bus, config.intakeBatchSize, handle),
      activityPart(mesh.bus, activityIntake({ store: activityStore(database), partitions: activity, log })),
    ],
  }
}
