/** Tools: what agents can do, who may use it, and the guards around it. */
import { AgentsServiceService } from '@clawmesh/contracts/gen/clawmesh/agents/v1/agents.ts'
import { MemoryServiceService } from '@clawmesh/contracts/gen/clawmesh/memory/v1/memory.ts'
import { ToolsServiceService } from '@clawmesh/contracts/gen/clawmesh/tools/v1/tools.ts'
import { http } from '@clawmesh/contracts'
import { implementHttp, implementRpc, createOutboxPart, type Mesh, type Service } from '@clawmesh/chassis'
import type { ToolsConfig } from './config.ts'
import { createBuiltinSettings } from './domain/builtin-settings.ts'
import { catalogue } from './domain/catalogue.ts'
import { createToolRunner } from './domain/runner.ts'
import { createBuiltinHandlers } from './http/builtin.ts'
import { createInvokeHandlers } from './http/invoke.ts'
import { createToolsRpc } from './rpc/tools.ts'
import { createToolsStore, type ToolSetting } from './store/store.ts'

const cachedTenants = 10_000

export const toolsService = (mesh: Mesh, config: ToolsConfig): Service => {
  const log = mesh.log.child({ service: 'tools' })
  const database = mesh.database('tools')
  const outbox = createOutboxPart(database, mesh)
  const store = createToolsStore({ database, bus: mesh.bus, published: outbox.wakeRelay })
  const runner = createToolRunner({
    store,
    config,
    log,
    cache: mesh.cache<ToolSetting[]>('builtin_tools', cachedTenants),
    agents: mesh.client(AgentsServiceService),
    memory: mesh.client(MemoryServiceService),
    workspaceDir: mesh.workspaceDir,
    fetchAllow: mesh.config.fetchAllow.split(',').filter(Boolean),
  })

  return {
    name: 'tools',
    http: implementHttp(
      http.tools,
      { ...createBuiltinHandlers(createBuiltinSettings(store)), ...createInvokeHandlers(runner, store) },
      mesh.httpParts('tools'),
    ),
    rpc: [implementRpc(ToolsServiceService, createToolsRpc(runner))],
    parts: [{ name: 'tools database', start: () => store.seed(catalogue), ready: database.ping }, outbox],
  }
}
