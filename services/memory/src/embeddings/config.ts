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
} as const
