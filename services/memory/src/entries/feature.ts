/** Documents as entries that are addressed by id. Their rows are those of documents. */
import type { Feature } from '@clawmesh/chassis'
import type { FindAgent } from '../agents/types.ts'
import { createUsableAgents } from '../agents/usable-agents.ts'
import type { DocumentUseCases } from '../documents/use-cases.ts'
import { createEntryHttp } from './http.ts'
import { createEntryUseCases, type EntryRows } from './use-cases.ts'

interface Parts {
  rowsOf: (tenantId: string) => EntryRows
  documents: DocumentUseCases
  findAgent: FindAgent
}

export const createEntries = (parts: Parts): Feature => ({
  http: createEntryHttp(createEntryUseCases({ ...parts, usableAgents: createUsableAgents(parts.findAgent) })),
})
