/** Memory: what agents remember, as documents that are cut, embedded and found again. */
import { http } from '@clawmesh/contracts'
import { MemoryServiceService } from '@clawmesh/contracts/gen/clawmesh/memory/v1/memory.ts'
import { implementHttp, implementRpc, outboxPart, type Mesh, type Service } from '@clawmesh/chassis'
import { agentDirectory } from './agents.ts'
import { cachePruner } from './cache-pruner.ts'
import { chunkSizesOf } from './chunk-sizes.ts'
import type { MemoryConfig } from './config.ts'
import { documentUseCases } from './domain/documents.ts'
import { chunkEmbedding } from './domain/embedding.ts'
import { entryUseCases } from './domain/entries.ts'
import { searchUseCase } from './domain/search.ts'
import { embedder as tenantEmbedder } from './embedder.ts'
import { embeddingWorker } from './embedding-worker.ts'
import { forgetDeletedAgents } from './events.ts'
import { documentHandlers } from './http/documents.ts'
import { entryHandlers } from './http/entries.ts'
import { searchHandlers } from './http/search.ts'
import { memoryRpc } from './rpc/memory.ts'
import { memoryStore } from './store/store.ts'
import { vectorIndexing } from './vector-indexing.ts'

export const memoryService = (mesh: Mesh, config: MemoryConfig): Service => {
  const { bus } = mesh
  const log = mesh.log.child({ service: 'memory' })
  const { embedRetryMs, putEmbedTimeoutMs, queryEmbedTimeoutMs, embeddingCacheDays } = config
  const database = mesh.database('memory')
  const outbox = outboxPart(database, mesh)
  const store = memoryStore({ database, published: outbox.poke })
  const findAgent = agentDirectory(mesh)
  const embedder = tenantEmbedder(mesh)
  const indexes = vectorIndexing({ mesh, store, config, log })
  const embedding = chunkEmbedding({ store, embedder, log, retryMs: embedRetryMs })
  const documents = documentUseCases({ store, embedding, chunkSizesOf: chunkSizesOf(mesh, log), putEmbedTimeoutMs })
  const entries = entryUseCases({ store, documents, findAgent })
  const search = searchUseCase({ store, embedder, useIndex: indexes.useIndex, queryEmbedTimeoutMs, log })

  return {
    name: 'memory',
    http: implementHttp(
      http.memory,
      {
        ...documentHandlers(documents, findAgent),
        ...searchHandlers(search, findAgent),
        ...entryHandlers(entries, documents),
      },
      mesh.httpParts('memory'),
    ),
    rpc: [implementRpc(MemoryServiceService, memoryRpc({ documents, search, findAgent }))],
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
