/** Agents as archives: exported, kept until they are fetched, and imported. */
import { ArchivesServiceService } from '@clawmesh/contracts/gen/clawmesh/memory/v1/archives.ts'
import { WorkspacesServiceService } from '@clawmesh/contracts/gen/clawmesh/tools/v1/workspaces.ts'
import { createJobQueue, type Feature, type Mesh, type ServiceDb } from '@clawmesh/chassis'
import type { RequireAgent } from '../agents/owned.ts'
import type { AgentUseCases } from '../agents/use-cases.ts'
import type { PrismaClient } from '../db/client/client.ts'
import { createArchiveHttp } from './http.ts'
import { archiveJobs } from './jobs.ts'
import { createKeptArchives } from './kept.ts'
import { createArchiveRows } from './rows.ts'
import { createExportsRpc } from './rpc.ts'
import { createArchiveUseCases } from './use-cases.ts'

interface Agents {
  useCases: Pick<AgentUseCases, 'createInactive' | 'activate' | 'discard'>
  stored: RequireAgent
}

export const createArchives = (mesh: Mesh, db: ServiceDb<PrismaClient>, { useCases, stored }: Agents) => {
  const memory = mesh.client(ArchivesServiceService)
  const workspaces = mesh.client(WorkspacesServiceService)
  const rowsOf = createArchiveRows(db)
  const keptOf = createKeptArchives(db)
  const jobs = createJobQueue(db.database, archiveJobs)
  const archives = createArchiveUseCases({
    sources: { rowsOf, memory, workspaces },
    targets: { writerOf: (tenantId) => rowsOf(tenantId).write, memory, workspaces },
    keptOf,
    require: stored,
    create: useCases.createInactive,
    activate: useCases.activate,
    discard: useCases.discard,
    imported: (tenantId, agentId, actor) => rowsOf(tenantId).imported(agentId, actor),
    removeLater: (tenantId, archiveId, afterMs, spareFetched) =>
      jobs.add(tenantId, 'removeArchive', { archiveId, spareFetched }, { afterMs }),
  })
  return {
    http: createArchiveHttp(archives),
    rpc: createExportsRpc(archives),
    jobs: jobs.implementedBy({
      removeArchive: ({ tenantId, data: { archiveId, spareFetched } }) =>
        keptOf(tenantId).remove(archiveId, { spareFetched }),
    }),
  } satisfies Feature & { rpc: object }
}
