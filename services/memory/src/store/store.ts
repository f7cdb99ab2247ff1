/** All that knows memory's tables. */
import type { Database } from '@clawmesh/chassis'
import { createChunkStore, tenantsWithWaitingChunks } from '../chunks/rows.ts'
import { PrismaClient } from '../db/client/client.ts'
import { createDocumentStore } from './documents.ts'
import { createSearchStore } from '../search/rows.ts'
import { pruneVectorCache, createVectorCache } from '../embeddings/rows.ts'
import { createVectorIndex, isEmbeddedDatabase } from '../search/index-rows.ts'
import { createWriteStore } from '../documents/rows.ts'

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
