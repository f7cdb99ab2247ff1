import { z } from 'zod'
import { timestamp, uuid } from '../common.ts'
import { defineHttpTable } from '../operation.ts'
import { agentParams } from './agents.ts'

/** Parts of an agent that an archive may hold; the agent itself is always in it. */
export const archiveSections = [
  'config',
  'context_files',
  'memory',
  'knowledge_graph',
  'sessions',
  'cron',
  'grants',
  'user_profiles',
  'user_overrides',
  'workspace',
] as const

/** What an archive may be at most, compressed and not. */
export const archiveLimitBytes = 524_288_000

const count = z.number().int()

const manifest = z
  .object({
    version: z.literal(1),
    format: z.literal('goclaw-agent-export'),
    exported_at: timestamp,
    exported_by: z.string(),
    agent_key: z.string(),
    agent_id: uuid,
    sections: z.looseObject({}).describe('What of each section there is'),
  })
  .meta({ id: 'AgentExportManifest', description: 'The last entry of an archive' })

const preview = z
  .object({
    context_files: count,
    user_context_files_users: count.describe('Users who have context files'),
    memory_global: count,
    memory_per_user: count,
    kg_entities: count,
    kg_relations: count,
    sessions: count,
    cron_jobs: count,
    grants: count,
    user_profiles: count,
    user_overrides: count,
    team_tasks: count,
    team_members: count,
    agent_links: count,
    workspace_files: count.describe('Regular files of at most 50 MiB; hidden ones and links do not count'),
  })
  .meta({ id: 'AgentExportPreview', description: 'What an export of an agent would contain' })

const importPreview = z
  .object({
    manifest: manifest.nullable(),
    context_files: count,
    memory_docs: count,
    kg_entities: count,
    kg_relations: count,
    sessions: count,
    cron_jobs: count,
    workspace_files: count,
    ...manifest.partial().shape,
  })
  .meta({ id: 'AgentImportPreview', description: 'What an archive holds' })

const summary = z
  .object({
    agent_id: uuid,
    agent_key: z.string(),
    context_files: count.describe('Those of the agent and those of its users'),
    memory_docs: count,
    kg_entities: count,
    kg_relations: count,
    sessions: count,
    cron_jobs: count,
    grants: count,
    user_profiles: count,
    workspace_files: count,
  })
  .meta({ id: 'AgentImportSummary', description: 'What an import has written' })

const progress = z
  .object({
    phase: z.string(),
    status: z.enum(['running', 'done', 'error']),
    detail: z.string().optional(),
    current: count.optional(),
    total: count.optional(),
  })
  .meta({ id: 'ArchiveProgress', description: 'Data of the events `progress` and `error`' })

const stream = z.enum(['true', 'false']).catch('false').default('false').describe('`true` gives server-sent events')

const ownership = 'Only the owner of the agent or a system owner may do it; a request without a user id is answered 403'
const admins = 'Admins may do it, whoever they are; operators and viewers are answered 403'
const refusal =
  'What is no tar.gz, cut off, or holds a path that leads elsewhere, a link, a broken line or no agent.json is answered 400, and nothing is written'
const bounds =
  'More than 500 MiB, compressed or not, 100,000 entries, 10 MiB in a line or a document, 50 MiB in a file, or more than 200 times what came is refused, and nothing is written'
const events =
  'With `stream=true` it is answered as server-sent events: `progress` for each section, then `complete` with the summary, or `error`'
const file = z.object({})

const progressStream = {
  produces: 'text/event-stream',
  producesExample: `event: progress
data: {"phase":"memory","status":"done","current":12}

`,
  eventData: z.union([progress, summary]),
} as const

const download = {
  role: 'viewer',
  summary: 'The archive of an export that was asked for with `stream=true`',
  response: { 200: z.string() },
  produces: 'application/gzip',
  producesExample: 'the bytes of a tar.gz',
  errors: [403, 404],
} as const
const token = uuid.describe('As the event `complete` names it')

export const archives = defineHttpTable('agents', {
  previewAgentExport: {
    method: 'GET',
    path: '/v1/agents/{id}/export/preview',
    role: 'viewer',
    ownerOnly: true,
    summary: 'Count what an export of an agent would contain',
    rules: {
      requiresOwnership: ownership,
      countsEverything:
        'What each section would hold is counted over all users of the agent, and links from and to it beside that',
      countsPlainFiles: 'Files of the workspace count where they are regular, visible and at most 50 MiB',
    },
    params: agentParams,
    response: { 200: preview },
    errors: [404],
  },
  exportAgent: {
    method: 'GET',
    path: '/v1/agents/{id}/export',
    role: 'viewer',
    ownerOnly: true,
    summary: 'Export an agent as a tar.gz archive',
    rules: {
      requiresOwnership: ownership,
      takesSections:
        '`sections` are names between commas: config, context_files, memory, knowledge_graph, sessions, cron, grants, user_profiles, user_overrides, workspace; unknown ones are ignored, without any it is config and context_files',
      alwaysHoldsTheAgent:
        '`agent.json` comes first and says what the agent is, without ids, owner, tenant, budget and workspace; `manifest.json` comes last and says what there is',
      isNamedAfterTheAgent:
        'Without `stream=true` the archive is the answer, an attachment called `agent-{key}-{date}.tar.gz`',
      leavesOutWhatIsHidden: 'Hidden files, links and files over 50 MiB of the workspace are left out',
      streamsProgress:
        'With `stream=true` it is answered as server-sent events: `progress` as each section begins and ends, then `complete` with `download_url`, `file_name` and `file_size`, or `error`',
      isImportedAsItWas: 'What it holds is the same once it has been imported elsewhere',
      failsWithAStatus:
        'What fails before the first 64 KiB are there is answered with its status; later the answer breaks off',
      endsAtTheLimit: 'An archive that would be over 500 MiB, or could not be imported for another reason, fails',
    },
    params: agentParams,
    query: z.object({ sections: z.string().max(500).default('').describe('Names between commas'), stream }),
    response: { 200: z.string() },
    produces: 'application/gzip',
    producesExample: 'the bytes of a tar.gz',
    errors: [404],
  },
  downloadAgentExport: {
    method: 'GET',
    path: '/v1/agents/{id}/export/download/{token}',
    ...download,
    rules: {
      isTheUsers: 'It is for the user who asked for the export, and for system owners; others are answered 403',
      isSpentOnce: 'A token is good for one download, on any replica; a second one is answered 404',
      runsOut: 'A token is good for five minutes; one that is late, or unknown, is answered 404',
      isOfTheAgent: 'The token of an export of another agent is answered 404',
    },
    params: agentParams.extend({ token }),
  },
  downloadExport: {
    method: 'GET',
    path: '/v1/export/download/{token}',
    ...download,
    rules: {
      takesAnyExport: 'It is the same archive as under the path of its agent, and the same token, spent by either',
      isTheUsers: 'It is for the user who asked for the export, and for system owners; others are answered 403',
    },
    params: z.object({ token }),
  },
  previewAgentImport: {
    method: 'POST',
    path: '/v1/agents/import/preview',
    role: 'admin',
    summary: 'Read an archive of an agent and tell what it holds',
    rules: {
      requiresAdmin: admins,
      countsWhatIsThere: 'What the archive holds is counted, and nothing is written',
      showsTheManifest:
        'Its manifest stands under `manifest`, null where there is none, and its members beside the counts as well',
      refusesWhatIsBroken: refusal,
    },
    upload: file,
    bodyLimitBytes: archiveLimitBytes,
    response: { 200: importPreview },
    errors: [400, 413],
  },
  importAgent: {
    method: 'POST',
    path: '/v1/agents/import',
    role: 'admin',
    summary: 'Create an agent from an archive',
    rules: {
      requiresAdmin: admins,
      belongsToCaller:
        'The caller owns the new agent, in the tenant of the request; a request without a user id is answered 400',
      choosesTheKey:
        '`agent_key` of the form wins, then that of the archive, then one made of the display name; without any of them it is answered 400',
      makesKeysUnique: 'A key that is taken gets -2, -3 and so on behind it',
      writesAllSections: 'Everything that the archive holds is written, as by a merge',
      isNotSummoned: 'No model writes context files: the agent is active, with those of the archive',
      isAllOrNothing: 'The agent is inactive until all of it is there; where that fails, it is removed again',
      refusesWhatIsBroken: refusal,
      hasBounds: bounds,
      streamsProgress: events,
      isAudited: 'It is an event and an entry of the audit log, agent.created',
    },
    query: z.object({ stream }),
    upload: z.object({
      agent_key: z.string().max(255).optional().describe("In place of the archive's"),
      display_name: z.string().max(255).optional().describe("In place of the archive's"),
    }),
    bodyLimitBytes: archiveLimitBytes,
    response: { 201: summary, 200: z.string() },
    ...progressStream,
    errors: [400, 413],
  },
  mergeImportAgent: {
    method: 'POST',
    path: '/v1/agents/{id}/import',
    role: 'admin',
    ownerOnly: true,
    summary: 'Merge an archive into an agent',
    rules: {
      requiresOwnership:
        'Only admins who own the agent, or a system owner, may do it; a request without a user id is answered 403',
      takesSections: '`include` are names between commas, as for an export; without any it is all of them',
      leavesTheAgentAlone: 'What the agent is does not change, whatever the archive says',
      replacesContextFiles: 'Context files replace those of their name',
      replacesDocuments:
        'Memory documents replace those of their path, and the graph takes in entities and relations; vectors follow in the background',
      addsJobsSwitchedOff: 'Jobs are added switched off, those whose name there is already are skipped',
      keepsWhatIsThere:
        'Sessions, grants and users that there are already stay as they are, and so do files of the workspace',
      refusesWhatIsBroken: refusal,
      hasBounds: bounds,
      streamsProgress: events,
      isAudited: 'It is an event and an entry of the audit log, agent.imported',
    },
    params: agentParams,
    query: z.object({ include: z.string().max(500).default('').describe('Names between commas'), stream }),
    upload: file,
    bodyLimitBytes: archiveLimitBytes,
    response: { 200: summary },
    ...progressStream,
    errors: [400, 404, 413],
  },
})
