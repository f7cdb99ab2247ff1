/** Traces: what agent runs did and cost, taken in from events, kept for some days. */
import { http } from '@clawmesh/contracts'
import { TracesServiceService } from '@clawmesh/contracts/gen/clawmesh/traces/v1/traces.ts'
import { implementHttp, implementRpc, type Mesh, type Service } from '@clawmesh/chassis'
import type { TracesConfig } from './config.ts'
import { intake } from './domain/intake.ts'
import { partitionKeeper } from './domain/partitions.ts'
import { priceTable } from './domain/prices.ts'
import { traceQueries } from './domain/queries.ts'
import { intakePart } from './events.ts'
import { traceHandlers } from './http/traces.ts'
import { retentionPart } from './retention.ts'
import { tracesRpc } from './rpc/traces.ts'
import { intakeStore } from './store/intake.ts'
import { partitionStore } from './store/partitions.ts'
import { traceReader } from './store/reader.ts'

const previewLimit = 40_000
const verbosePreviewLimit = 200_000

export const tracesService = (mesh: Mesh, config: TracesConfig): Service => {
  const log = mesh.log.child({ service: 'traces' })
  const database = mesh.database('traces')
  const queries = traceQueries(traceReader(database))
  const partitions = partitionKeeper(partitionStore(database), config.retentionDays, log)
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
      retentionPart(partitions, log),
      intakePart(mesh.bus, config.intakeBatchSize, handle),
    ],
  }
}
