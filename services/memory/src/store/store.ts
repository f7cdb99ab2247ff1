/** All that knows memory's tables. */
import type { Database } from '@clawmesh/chassis'
import { createChunkStore, tenantsWithWaitingChunks } from './chunks.ts'
import { PrismaClient } from './client/client.ts'
import { createDocumentStore } from './documents.ts'
import { createSearchStore } from './search.ts'
import { pruneVectorCache, createVectorCache } from './vector-cache.ts'
import { createVectorIndex, isEmbeddedDatabase } from './vector-index.ts'
import { createWriteStore } from './write.ts'

interface StoreParts {
  database: Database
  /** Called after each committed transaction that wrote an event. */
  published: () => void
}

/** Memory's repositories; nearly all are of one tenant. */
export const createMemoryStore = ({ database, published }: StoreParts) => {
  const client = new PrismaClient(database.tenantClientOptions)
  return {
    documents: createDocumentStore((tenantId) => database.clientOf(client, tenantId)),
    write: createWriteStore(database, published),
    chunks: createChunkStore(database),
    search: createSearchStore(database),
    vectorCache: createVectorCache(database),
    pruneVectorCache: (days: number) => pruneVectorCache(database, days),
    tenantsWithWaitingChunks: () => tenantsWithWaitingChunks(database),
    createVectorIndex: (dims: number, signal: AbortSignal) => createVectorIndex(database, dims, signal),
    isEmbeddedDatabase: () => isEmbeddedDatabase(database),
  }
}

export type MemoryStore = ReturnType<typeof createMemoryStore>
