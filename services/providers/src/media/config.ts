import { integer } from '@clawmesh/chassis'

export const mediaSettings = {
  mediaPollMs: {
    env: ['CLAWMESH_PROVIDER_MEDIA_POLL_MS'],
    schema: integer(5_000, 1, 60_000),
    about: 'Between two questions how far a provider is with a video or music',
  },
} as const
