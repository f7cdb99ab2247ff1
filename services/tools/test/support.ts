/** Tools over a real database, with agents and memory that stand in for the services that keep them. */
import { AgentsServiceService, ResolveAgentResponse } from '@clawmesh/contracts/gen/clawmesh/agents/v1/agents.ts'
import { MemoryServiceService } from '@clawmesh/contracts/gen/clawmesh/memory/v1/memory.ts'
import { loadConfigs, newId, type Service } from '@clawmesh/chassis'
import type { Caller } from '@clawmesh/contracts'
import type { PoolLimits } from '../src/mcp/client/pool.ts'
import { toolsConfig, toolsService, type ToolsConfig } from '../src/index.ts'
import { fakeRpc } from '../../../test/support/fake-rpc.ts'
import { startServices, testCaller, type Answer, type ServiceHarness } from '../../../test/support/service-harness.ts'
import { contextFilesOf, memoryOf } from './context.ts'

type Agent = ResolveAgentResponse & { tenantId: string }

export interface ToolsHarness extends ServiceHarness {
  /** Adds an agent to a tenant; returns its id. */
  addAgent: (tenantId: string, agent: Partial<ResolveAgentResponse>) => string
  /** As whom an agent was looked up, in order. */
  askedFor: (agent: string) => Caller[]
  /** Documents of memory by `agent/user/path`. */
  documents: Record<string, string>
  /** Base folder of the workspaces. */
  workspaceDir: string
  invoke: (
    caller: Caller,
    body: object,
    headers?: Record<string, string>,
  ) => Promise<Answer<{ result: { output: string; metadata: object }; code: string; error: string }>>
}

const fakeServices = (
  agents: readonly Agent[],
  documents: Record<string, string>,
  asked: [agent: string, caller: Caller][],
): Service[] => {
  const memory = memoryOf(documents)
  const files = contextFilesOf({})
  return [
    fakeRpc(AgentsServiceService, {
      resolveAgent: async ({ caller }, { agent }) => {
        asked.push([agent, caller])
        const isMeant = ({ tenantId, id, agentKey }: Agent) =>
          tenantId === caller.tenantId && (id === agent || agentKey === agent)
        return agents.find(isMeant) ?? ResolveAgentResponse.create()
      },
      getContextFile: async (_, file) => files.get(file),
    }),
    fakeRpc(MemoryServiceService, { search: async (_, query) => memory.search(query) }),
  ]
}

/** @param poolLimits shorter times of MCP connections */
export const startTools = async (
  settings: Partial<ToolsConfig> = {},
  poolLimits: Partial<PoolLimits> = {},
): Promise<ToolsHarness> => {
  const agents: Agent[] = []
  const documents: Record<string, string> = {}
  const asked: [agent: string, caller: Caller][] = []
  const config = { ...loadConfigs({ tools: toolsConfig }, {}).tools, ...settings }
  const harness = await startServices({
    services: { tools: (mesh) => toolsService(mesh, config, poolLimits) },
    standIns: fakeServices(agents, documents, asked),
  })
  return {
    ...harness,
    documents,
    askedFor: (agent) => asked.flatMap(([ref, caller]) => (ref === agent ? [caller] : [])),
    workspaceDir: harness.mesh.workspaceDir,
    addAgent: (tenantId, agent) => {
      const id = newId()
      const known = { found: true, id, agentKey: 'default', hasAccess: true, ...agent }
      agents.push({ ...ResolveAgentResponse.create(known), tenantId })
      return id
    },
    invoke: (caller, body, headers) => harness.request(caller, 'POST', '/v1/tools/invoke', body, headers),
  }
}

/** A caller of a fresh tenant that has an agent `default`. */
export const newTenant = (tools: ToolsHarness, overrides: Partial<Caller> = {}): Caller => {
  const caller = testCaller({ tenantSlug: `tenant-${newId()}`, ...overrides })
  tools.addAgent(caller.tenantId, {})
  return caller
}
