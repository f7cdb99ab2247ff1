import { integer } from '@clawmesh/chassis'

export const documentSettings = {
  putEmbedTimeoutMs: {
    env: ['CLAWMESH_MEMORY_PUT_EMBED_TIMEOUT_MS'],
    schema: integer(5_000, 1),
    about: 'How long writing a document waits for its vectors; the rest gets them in the background',
  },
} as const
