/** Vectors for texts: from the tenant's provider or built in, at once or in the background. */
import type { Database, Feature, Logger, Mesh } from '@clawmesh/chassis'
import type { FindAgent } from '../agents/types.ts'
import { chunkTermsPart } from '../chunks/terms.ts'
import type { MemoryConfig } from '../config.ts'
import { hashingAlone, withSentences } from './built-in.ts'
import { cachePruner } from './cache-pruner.ts'
import { createEmbedder } from './embedder.ts'
import { createVectorCacheRows, pruneVectorCache } from './rows.ts'
import { createSentenceModel } from './sentence-model.ts'
import { createChunkEmbedding } from './use-cases.ts'
import { chunkVectors, createWaitingRows, tenantsWithWaiting, type Embeddable } from './waiting-rows.ts'
import { embeddingWorker } from './worker.ts'

interface Parts {
  mesh: Mesh
  database: Database
  config: MemoryConfig
  log: Logger
  findAgent: FindAgent
}

export const createEmbeddings = ({ mesh, database, config, log, findAgent }: Parts) => {
  const { embedRetryMs, embeddingCacheDays, sentenceModel } = config
  const sentences = sentenceModel === undefined ? undefined : createSentenceModel({ folder: sentenceModel })
  const embedder = createEmbedder(mesh, sentences === undefined ? hashingAlone : withSentences(sentences))
  const cacheOf = createVectorCacheRows(database)

  /** What gives the rows of a table their vectors: at once, and the part that sees to those which wait. */
  const of = (embeddable: Embeddable) => {
    const chunksOf = createWaitingRows(database, embeddable)
    const embedding = createChunkEmbedding({ chunksOf, cacheOf, embedder, log, retryMs: embedRetryMs })
    const waitingTenants = () => tenantsWithWaiting(database, embeddable)
    return {
      embedding,
      worker: embeddingWorker({
        name: embeddable.table,
        waitingTenants,
        chunksOf,
        findAgent,
        embedding,
        log,
        pauseMs: embedRetryMs,
      }),
    }
  }

  const ofChunks = of(chunkVectors)
  return {
    embedder,
    embedding: ofChunks.embedding,
    of,
    parts: [
      ...(sentences === undefined ? [] : [sentences.part]),
      cachePruner(() => pruneVectorCache(database, embeddingCacheDays), log),
      chunkTermsPart(database, log),
      ofChunks.worker,
    ],
  } satisfies Feature & { embedder: object; embedding: object; of: object }
}

export type Embeddings = ReturnType<typeof createEmbeddings>
