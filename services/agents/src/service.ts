/** Agents: what they are, the conversations they have, and the loop that runs them. */
import { AgentsServiceService } from '@clawmesh/contracts/gen/clawmesh/agents/v1/agents.ts'
import { ExportsServiceService } from '@clawmesh/contracts/gen/clawmesh/agents/v1/exports.ts'
import { SchedulesServiceService } from '@clawmesh/contracts/gen/clawmesh/agents/v1/schedules.ts'
import { SessionsServiceService } from '@clawmesh/contracts/gen/clawmesh/agents/v1/sessions.ts'
import { StatusServiceService } from '@clawmesh/contracts/gen/clawmesh/agents/v1/status.ts'
import {
  composeService,
  createSignedUrls,
  implementRpc,
  openServiceDb,
  type Mesh,
  type Service,
} from '@clawmesh/chassis'
import { createAgents } from './agents/feature.ts'
import { createAgentMethods } from './agents/ws.ts'
import { createArchives } from './archives/feature.ts'
import { createChat } from './chat/feature.ts'
import { createConfigPermissions } from './config-permissions/feature.ts'
import type { AgentsConfig } from './config.ts'
import { createContextFiles } from './context-files/feature.ts'
import { createCron } from './cron/feature.ts'
import { createContextFileMethods } from './context-files/ws.ts'
import { PrismaClient } from './db/client/client.ts'
import { createHeartbeats } from './heartbeat/feature.ts'
import { createInstances } from './instances/feature.ts'
import { createLinks } from './links/feature.ts'
import { createModels } from './models/feature.ts'
import { createExcerptRows } from './own-sessions/rows.ts'
import { createOwnSessionsRpc } from './own-sessions/rpc.ts'
import { createOwnSessions } from './own-sessions/use-cases.ts'
import { createRuns } from './runs/feature.ts'
import { createDelivery } from './sessions/delivery.ts'
import { createScheduleRpc } from './schedules/rpc.ts'
import { createSessions } from './sessions/feature.ts'
import { createShares } from './shares/feature.ts'
import { createStatus } from './status/feature.ts'
import { createSummoning, createSummoningQueue } from './summoning/feature.ts'

export const agentsService = (mesh: Mesh, config: AgentsConfig): Service => {
  const db = openServiceDb(mesh, 'agents', PrismaClient)
  const summonings = createSummoningQueue(db)
  const agents = createAgents(mesh, db, summonings.start)
  const { lookup } = agents
  const log = mesh.log.child({ service: 'agents' })
  const contextFiles = createContextFiles(mesh, db, lookup)
  const instances = createInstances(mesh, db, agents.owned)
  const filesOfRuns = {
    ...contextFiles.files,
    forRun: (...[agent, userId]: Parameters<typeof contextFiles.files.forRun>) => {
      instances.seen(agent, userId)
      return contextFiles.files.forRun(agent, userId)
    },
  }
  const deliverTo = createDelivery(createSignedUrls(mesh.secrets))
  const permissions = createConfigPermissions(db, agents.stored, log)
  const { isFileWriter } = permissions
  const findAgent = lookup.find
  const runs = createRuns(mesh, db, config, { contextFiles: filesOfRuns, isFileWriter, findAgent, deliverTo })
  const sessions = createSessions(db, { lookup, endRun: runs.running.endIn, deliverTo })
  const heartbeats = createHeartbeats(mesh, db, config, {
    ...runs,
    ...sessions,
    lookup,
    files: contextFiles.files,
    requireOwned: agents.owned,
  })
  const { wakeHeartbeat } = heartbeats
  const cron = createCron(mesh, db, config, { ...runs, ...sessions, lookup, wakeHeartbeat })
  const chat = createChat(mesh, db, {
    ...runs,
    ...sessions,
    deliverTo,
    lookup,
    contextFiles: contextFiles.files.forRun,
  })
  const archives = createArchives(mesh, db, agents)
  const ownSessions = createOwnSessions({ ...runs, ...sessions, lookup, excerptsOf: createExcerptRows(db), log })
  return composeService(mesh, {
    name: 'agents',
    features: [
      { ws: createAgentMethods({ agents: agents.useCases, files: contextFiles.files, running: runs.running, log }) },
      { ws: createContextFileMethods({ files: contextFiles.files, lookup, requireOwned: agents.owned }) },
      agents,
      { http: agents.poolHttp },
      createShares(db, agents.owned),
      permissions,
      instances,
      createLinks(db, agents.stored, agents.owned),
      createSummoning(mesh, db, config, summonings, agents.owned),
      sessions,
      runs,
      ...chat,
      cron,
      heartbeats,
      createModels(agents),
      archives,
    ],
    rpc: [
      implementRpc(AgentsServiceService, { ...agents.rpc, ...contextFiles.rpc, ...permissions.rpc }),
      implementRpc(ExportsServiceService, archives.rpc),
      implementRpc(
        SchedulesServiceService,
        createScheduleRpc({ ...cron, ...heartbeats, runnable: lookup.runnable, verdictOn: permissions.verdictOn }),
      ),
      implementRpc(SessionsServiceService, createOwnSessionsRpc(ownSessions)),
      implementRpc(StatusServiceService, createStatus(db).rpc),
    ],
    parts: db.parts,
    lameDuck: () => {
      cron.lameDuck()
      heartbeats.lameDuck()
      runs.lameDuck()
    },
  })
}
