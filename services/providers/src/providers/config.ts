import { z } from 'zod'

export const providerSettings = {
  localProviders: {
    env: ['CLAWMESH_LOCAL_PROVIDERS'],
    schema: z.enum(['auto', 'on', 'off']).default('auto'),
    about:
      'Whether providers of type ollama may be on this machine (localhost, host.docker.internal), at any port: auto is ' +
      'on where one process serves one person (npm start), else off, as every tenant could reach what listens here',
  },
} as const
