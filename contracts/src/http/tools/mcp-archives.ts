import { z } from 'zod'
import { archiveLimitBytes } from '../agents/archives.ts'
import { defineHttpTable } from '../operation.ts'

const count = z.number().int().min(0)
const stream = z.enum(['true', 'false']).catch('false').default('false').describe('`true` gives server-sent events')

const summary = z
  .object({
    servers_imported: count,
    servers_skipped: count.describe('Those whose name there is already, and those that cannot be registered here'),
    grants_applied: count,
  })
  .meta({ id: 'McpImportSummary', description: 'What an import of MCP servers has written' })

const progress = z.object({
  phase: z.string(),
  status: z.enum(['running', 'done', 'error']),
  detail: z.string().optional(),
  current: count.optional(),
  total: count.optional(),
})

export const mcpArchives = defineHttpTable('tools', {
  previewMcpExport: {
    method: 'GET',
    path: '/v1/mcp/export/preview',
    role: 'admin',
    summary: 'Count what an export of the MCP servers would contain',
    rules: { countsTheTenants: 'Servers and grants of agents are counted, those of the tenant alone' },
    response: { 200: z.object({ servers: count, agent_grants: count }) },
    errors: [],
  },
  exportMcp: {
    method: 'GET',
    path: '/v1/mcp/export',
    role: 'admin',
    summary: 'Export MCP servers and the grants of agents as a tar.gz archive',
    rules: {
      holdsLines:
        '`servers.jsonl` has the servers by name, `grants.jsonl` the grants by name of the server and key of the agent; an entry without lines is left out',
      leavesSecretsOut:
        'API keys, headers, environment, grants of users and their credentials are never in it, nor the ids of anything',
      isNamedByTheDay: 'Without `stream=true` the archive is the answer, an attachment `mcp-servers-{date}.tar.gz`',
      streamsProgress:
        'With `stream=true` it is answered as server-sent events: `progress`, then `complete` with `download_url`, `file_name` and `file_size`, or `error`',
      waitsForItsUser: 'What `download_url` names is for the user who asked, once, for five minutes',
    },
    query: z.object({ stream }),
    response: { 200: z.string() },
    produces: 'application/gzip',
    producesExample: 'the bytes of a tar.gz',
    errors: [413],
  },
  importMcp: {
    method: 'POST',
    path: '/v1/mcp/import',
    role: 'admin',
    summary: 'Import an archive of MCP servers and grants',
    rules: {
      createsWhatIsNew:
        'Servers are registered without secrets, by the caller, with the checks of any registration; what cannot be registered is skipped',
      leavesWhatIsThere: 'A server whose name there is stays as it is and counts as skipped; grants for it are applied',
      appliesGrants:
        'A grant finds its server by name and its agent by key, else it is skipped; it is stored as the archive has it, switched off too',
      passesOverBadGrants: 'A line of grants that cannot be read is passed over',
      refusesWhatIsBroken:
        'What is no tar.gz, cut off, or holds a path that leads elsewhere, a link or a broken server is answered 400, and nothing is written',
      hasBounds:
        'More than 500 MiB, compressed or not, 10 MiB in a line, or more than 200 times what came is refused, and nothing is written',
      streamsProgress:
        'With `stream=true` it is answered as server-sent events: `progress` for servers and grants, then `complete` with the summary, or `error`',
      isAudited: 'Each server and each grant is an entry of the audit log, as if it had been made by hand',
    },
    query: z.object({ stream }),
    upload: z.object({}),
    bodyLimitBytes: archiveLimitBytes,
    response: { 201: summary, 200: z.string() },
    produces: 'text/event-stream',
    producesExample: `event: progress
data: {"phase":"server","status":"done","current":2}

`,
    eventData: z.union([progress, summary]),
    errors: [400, 413],
  },
})
