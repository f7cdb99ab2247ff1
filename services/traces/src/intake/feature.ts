/** Takes in the traces of all runs: cleaned, priced, counted and written in batches. */
import { createBatchConsumer, type Database, type Feature, type Mesh } from '@clawmesh/chassis'
import type { TracesConfig } from '../config.ts'
import type { PartitionKeeper } from '../partitions/use-cases.ts'
import { traceIntake } from './events.ts'
import type { RunExporter } from '../run-export/exporter.ts'
import { createPriceTable } from './prices.ts'
import type { ReadingOptions } from './read-event.ts'
import { createIntakeRows } from './rows.ts'
import type { TraceReport } from './types.ts'
import { createIntakeUseCase } from './use-cases.ts'

const previewLimit = 40_000
const verbosePreviewLimit = 200_000

interface Parts {
  mesh: Mesh
  database: Database
  partitions: PartitionKeeper
  config: TracesConfig
  /** Gets what is stored of own runs; absent where nobody wants it. */
  exporter: Pick<RunExporter, 'offer'> | undefined
}

/** What other ways in share with this one. */
export interface Intake extends Feature {
  reading: ReadingOptions
  store: (batch: readonly TraceReport[]) => Promise<void>
}

export const createIntake = ({ mesh, database, partitions, config, exporter }: Parts): Intake => {
  const reading = {
    prices: createPriceTable(config.modelPrices),
    previewLimit: config.verbosePreviews ? verbosePreviewLimit : previewLimit,
  }
  const store = createIntakeUseCase({ store: createIntakeRows(database), partitions })
  const storeAndExport = async (batch: readonly TraceReport[]): Promise<void> => {
    await store(batch)
    exporter?.offer(batch)
  }
  return {
    reading,
    store,
    parts: [createBatchConsumer(mesh, 'traces', traceIntake(config.intakeBatchSize, reading, storeAndExport))],
  }
}
