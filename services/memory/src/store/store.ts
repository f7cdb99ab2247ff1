/** All that knows memory's tables. */
import type { Database } from '@clawmesh/chassis'
import { chunkStore, tenantsWithWaitingChunks } from './chunks.ts'
import { PrismaClient } from './client/client.ts'
import { documentStore } from './documents.ts'
import { searchStore } from './search.ts'
import { pruneVectorCache, vectorCache } from './vector-cache.ts'
import { createVectorIndex, isEmbeddedDatabase } from './vector-index.ts'
import { writeStore } from './write.ts'

interface StoreParts {
  database: Database
  /** Called after each committed transaction that wrote an event. */
  published: () => void
}

/** Memory's repositories; nearly all are of one tenant. */
export const memoryStore = ({ database, published }: StoreParts) => {
  const client = new PrismaClient(database.tenantClientOptions)
  return {
    documents: documentStore((tenantId) => database.clientOf(client, tenantId)),
    write: writeStore(database, published),
    chunks: chunkStore(database),
    search: searchStore(database),
    vectorCache: vectorCache(database),
    pruneVectorCache: (days: number) => pruneVectorCache(database, days),
    tenantsWithWaitingChunks: () => tenantsWithWaitingChunks(database),
    createVectorIndex: (dims: number, signal: AbortSignal) => createVectorIndex(database, dims, signal),
    isEmbeddedDatabase: () => isEmbeddedDatabase(database),
  }
}

export type MemoryStore = ReturnType<typeof memoryStore>
