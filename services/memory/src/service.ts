/** Memory: what agents remember, as documents that are cut, embedded and found again. */
import { ArchivesServiceService } from '@clawmesh/contracts/gen/clawmesh/memory/v1/archives.ts'
import { MemoryServiceService } from '@clawmesh/contracts/gen/clawmesh/memory/v1/memory.ts'
import { composeService, implementRpc, openServiceDb, type Mesh, type Service } from '@clawmesh/chassis'
import { createAgentDirectory } from './agents/directory.ts'
import { createFindRunOwner } from './agents/run-owner.ts'
import { createArchives } from './archives/feature.ts'
import { createChunkSizesOf } from './chunks/chunk-sizes.ts'
import { createChunks } from './chunks/feature.ts'
import type { MemoryConfig } from './config.ts'
import { PrismaClient } from './db/client/client.ts'
import { createDocuments } from './documents/feature.ts'
import { createDocumentRows } from './documents/rows.ts'
import { createEmbeddings } from './embeddings/feature.ts'
import { createEntries } from './entries/feature.ts'
import { createMemoryFiles } from './files/feature.ts'
import { createHeld } from './held/feature.ts'
import { createKnowledgeGraph } from './knowledge-graph/feature.ts'
import { createSearch } from './search/feature.ts'

export const memoryService = (mesh: Mesh, config: MemoryConfig): Service => {
  const log = mesh.log.child({ service: 'memory' })
  const db = openServiceDb(mesh, 'memory', PrismaClient)
  const { database } = db
  const findAgent = createAgentDirectory(mesh)
  const findRunOwner = createFindRunOwner(findAgent)
  const embeddings = createEmbeddings({ mesh, database, config, log, findAgent })
  const { embedder, embedding } = embeddings
  const documentRows = createDocumentRows(db)
  const graph = createKnowledgeGraph({
    mesh,
    db,
    config,
    log,
    embeddings,
    findAgent,
    findRunOwner,
    findDocument: (tenantId, id) => documentRows(tenantId).findById(id),
  })
  const search = createSearch({ mesh, database, config, log, embedder, findAgent, findRunOwner })
  const documents = createDocuments({
    mesh,
    config,
    log,
    rowsOf: documentRows,
    embedding,
    findAgent,
    findRunOwner,
    alsoOfAgent: graph.entities.removeOfAgent,
    learnLater: graph.learnLater,
  })
  const entries = createEntries({ rowsOf: documentRows, documents: documents.documents, findAgent })
  const archives = createArchives({
    db,
    documentsOf: documentRows,
    findAgent,
    chunkSizesOf: createChunkSizesOf(mesh, log),
  })
  const files = createMemoryFiles({ documents: documents.documents, findAgent })
  const held = createHeld(database, log)
  return composeService(mesh, {
    name: 'memory',
    features: [
      search,
      documents,
      createChunks(database, findAgent),
      entries,
      files,
      embeddings,
      held,
      ...graph.features,
    ],
    rpc: [
      implementRpc(MemoryServiceService, { ...documents.rpc, ...search.rpc, ...graph.rpc, ...held.rpc }),
      implementRpc(ArchivesServiceService, archives.rpc),
    ],
    parts: db.parts,
  })
}
