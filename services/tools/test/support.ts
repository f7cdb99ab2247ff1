/** Tools over a real database, with agents and memory that stand in for the services that keep them. */
import { AgentsServiceService, ResolveAgentResponse } from '@clawmesh/contracts/gen/clawmesh/agents/v1/agents.ts'
import { ExportsServiceService } from '@clawmesh/contracts/gen/clawmesh/agents/v1/exports.ts'
import { AgentSession, SessionsServiceService } from '@clawmesh/contracts/gen/clawmesh/agents/v1/sessions.ts'
import { IdentityServiceService } from '@clawmesh/contracts/gen/clawmesh/identity/v1/identity.ts'
import { MemoryServiceService } from '@clawmesh/contracts/gen/clawmesh/memory/v1/memory.ts'
import { loadConfigs, newId, type Service } from '@clawmesh/chassis'
import type { Caller } from '@clawmesh/contracts'
import type { PoolLimits } from '../src/mcp/client/pool.ts'
import { toolsConfig, toolsService, type ToolsConfig } from '../src/index.ts'
import { fakeRpc } from '../../../test/support/fake-rpc.ts'
import {
  startServices,
  testCaller,
  type Answer,
  type HarnessOptions,
  type ServiceHarness,
} from '../../../test/support/service-harness.ts'
import { contextFilesOf, memoryOf } from './context.ts'

type Agent = ResolveAgentResponse & { tenantId: string }

export interface ToolsHarness extends ServiceHarness {
  /** Adds an agent to a tenant; returns its id. */
  addAgent: (tenantId: string, agent: Partial<ResolveAgentResponse>) => string
  /** As whom an agent was looked up, in order. */
  askedFor: (agent: string) => Caller[]
  /** Archives that were given to be kept, by their tokens. */
  exports: Map<string, { fileName: string; bytes: Buffer; isWhole: boolean }>
  /** System configs by tenant. */
  systemConfigs: Map<string, Record<string, string>>
  /** Documents of memory by `agent/user/path`. */
  documents: Record<string, string>
  /** Base folder of the workspaces. */
  workspaceDir: string
  /** The sessions that there are. */
  sessions: { tenantId: string; agentId: string; userId: string; sessionKey: string }[]
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
  exports: ToolsHarness['exports'],
  sessions: ToolsHarness['sessions'],
): Service[] => {
  const memory = memoryOf(documents)
  const files = contextFilesOf({})
  const resolving = fakeRpc(AgentsServiceService, {
    resolveAgent: async ({ caller }, { agent }) => {
      asked.push([agent, caller])
      const isMeant = ({ tenantId, id, agentKey }: Agent) =>
        tenantId === caller.tenantId && (id === agent || agentKey === agent)
      return agents.find(isMeant) ?? ResolveAgentResponse.create()
    },
    getContextFile: async (_, file) => files.get(file),
  })
  const keeping = fakeRpc(ExportsServiceService, {
    keepPiece: async (_, { exportId, piece, isLast, fileName }) => {
      const id = exportId || newId()
      const kept = exports.get(id) ?? { fileName, bytes: Buffer.alloc(0), isWhole: false }
      exports.set(id, { fileName, bytes: Buffer.concat([kept.bytes, piece]), isWhole: isLast })
      return { exportId: id, token: exportId === '' ? id : '' }
    },
  })
  const reading = fakeRpc(SessionsServiceService, {
    readAgentSession: async ({ caller: { tenantId } }, { agentId, userId, sessionKey }) => {
      const isMeant = (session: ToolsHarness['sessions'][number]) =>
        JSON.stringify(session) === JSON.stringify({ tenantId, agentId, userId, sessionKey })
      const session = sessions.some(isMeant) ? AgentSession.create({ sessionKey }) : undefined
      return { session, isRunning: false, messages: [] }
    },
  })
  return [
    // One service speaks all three contracts.
    { ...resolving, rpc: [...resolving.rpc!, ...keeping.rpc!, ...reading.rpc!] },
    fakeRpc(MemoryServiceService, { search: async (_, query) => memory.search(query) }),
  ]
}

/**
 * @param poolLimits shorter times of MCP connections
 * @param more services beside tools, and stand-ins for what they call
 */
export const startTools = async (
  settings: Partial<ToolsConfig> = {},
  poolLimits: Partial<PoolLimits> = {},
  more: Partial<Pick<HarnessOptions, 'services' | 'standIns'>> = {},
): Promise<ToolsHarness> => {
  const agents: Agent[] = []
  const documents: Record<string, string> = {}
  const asked: [agent: string, caller: Caller][] = []
  const exports: ToolsHarness['exports'] = new Map()
  const sessions: ToolsHarness['sessions'] = []
  const systemConfigs: ToolsHarness['systemConfigs'] = new Map()
  const configs = fakeRpc(IdentityServiceService, {
    listSystemConfigs: async ({ caller: { tenantId } }) => ({ values: systemConfigs.get(tenantId) ?? {} }),
  })
  const given = new Set(more.standIns?.map(({ name }) => name))
  // Whether the machine has a browser is no matter of tests that do not ask for one.
  const config = { ...loadConfigs({ tools: toolsConfig }, {}).tools, browserEnabled: false, ...settings }
  const harness = await startServices({
    services: { ...more.services, tools: (mesh) => toolsService(mesh, config, poolLimits) },
    standIns: [
      ...fakeServices(agents, documents, asked, exports, sessions),
      ...(given.has(configs.name) ? [] : [configs]),
      ...(more.standIns ?? []),
    ],
  })
  return {
    ...harness,
    documents,
    sessions,
    systemConfigs,
    exports,
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
