/** Memory: what agents remember, as documents that are cut, embedded and found again. */
import { http } from '@clawmesh/contracts'
import { MemoryServiceService } from '@clawmesh/contracts/gen/clawmesh/memory/v1/memory.ts'
import {
  createConsumer,
  implementHttp,
  implementRpc,
  createOutboxPart,
  type Mesh,
  type Service,
} from '@clawmesh/chassis'
import { agentDirectory } from './agents/directory.ts'
import { cachePruner } from './embeddings/cache-pruner.ts'
import { chunkSizesOf } from './chunks/chunk-sizes.ts'
import type { MemoryConfig } from './config.ts'
import { createDocumentUseCases } from './documents/use-cases.ts'
import { createChunkEmbedding } from './embeddings/use-cases.ts'
import { createEntryUseCases } from './entries/use-cases.ts'
import { createSearchUseCase } from './search/use-cases.ts'
import { embedder as tenantEmbedder } from './embeddings/embedder.ts'
import { embeddingWorker } from './embeddings/worker.ts'
import { memoryEvents } from './documents/events.ts'
import { createDocumentHandlers } from './documents/http.ts'
import { createEntryHandlers } from './entries/http.ts'
import { createSearchHandlers } from './search/http.ts'
import { createMemoryRpc } from './documents/rpc.ts'
import { createMemoryStore } from './store/store.ts'
import { vectorIndexing } from './search/vector-indexes.ts'

export const memoryService = (mesh: Mesh, config: MemoryConfig): Service => {
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
      createConsumer(mesh, 'memory', memoryEvents(store)),
      embeddingWorker({ store, findAgent, embedding, log, pauseMs: embedRetryMs }),
    ],
  }
}
