import { z } from 'zod'
import { integer } from '@clawmesh/chassis'

export const searchSettings = {
  vectorIndexFrom: {
    env: ['CLAWMESH_MEMORY_VECTOR_INDEX_FROM'],
    schema: z.int().min(0).optional(),
    about:
      'An agent with more embedded chunks than this is searched through an HNSW index instead of one by one; default ' +
      '5000, and never on the embedded database, which would stand still while the index is built',
  },
  queryEmbedTimeoutMs: {
    env: ['CLAWMESH_MEMORY_QUERY_EMBED_TIMEOUT_MS'],
    schema: integer(3_000, 1),
    about: 'How long a search waits for the vector of its query before it goes on with text alone',
  },
} as const
