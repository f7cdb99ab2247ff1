import type { Setting } from '@clawmesh/chassis'
import { z } from 'zod'

export const mcpSettings = {
  mcpStdio: {
    env: ['CLAWMESH_MCP_STDIO'],
    schema: z.enum(['off', 'master', 'all']).default('master'),
    about:
      'Whose MCP servers may be programs that run on this machine: those of the master tenant (and of system owners), of all tenants, or nobody’s (off)',
  },
} as const satisfies Record<string, Setting>

export type StdioPolicy = 'off' | 'master' | 'all'
