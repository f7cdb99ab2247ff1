/** The chunks of a document, as they can be looked at. */
import type { Call } from '@clawmesh/chassis'
import type { MemoryAgent } from '../agents/types.ts'
import { documentKey } from '../documents/check.ts'
import type { Address, DocumentKey } from '../documents/types.ts'

interface ListedChunk {
  id: string
  startLine: number
  endLine: number
  text: string
  hasEmbedding: boolean
  /** Why the last try to embed it failed; empty while none did. */
  embedError: string
}

/** The rows of one tenant. */
export interface ChunkRows {
  /** In the order of their lines; none of a document that is not there. */
  list: (key: DocumentKey) => Promise<ListedChunk[]>
}

export const createChunkUseCases = (rowsOf: (tenantId: string) => ChunkRows) => ({
  /** @throws INVALID_REQUEST */
  list: async ({ caller }: Call, agent: MemoryAgent, address: Address): Promise<ListedChunk[]> =>
    rowsOf(caller.tenantId).list(documentKey(agent, address)),
})

export type ChunkUseCases = ReturnType<typeof createChunkUseCases>
