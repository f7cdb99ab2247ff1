import { integer, type Setting } from '@clawmesh/chassis'
import { z } from 'zod'

export const mcpSettings = {
  publicUrl: {
    env: ['CLAWMESH_PUBLIC_URL'],
    schema: z
      .url({ protocol: /^https?$/ })
      .default('http://127.0.0.1:18790')
      .transform((url) => url.replace(/\/$/, '')),
    about: 'Where browsers reach the gateway: they come back here after a sign-in at an MCP server',
  },
  mcpStdio: {
    env: ['CLAWMESH_MCP_STDIO'],
    schema: z.enum(['off', 'master', 'all']).default('master'),
    about:
      'Whose MCP servers may be programs that run on this machine: those of the master tenant, of all tenants, or nobody’s (off)',
  },
  mcpHeaderVariables: {
    env: ['CLAWMESH_MCP_HEADER_VARIABLES'],
    schema: z
      .string()
      .default('')
      .transform((names) => names.split(',').flatMap((name) => name.trim() || [])),
    about: 'Environment variables that headers of MCP servers may name as env:NAME, comma separated; none unless said',
  },
  mcpPoolSize: {
    env: ['CLAWMESH_MCP_POOL_SIZE'],
    schema: integer(200, 1),
    about:
      'Connections to MCP servers that a process keeps at most, those of one tenant half of them; those with the credentials of a user are not counted',
  },
} as const satisfies Record<string, Setting>
