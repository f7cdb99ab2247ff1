/** Memory as clawgo's clients know it: files of one folder. Their rows are those of documents. */
import type { Feature } from '@clawmesh/chassis'
import type { FindAgent } from '../agents/types.ts'
import type { DocumentUseCases } from '../documents/use-cases.ts'
import { createMemoryFileHttp } from './http.ts'
import { createMemoryFileUseCases } from './use-cases.ts'

export const createMemoryFiles = (parts: { documents: DocumentUseCases; findAgent: FindAgent }): Feature => ({
  http: createMemoryFileHttp(createMemoryFileUseCases(parts)),
})
