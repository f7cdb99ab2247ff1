/** Tools: what agents can do, who may use it, and the guards around it. */
import { AgentsServiceService } from '@clawmesh/contracts/gen/clawmesh/agents/v1/agents.ts'
import { MemoryServiceService } from '@clawmesh/contracts/gen/clawmesh/memory/v1/memory.ts'
import { ToolsServiceService } from '@clawmesh/contracts/gen/clawmesh/tools/v1/tools.ts'
import { http } from '@clawmesh/contracts'
import { implementHttp, implementRpc, outboxPart, type Mesh, type Service } from '@clawmesh/chassis'
import type { ToolsConfig } from './config.ts'
import { builtinSettings } from './domain/builtin-settings.ts'
import { catalogue } from './domain/catalogue.ts'
import { toolRunner } from './domain/runner.ts'
import { builtinHandlers } from './http/builtin.ts'
import { invokeHandlers } from './http/invoke.ts'
import { toolsRpc } from './rpc/tools.ts'
import { toolsStore, type ToolSetting } from './store/store.ts'

const cachedTenants = 10_000

export const toolsService = (mesh: Mesh, config: ToolsConfig): Service => {
  const log = mesh.log.child({ service: 'tools' })
  const database = mesh.database('tools')
  const outbox = outboxPart(database, mesh)
  const store = toolsStore({ database, bus: mesh.bus, published: outbox.poke })
  const runner = toolRunner({
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
      { ...builtinHandlers(builtinSettings(store)), ...invokeHandlers(runner, store) },
      mesh.httpParts('tools'),
    ),
    rpc: [implementRpc(ToolsServiceService, toolsRpc(runner))],
    parts: [{ name: 'tools database', start: () => store.seed(catalogue), ready: database.ping }, outbox],
  }
}
