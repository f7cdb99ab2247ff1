import { z } from 'zod'
import { integer } from '@clawmesh/chassis'

export const embeddingSettings = {
  embedRetryMs: {
    env: ['CLAWMESH_MEMORY_EMBED_RETRY_MS'],
    schema: integer(60_000, 10),
    about: 'Pause before chunks whose embedding failed are tried again, and between looks for such chunks',
  },
  embeddingCacheDays: {
    env: ['CLAWMESH_MEMORY_EMBEDDING_CACHE_DAYS'],
    schema: integer(30, 0, 36_500),
    about: 'Days for which vectors are kept for texts that may come again',
  },
  sentenceModel: {
    env: ['CLAWMESH_MEMORY_SENTENCE_MODEL'],
    schema: z.string().max(4_096).optional(),
    about:
      'Folder with the npm packages of a small English sentence model (docs/adr/0042), which then finds by meaning for ' +
      'tenants without an embedding provider; without it, words and spellings are hashed. What was stored before is ' +
      'found by words until it is indexed again',
  },
} as const
