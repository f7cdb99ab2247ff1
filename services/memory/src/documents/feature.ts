/** The documents of agents and their users: written, read, cut and embedded, and their end with their agent. */
import type { Feature, Logger, Mesh } from '@clawmesh/chassis'
import type { FindRunOwner } from '../agents/run-owner.ts'
import type { FindAgent } from '../agents/types.ts'
import { createUsableAgents } from '../agents/usable-agents.ts'
import { createChunkSizesOf } from '../chunks/chunk-sizes.ts'
import type { MemoryConfig } from '../config.ts'
import type { ChunkEmbedding } from '../embeddings/use-cases.ts'
import { createDocumentEvents } from './events.ts'
import { createDocumentHttp } from './http.ts'
import { createDocumentRpc, type LearnLater } from './rpc.ts'
import { createDocumentUseCases, type DocumentRows } from './use-cases.ts'

interface Parts {
  mesh: Mesh
  rowsOf: (tenantId: string) => DocumentRows
  config: MemoryConfig
  log: Logger
  embedding: ChunkEmbedding
  findAgent: FindAgent
  findRunOwner: FindRunOwner
  /** Removes what else there is of a deleted agent. */
  alsoOfAgent: (tenantId: string, agentId: string) => Promise<void>
  learnLater: LearnLater
}

export const createDocuments = (parts: Parts) => {
  const { mesh, config, log, rowsOf, embedding, findAgent, findRunOwner, alsoOfAgent, learnLater } = parts
  const documents = createDocumentUseCases({
    rowsOf,
    usableAgents: createUsableAgents(findAgent),
    embedding,
    chunkSizesOf: createChunkSizesOf(mesh, log),
    putEmbedTimeoutMs: config.putEmbedTimeoutMs,
  })
  return {
    documents,
    http: createDocumentHttp(documents, findAgent),
    rpc: createDocumentRpc(documents, findRunOwner, learnLater),
    events: createDocumentEvents(documents, alsoOfAgent),
  } satisfies Feature & { documents: object; rpc: object }
}
