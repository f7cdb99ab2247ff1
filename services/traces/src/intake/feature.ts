/** Takes in the traces of all runs: cleaned, priced, counted and written in batches. */
import { createBatchConsumer, type Database, type Feature, type Mesh } from '@clawmesh/chassis'
import type { TracesConfig } from '../config.ts'
import type { PartitionKeeper } from '../partitions/use-cases.ts'
import { traceIntake } from './events.ts'
import { createPriceTable } from './prices.ts'
import { createIntakeRows } from './rows.ts'
import { createIntakeUseCase } from './use-cases.ts'

const previewLimit = 40_000
const verbosePreviewLimit = 200_000

interface Parts {
  mesh: Mesh
  database: Database
  partitions: PartitionKeeper
  config: TracesConfig
}

export const createIntake = ({ mesh, database, partitions, config }: Parts): Feature => {
  const reading = {
    prices: createPriceTable(config.modelPrices),
    previewLimit: config.verbosePreviews ? verbosePreviewLimit : previewLimit,
  }
  const store = createIntakeUseCase({ store: createIntakeRows(database), partitions })
  return { parts: [createBatchConsumer(mesh, 'traces', traceIntake(config.intakeBatchSize, reading, store))] }
}
