/** Tools: what agents can do, who may use it, and the guards around it. */
import { AgentsServiceService } from '@clawmesh/contracts/gen/clawmesh/agents/v1/agents.ts'
import { SchedulesServiceService } from '@clawmesh/contracts/gen/clawmesh/agents/v1/schedules.ts'
import { SessionsServiceService } from '@clawmesh/contracts/gen/clawmesh/agents/v1/sessions.ts'
import { MemoryServiceService } from '@clawmesh/contracts/gen/clawmesh/memory/v1/memory.ts'
import { WorkspacesServiceService } from '@clawmesh/contracts/gen/clawmesh/tools/v1/workspaces.ts'
import { ToolsServiceService } from '@clawmesh/contracts/gen/clawmesh/tools/v1/tools.ts'
import {
  composeService,
  implementRpc,
  openServiceDb,
  singleFlight,
  type Feature,
  type Mesh,
  type Service,
} from '@clawmesh/chassis'
import { createArchiveRpc } from './archives/rpc.ts'
import { createBrowser } from './browser/feature.ts'
import { createBuiltinTools } from './builtin-tools/feature.ts'
import { createCliCredentials } from './cli-credentials/feature.ts'
import type { ToolsConfig } from './config.ts'
import { createCustomTools } from './custom-tools/feature.ts'
import { PrismaClient } from './db/client/client.ts'
import { createExecApprovals } from './exec/approvals/feature.ts'
import { deniedPathTest, ownPaths } from './exec/denied-path.ts'
import { exec } from './exec/exec.ts'
import { createExecHttp } from './exec/http.ts'
import { sandboxDefaultsOf } from './exec/settings.ts'
import { findSandbox } from './exec/sandbox.ts'
import { createShellPort } from './exec/shell-port.ts'
import { createFilePorts } from './files/ports.ts'
import { createInvoke } from './invoke/feature.ts'
import type { PoolLimits } from './mcp/client/pool.ts'
import { createMcp } from './mcp/feature.ts'
import { createMcpServerHttp } from './mcp-server/http.ts'
import { createMediaPorts } from './media/port.ts'
import { createMemoryPort } from './memory/port.ts'
import { createSchedulesPort } from './scheduling/port.ts'
import { createSessionsPort } from './sessions/port.ts'
import { createStorage } from './storage/feature.ts'
import { chooseStore } from './store/choose.ts'
import { createTts } from './tts/feature.ts'
import type { PortName } from './tool/ports.ts'
import { createWebPort } from './web/port.ts'

/** @param poolLimits shorter times of MCP connections, for tests */
export const toolsService = (mesh: Mesh, config: ToolsConfig, poolLimits?: Partial<PoolLimits>): Service => {
  const db = openServiceDb(mesh, 'tools', PrismaClient)
  const agents = mesh.client(AgentsServiceService)
  const allow = mesh.config.fetchAllow.split(',').filter(Boolean)
  const web = createWebPort(config, allow)
  const tts = createTts(mesh, config, allow)
  const lacking = new Set<PortName>(tts.isReady ? [] : ['ttsProvider'])
  // A machine does not change under us: it is looked at once.
  const sandboxOf = singleFlight(findSandbox, Number.POSITIVE_INFINITY)
  const browser = createBrowser({ mesh, config, allow, findSandbox: sandboxOf, lacking })
  const builtinTools = createBuiltinTools(mesh, db, lacking)
  const { store, isOnDisk, parts: storeParts } = chooseStore(config)
  const storage = createStorage({ mesh, db, config, store })
  const filePorts = createFilePorts(agents, mesh.workspaceDir, storage.quota.take, store.files)
  const sessions = mesh.client(SessionsServiceService)
  const media = createMediaPorts({ mesh, config, allow, sessions, media: storage.sessionMedia })
  const mcp = createMcp({ mesh, db, config, agents, findSandbox: sandboxOf, ...(poolLimits && { poolLimits }) })
  const cli = createCliCredentials(mesh, db, agents)
  const approvals = createExecApprovals(mesh, db, config)
  const customTools = createCustomTools(mesh, db, agents)
  const invoke = createInvoke({
    mesh,
    db,
    config,
    agents,
    settingsOf: builtinTools.settingsOf,
    storedSettingsOf: builtinTools.storedSettingsOf,
    ports: {
      ...filePorts,
      ...createShellPort({
        workspaceOf: filePorts.workspace,
        isOnDisk,
        findSandbox: sandboxOf,
        settings: { ...config, sandboxDefaults: sandboxDefaultsOf(config) },
        isDeniedPath: deniedPathTest(ownPaths(mesh)),
        programOf: cli.access.programOf,
        approvals: approvals.approvals,
      }),
      ...createSchedulesPort(mesh.client(SchedulesServiceService)),
      ...createSessionsPort(sessions),
      ...media.ports,
      ...createMemoryPort(mesh.client(MemoryServiceService)),
      web: web.port,
      ...tts.ports,
      ...browser.ports,
    },
    lacking,
    toolbox: mcp.toolbox,
    customTools: customTools.offer.toolsFor,
    secretsOf: async (tenantId, userId) =>
      (await Promise.all([cli.access.secretsOf(tenantId, userId), customTools.offer.secretsOf(tenantId)])).flat(),
    notesOn: async (tool, tenantId, agentId) => (tool === exec.name ? cli.access.notesFor(tenantId, agentId) : ''),
  })
  /** What was set for an agent alone, or is attached to its sessions, goes with it. */
  const forgetting: Feature = {
    events: {
      agentDeleted: async ({ tenantId, data: { id } }) => {
        await Promise.all(
          [mcp, cli, customTools, approvals, storage].map(({ forgetAgent }) => forgetAgent(tenantId, id)),
        )
      },
    },
  }
  return composeService(mesh, {
    name: 'tools',
    features: [
      builtinTools,
      invoke,
      { http: createExecHttp() },
      approvals,
      cli,
      customTools,
      forgetting,
      { ws: browser.ws },
      tts,
      ...mcp.features,
      ...storage.features,
      ...createMcpServerHttp(invoke.useCases).map((implementation) => ({ http: implementation })),
    ],
    rpc: [
      implementRpc(ToolsServiceService, { ...invoke.rpc, ...approvals.rpc, ...mcp.rpc }),
      implementRpc(WorkspacesServiceService, { ...createArchiveRpc(mesh.workspaceDir, store), ...storage.rpc }),
    ],
    parts: [
      ...db.parts,
      ...storeParts,
      browser.part,
      mcp.part,
      { name: 'page threads', stop: web.close },
      { name: 'document threads', stop: media.close },
    ],
  })
}
