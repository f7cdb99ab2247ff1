import { z } from 'zod'
import { defineConfig, integer, type ConfigOf } from '@clawmesh/chassis'

export const memoryConfig = defineConfig('memory', {
  vectorIndexFrom: {
    env: ['CLAWMESH_MEMORY_VECTOR_INDEX_FROM'],
    schema: z.int().min(0).optional(),
    about:
      'An agent with more embedded chunks than this is searched through an HNSW index instead of one by one; default ' +
      '5000, and never on the embedded database, which would stand still while the index is built',
  },
  embedRetryMs: {
    env: ['CLAWMESH_MEMORY_EMBED_RETRY_MS'],
    schema: integer(60_000, 10),
    about: 'Pause before chunks whose embedding failed are tried again, and between looks for such chunks',
  },
  putEmbedTimeoutMs: {
    env: ['CLAWMESH_MEMORY_PUT_EMBED_TIMEOUT_MS'],
    schema: integer(5_000, 1),
    about: 'How long writing a document waits for its vectors; the rest gets them in the background',
  },
  queryEmbedTimeoutMs: {
    env: ['CLAWMESH_MEMORY_QUERY_EMBED_TIMEOUT_MS'],
    schema: integer(3_000, 1),
    about: 'How long a search waits for the vector of its query before it goes on with text alone',
  },
  embeddingCacheDays: {
    env: ['CLAWMESH_MEMORY_EMBEDDING_CACHE_DAYS'],
    schema: integer(30, 0, 36_500),
    about: 'Days for which vectors are kept for texts that may come again',
  },
})

export type MemoryConfig = ConfigOf<typeof memoryConfig>
