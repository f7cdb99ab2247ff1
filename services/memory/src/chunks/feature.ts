/** The pieces into which documents are cut, for searching them. */
import type { Database, Feature } from '@clawmesh/chassis'
import type { FindAgent } from '../agents/types.ts'
import { createChunkHttp } from './http.ts'
import { createChunkRows } from './rows.ts'
import { createChunkUseCases } from './use-cases.ts'

export const createChunks = (database: Database, findAgent: FindAgent): Feature => ({
  http: createChunkHttp(createChunkUseCases(createChunkRows(database)), findAgent),
})
