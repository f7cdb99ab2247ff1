/** Memory: what agents remember, as documents that are cut, embedded and found again. */
import { http } from '@clawmesh/contracts'
import { MemoryServiceService } from '@clawmesh/contracts/gen/clawmesh/memory/v1/memory.ts'
import { implementHttp, implementRpc, createOutboxPart, type Mesh, type Service } from '@clawmesh/chassis'
import { agentDirectory } from './agents.ts'
import { cachePruner } from './cache-pruner.ts'
import { chunkSizesOf } from './chunk-sizes.ts'
import type { MemoryConfig } from './config.ts'
import { createDocumentUseCases } from './domain/documents.ts'
import { createChunkEmbedding } from './domain/embedding.ts'
import { createEntryUseCases } from './domain/entries.ts'
import { createSearchUseCase } from './domain/search.ts'
import { embedder as tenantEmbedder } from './embedder.ts'
import { embeddingWorker } from './embedding-worker.ts'
import { forgetDeletedAgents } from './events.ts'
import { createDocumentHandlers } from './http/documents.ts'
import { createEntryHandlers } from './http/entries.ts'
import { createSearchHandlers } from './http/search.ts'
import { createMemoryRpc } from './rpc/memory.ts'
import { createMemoryStore } from './store/store.ts'
import { vectorIndexing } from './vector-indexing.ts'

export const memoryService = (mesh: Mesh, config: MemoryConfig): Service => {
  const { bus } = mesh
  const log = mesh.log.child({ service: 'memory' })
  const { embedRetryMs, putEmbedTimeoutMs, queryEmbedTimeoutMs, embeddingCacheDays } = config
  const database = mesh.database('memory')
  const outbox = createOutboxPart(database, mesh)
  const store = createMemoryStore({ database, published: outbox.wakeRelay })
  const findAgent = agentDirectory(mesh)
  const embedder = tenantEmbedder(mesh)
  const indexes = vectorIndexing({ mesh, store, config, log })
  const embedding = createChunkEmbedding({ store, embedder, log, retryMs: embedRetryMs })
  const documents = createDocumentUseCases({
    store,
    embedding,
    chunkSizesOf: chunkSizesOf(mesh, log),
    putEmbedTimeoutMs,
  })
  const entries = createEntryUseCases({ store, documents, findAgent })
  const search = createSearchUseCase({ store, embedder, useIndex: indexes.useIndex, queryEmbedTimeoutMs, log })

  return {
    name: 'memory',
    http: implementHttp(
      http.memory,
      {
        ...createDocumentHandlers(documents, findAgent),
        ...createSearchHandlers(search, findAgent),
        ...createEntryHandlers(entries, documents),
      },
      mesh.httpParts('memory'),
    ),
    rpc: [implementRpc(MemoryServiceService, createMemoryRpc({ documents, search, findAgent }))],
    parts: [
      { name: 'memory database', ready: database.ping },
      outbox,
      indexes.part,
      cachePruner(store, embeddingCacheDays, log),
      forgetDeletedAgents(bus, store, log),
      embeddingWorker({ store, findAgent, embedding, log, pauseMs: embedRetryMs }),
    ],
  }
}
