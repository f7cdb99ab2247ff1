import { z } from 'zod'

export const providerSettings = {
  localProviders: {
    env: ['CLAWMESH_LOCAL_PROVIDERS'],
    schema: z.enum(['auto', 'on', 'off']).default('auto'),
    about:
      'Whether providers may be on this machine: of type ollama at localhost or host.docker.internal, at any port, of type ' +
      'claude_cli as a program that is started here. auto is on where one process serves one person (npm start), else off, ' +
      'as every tenant could reach what listens here and start what lies here',
  },
} as const
