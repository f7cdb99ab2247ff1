/** What agents know as a graph: entities and relations, written, extracted, found, walked, and rid of duplicates. */
import { ProvidersServiceService } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import { createJobQueue, type Feature, type JobData, type Logger, type Mesh, type ServiceDb } from '@clawmesh/chassis'
import type { FindRunOwner } from '../agents/run-owner.ts'
import type { FindAgent } from '../agents/types.ts'
import type { MemoryConfig } from '../config.ts'
import type { PrismaClient } from '../db/client/client.ts'
import type { MemoryDocument } from '../documents/types.ts'
import type { Embeddings } from '../embeddings/feature.ts'
import { createHybridRows } from '../hybrid/rows.ts'
import { createCandidateSearch } from '../hybrid/use-cases.ts'
import { createDedupHttp } from './dedup/http.ts'
import { createDedupRows } from './dedup/rows.ts'
import { createDedupUseCases } from './dedup/use-cases.ts'
import { createEntityHttp } from './entities/http.ts'
import { createEntityRows } from './entities/rows.ts'
import { createEntityUseCases } from './entities/use-cases.ts'
import { createExtractor } from './extract/extractor.ts'
import { createExtractHttp } from './extract/http.ts'
import { graphJobHandlers, graphJobs } from './extract/jobs.ts'
import { createLearnFromDocument } from './extract/learn.ts'
import { createIngestRows } from './extract/rows.ts'
import { createExtractUseCase } from './extract/use-cases.ts'
import { createGraphHttp } from './graph/http.ts'
import { createGraphRows } from './graph/rows.ts'
import { createGraphUseCases } from './graph/use-cases.ts'
import { createGraphRpc } from './rpc.ts'
import { entityColumns, entityVectors } from './sql.ts'
import type { Entity } from './types.ts'

interface Parts {
  mesh: Mesh
  db: ServiceDb<PrismaClient>
  config: MemoryConfig
  log: Logger
  embeddings: Embeddings
  findAgent: FindAgent
  findRunOwner: FindRunOwner
  findDocument: (tenantId: string, id: string) => Promise<MemoryDocument | undefined>
}

export const createKnowledgeGraph = ({
  mesh,
  db,
  config,
  log,
  embeddings,
  findAgent,
  findRunOwner,
  findDocument,
}: Parts) => {
  const { queryEmbedTimeoutMs, putEmbedTimeoutMs } = config
  const { embedder } = embeddings
  const { embedding, worker } = embeddings.of(entityVectors)
  const candidates = createCandidateSearch({
    rowsOf: createHybridRows<Entity>(db.database, 'memory.kg_entities', entityColumns('c')),
    embedder,
    queryEmbedTimeoutMs,
    log,
  })
  const entities = createEntityUseCases({ rowsOf: createEntityRows(db), candidates, embedding, putEmbedTimeoutMs })
  const graph = createGraphUseCases({ rowsOf: createGraphRows(db.database) })
  const dedup = createDedupUseCases({ rowsOf: createDedupRows(db), log })
  const extract = createExtractUseCase({
    rowsOf: createIngestRows(db),
    extractor: createExtractor(mesh.client(ProvidersServiceService).chat, log),
    dedup,
    embedding,
    embedTimeoutMs: putEmbedTimeoutMs,
  })
  const jobs = createJobQueue(db.database, graphJobs)
  const learn = createLearnFromDocument({ findDocument, findAgent, extract })
  return {
    entities,
    rpc: createGraphRpc({ entities, graph, findRunOwner }),
    /** Has the graph of a user learn from a document, in the background. */
    learnLater: (tenantId: string, data: JobData<typeof graphJobs, 'extractDocument'>): Promise<void> =>
      jobs.add(tenantId, 'extractDocument', data, { key: `${data.documentId} ${data.userId}` }),
    features: [
      { http: createEntityHttp(entities, findAgent), parts: [worker] },
      { http: createGraphHttp(graph, findAgent) },
      { http: createExtractHttp(extract, findAgent), jobs: jobs.implementedBy(graphJobHandlers(learn)) },
      { http: createDedupHttp(dedup, findAgent) },
    ] satisfies Feature[],
  }
}
