/** The documents of agents and their users: written, read, cut and embedded, and their end with their agent. */
import type { Feature, Logger, Mesh, ServiceDb } from '@clawmesh/chassis'
import type { FindRunOwner } from '../agents/run-owner.ts'
import type { FindAgent } from '../agents/types.ts'
import { createChunkSizesOf } from '../chunks/chunk-sizes.ts'
import type { MemoryConfig } from '../config.ts'
import type { PrismaClient } from '../db/client/client.ts'
import type { ChunkEmbedding } from '../embeddings/use-cases.ts'
import { createDocumentEvents } from './events.ts'
import { createDocumentHttp } from './http.ts'
import { createDocumentRows } from './rows.ts'
import { createDocumentRpc } from './rpc.ts'
import { createDocumentUseCases } from './use-cases.ts'

interface Parts {
  mesh: Mesh
  db: ServiceDb<PrismaClient>
  config: MemoryConfig
  log: Logger
  embedding: ChunkEmbedding
  findAgent: FindAgent
  findRunOwner: FindRunOwner
  /** Removes what else there is of a deleted agent. */
  alsoOfAgent: (tenantId: string, agentId: string) => Promise<void>
}

export const createDocuments = ({ mesh, db, config, log, embedding, findAgent, findRunOwner, alsoOfAgent }: Parts) => {
  const rows = createDocumentRows(db)
  const documents = createDocumentUseCases({
    rowsOf: rows,
    embedding,
    chunkSizesOf: createChunkSizesOf(mesh, log),
    putEmbedTimeoutMs: config.putEmbedTimeoutMs,
  })
  return {
    documents,
    rows,
    http: createDocumentHttp(documents, findAgent),
    rpc: createDocumentRpc(documents, findRunOwner),
    events: createDocumentEvents(documents, alsoOfAgent),
  } satisfies Feature & { documents: object; rows: object; rpc: object }
}
