import { http } from '@clawmesh/contracts'
import { implementHttp, reply, toContract } from '@clawmesh/chassis'
import { attachment, silent, withProgress, type Report } from '@clawmesh/chassis/archives'
import type { ArchiveUseCases, Contents, Received } from './use-cases.ts'

/** The summary of an import in the contract's words. */
const summaryOf = (summary: object): object =>
  toContract(http.archives.operations.importAgent.response[201], summary) as object

const shownManifest = ({
  exported_at,
  exported_by,
  agent_key,
  agent_id,
  ...plain
}: NonNullable<Contents['manifest']>) => ({
  ...plain,
  exportedAt: exported_at,
  exportedBy: exported_by,
  agentKey: agent_key,
  agentId: agent_id,
})

const shownContents = ({ manifest, counts }: Contents) => ({
  manifest: manifest === undefined ? null : shownManifest(manifest),
  ...(manifest === undefined ? {} : shownManifest(manifest)),
  contextFiles: counts.contextFiles,
  memoryDocs: counts.memoryDocs,
  kgEntities: counts.kgEntities,
  kgRelations: counts.kgRelations,
  sessions: counts.sessions,
  cronJobs: counts.cronJobs,
  workspaceFiles: counts.workspaceFiles,
})

export const createArchiveHttp = (archives: ArchiveUseCases) => {
  /** Does something with an archive that has come, which goes afterwards. */
  const using = <F, T>(received: Received<F>, work: () => Promise<T>): Promise<T> => work().finally(received.remove)

  return implementHttp(http.archives)({
    previewAgentExport: async ({ call, params }) => {
      const { own, memory, files } = await archives.preview(call, params.id)
      return {
        contextFiles: own.context_files,
        userContextFilesUsers: own.user_context_files_users,
        memoryGlobal: memory.globalDocuments,
        memoryPerUser: memory.personalDocuments,
        kgEntities: memory.entities,
        kgRelations: memory.relations,
        sessions: own.sessions,
        cronJobs: own.cron_jobs,
        grants: own.grants,
        userProfiles: own.user_profiles,
        userOverrides: 0,
        teamTasks: 0,
        teamMembers: 0,
        agentLinks: own.agent_links,
        workspaceFiles: files.files,
      }
    },

    exportAgent: async ({ call, params, query: { sections, stream } }) => {
      const { agent, fileName, bytes } = await archives.open(call, params.id, sections)
      if (stream !== 'true') return attachment({ fileName, bytes: bytes(silent) })
      return withProgress(call, 'export', {}, async (report) => {
        const { token, size } = await archives.keep(call, { agent, fileName, bytes: bytes(report) })
        return { download_url: `/v1/agents/${agent.id}/export/download/${token}`, file_name: fileName, file_size: size }
      })
    },

    downloadAgentExport: async ({ call, params: { id, token } }) => attachment(await archives.fetch(call, token, id)),

    downloadExport: async ({ call, params: { token } }) => attachment(await archives.fetch(call, token)),

    previewAgentImport: async ({ call, upload }) => {
      const received = await archives.receive(call, upload)
      return using(received, async () => shownContents(received.contents))
    },

    importAgent: async ({ call, query: { stream }, upload }) => {
      const received = await archives.receive(call, upload)
      const work = (report: Report) => using(received, () => archives.importNew(call, received, report))
      return stream === 'true'
        ? withProgress(call, 'import', { rolled_back: true }, async (report) => summaryOf(await work(report)))
        : reply(201, await work(silent))
    },

    mergeImportAgent: async ({ call, params, query: { include, stream }, upload }) => {
      const agent = await archives.requireOwned(call.caller, params.id)
      const received = await archives.receive(call, upload)
      const work = (report: Report) => using(received, () => archives.merge(call, agent, received, include, report))
      return stream === 'true'
        ? withProgress(call, 'merge', { rolled_back: false }, async (report) => summaryOf(await work(report)))
        : work(silent)
    },
  })
}
