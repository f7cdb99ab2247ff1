/** Takes in the traces of all runs: cleaned, priced, counted and written in batches. */
import { createBatchConsumer, type Feature, type Mesh } from '@clawmesh/chassis'
import type { TracesConfig } from '../config.ts'
import type { SpanStore } from '../span-store/port.ts'
import { traceIntake } from './events.ts'
import type { PricesOf } from '../model-pricing/feature.ts'
import type { RunExporter } from '../run-export/exporter.ts'
import { createPricing } from './pricing.ts'
import { createTellStored } from './tell-stored.ts'
import type { TraceReport } from './types.ts'

const previewLimit = 40_000
const verbosePreviewLimit = 200_000

interface Parts {
  mesh: Mesh
  spans: Pick<SpanStore, 'append'>
  config: TracesConfig
  pricesOf: PricesOf
  /** Gets what is stored of own runs; absent where nobody wants it. */
  exporter: Pick<RunExporter, 'offer'> | undefined
}

/** What other ways in share with this one. */
export interface Intake extends Feature {
  /** Characters of a preview that are kept. */
  previewLimit: number
  /** Puts costs to traces and stores them. */
  store: (batch: readonly TraceReport[]) => Promise<void>
}

export const createIntake = ({ mesh, spans, config, pricesOf, exporter }: Parts): Intake => {
  const kept = config.verbosePreviews ? verbosePreviewLimit : previewLimit
  const priced = createPricing(pricesOf)
  const tellStored = createTellStored(mesh.bus)
  const append = async (reports: readonly TraceReport[]) => {
    await spans.append(reports)
    tellStored(reports)
  }
  const intake = traceIntake(config.intakeBatchSize, kept, async (batch) => {
    const reports = await priced(batch)
    await append(reports)
    exporter?.offer(reports)
  })
  return {
    previewLimit: kept,
    store: async (batch) => append(await priced(batch)),
    parts: [createBatchConsumer(mesh, 'traces', intake)],
  }
}
