/** Vectors for texts: from the tenant's provider or built in, at once or in the background. */
import type { Database, Feature, Logger, Mesh } from '@clawmesh/chassis'
import type { FindAgent } from '../agents/types.ts'
import { createWaitingChunkRows, tenantsWithWaitingChunks } from '../chunks/rows.ts'
import type { MemoryConfig } from '../config.ts'
import { cachePruner } from './cache-pruner.ts'
import { createEmbedder } from './embedder.ts'
import { createVectorCacheRows, pruneVectorCache } from './rows.ts'
import { createChunkEmbedding } from './use-cases.ts'
import { embeddingWorker } from './worker.ts'

interface Parts {
  mesh: Mesh
  database: Database
  config: MemoryConfig
  log: Logger
  findAgent: FindAgent
}

export const createEmbeddings = ({ mesh, database, config, log, findAgent }: Parts) => {
  const { embedRetryMs, embeddingCacheDays } = config
  const embedder = createEmbedder(mesh)
  const chunksOf = createWaitingChunkRows(database)
  const cacheOf = createVectorCacheRows(database)
  const embedding = createChunkEmbedding({ chunksOf, cacheOf, embedder, log, retryMs: embedRetryMs })
  const waitingTenants = () => tenantsWithWaitingChunks(database)
  return {
    embedder,
    embedding,
    parts: [
      cachePruner(() => pruneVectorCache(database, embeddingCacheDays), log),
      embeddingWorker({ waitingTenants, chunksOf, findAgent, embedding, log, pauseMs: embedRetryMs }),
    ],
  } satisfies Feature & { embedder: object; embedding: object }
}
