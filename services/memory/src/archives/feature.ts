/** What an agent remembers, on its way into archives and out of them. */
import type { ServiceDb } from '@clawmesh/chassis'
import type { FindAgent } from '../agents/types.ts'
import type { createChunkSizesOf } from '../chunks/chunk-sizes.ts'
import type { PrismaClient } from '../db/client/client.ts'
import type { DocumentRows } from '../documents/use-cases.ts'
import { createArchiveRows } from './rows.ts'
import { createArchiveRpc } from './rpc.ts'
import { createArchiveUseCases } from './use-cases.ts'

interface Parts {
  db: ServiceDb<PrismaClient>
  documentsOf: (tenantId: string) => Pick<DocumentRows, 'put'>
  findAgent: FindAgent
  chunkSizesOf: ReturnType<typeof createChunkSizesOf>
}

export const createArchives = ({ db, ...parts }: Parts) => ({
  rpc: createArchiveRpc(createArchiveUseCases({ ...parts, rowsOf: createArchiveRows(db) })),
})
