/** Finds chunks by their words and by their meaning, through an index where an agent has many. */
import type { Database, Feature, Logger, Mesh } from '@clawmesh/chassis'
import type { FindRunOwner } from '../agents/run-owner.ts'
import type { FindAgent } from '../agents/types.ts'
import type { MemoryConfig } from '../config.ts'
import type { Embedder } from '../embeddings/types.ts'
import { createSearchHttp } from './http.ts'
import { createVectorIndex, isEmbeddedDatabase } from './index-rows.ts'
import { createSearchRows } from './rows.ts'
import { createSearchRpc } from './rpc.ts'
import { createSearchUseCase } from './use-cases.ts'
import { createVectorIndexes } from './vector-indexes.ts'

interface Parts {
  mesh: Mesh
  database: Database
  config: MemoryConfig
  log: Logger
  embedder: Embedder
  findAgent: FindAgent
  findRunOwner: FindRunOwner
}

export const createSearch = ({ mesh, database, config, log, embedder, findAgent, findRunOwner }: Parts) => {
  const rowsOf = createSearchRows(database)
  const indexes = createVectorIndexes({
    mesh,
    rowsOf,
    createIndex: (dims, signal) => createVectorIndex(database, dims, signal),
    isEmbeddedDatabase: () => isEmbeddedDatabase(database),
    config,
    log,
  })
  const { queryEmbedTimeoutMs } = config
  const search = createSearchUseCase({ rowsOf, embedder, useIndex: indexes.useIndex, queryEmbedTimeoutMs, log })
  return {
    http: createSearchHttp(search, findAgent),
    rpc: createSearchRpc(search, findRunOwner),
    parts: [indexes.part],
  } satisfies Feature & { rpc: object }
}
