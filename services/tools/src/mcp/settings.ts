import { isAbsolute } from 'node:path'
import { flag, integer, list, type Setting } from '@clawmesh/chassis'
import { z } from 'zod'
import { sharedServersSchema } from './servers/shared.ts'

export const mcpSettings = {
  publicUrl: {
    env: ['CLAWMESH_PUBLIC_URL'],
    schema: z
      .url({ protocol: /^https?$/ })
      .default('http://127.0.0.1:18790')
      .transform((url) => url.replace(/\/$/, '')),
    about: 'Where browsers reach the gateway: they come back here after a sign-in at an MCP server',
  },
  mcpServers: {
    env: ['CLAWMESH_MCP_SERVERS'],
    file: 'tools.mcp_servers',
    schema: sharedServersSchema.prefault({}),
    about:
      'MCP servers that agents of all tenants may use without a grant, as JSON: by name the fields with which one is registered',
    secret: true,
  },
  mcpStdio: {
    env: ['CLAWMESH_MCP_STDIO'],
    schema: z.enum(['off', 'master', 'all']).default('master'),
    about:
      'Whose MCP servers may be programs that run on this machine: those of the master tenant, of all tenants, or nobody’s (off)',
  },
  mcpSandbox: {
    env: ['CLAWMESH_MCP_SANDBOX'],
    schema: flag(true),
    about: 'Run programs of MCP servers in bubblewrap, where it is there, as commands of agents are',
  },
  mcpFolders: {
    env: ['CLAWMESH_MCP_FOLDERS'],
    schema: list.refine((paths) => paths.every(isAbsolute), 'must be absolute paths'),
    about:
      'Folders that programs of MCP servers see in bubblewrap, read-only, beside the system’s (/usr, /opt) and Node, comma separated',
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
