/** Brings together what a tool call needs: the tenant's settings, the policy, the agent, its workspace and services. */
import type { AgentsServiceService } from '@clawmesh/contracts/gen/clawmesh/agents/v1/agents.ts'
import type { MemoryServiceService } from '@clawmesh/contracts/gen/clawmesh/memory/v1/memory.ts'
import type { Cache, Call, Logger, RpcFunctions } from '@clawmesh/chassis'
import type { ToolsConfig } from '../config.ts'
import type { ToolSetting, ToolsStore } from '../store/store.ts'
import { availableTools } from './catalogue.ts'
import { findTool, invokeTool, offeredTools, type InvokeDeps } from './invoke.ts'
import { toolRulesSchema, type ToolRules } from './policy.ts'
import type { AgentFacts, Tool, ToolContext, ToolResult } from './tool.ts'
import { createPageCache } from './web/page-cache.ts'
import { domainPolicyOf, extractorsSchema } from './web/web-access.ts'
import { workspacePath } from './workspace/index.ts'

export interface ToolCall {
  tool: string
  args: unknown
  /** Id or key; empty runs without an agent. */
  agent: string
  userId: string
  sessionKey: string
  channel: string
  chatId: string
  peerKind: 'direct' | 'group'
}

interface Parts {
  store: ToolsStore
  cache: Cache<ToolSetting[]>
  agents: RpcFunctions<typeof AgentsServiceService>
  memory: RpcFunctions<typeof MemoryServiceService>
  config: ToolsConfig
  /** Base folder of all workspaces, absolute. */
  workspaceDir: string
  fetchAllow: readonly string[]
  log: Logger
}

/** The rules of an agent; unreadable ones restrict nothing that the installation allows. */
const rulesOf = (toolsConfigJson: string): ToolRules | undefined => {
  if (toolsConfigJson === '') return undefined
  const parsed = toolRulesSchema.safeParse(JSON.parse(toolsConfigJson))
  return parsed.success ? parsed.data : undefined
}

export const createToolRunner = (parts: Parts) => {
  const { store, agents, memory, config } = parts
  const pages = createPageCache()

  const settingsOf = async (tenantId: string): Promise<ToolSetting[]> =>
    (await parts.cache.get(tenantId, 'settings', () => store.forTenant(tenantId).settings())) ?? []

  const dependencies = async (
    tenantId: string,
    toolsConfigJson: string,
  ): Promise<Pick<InvokeDeps, 'tools' | 'policy'>> => ({
    tools: availableTools(await settingsOf(tenantId)),
    policy: { global: config.policy, agent: rulesOf(toolsConfigJson) },
  })

  const webAccess = (settings: readonly ToolSetting[]): ToolContext['web'] => ({
    policy: domainPolicyOf(config.webDomains),
    extractors:
      extractorsSchema.safeParse(settings.find(({ name }) => name === 'web_fetch')?.settings['extractors']).data ?? [],
    allow: parts.fetchAllow,
    cache: pages,
  })

  /** What is known of the agent that a call names; undefined when there is none of that name. */
  const findAgent = async (call: Call, ref: string) => {
    if (ref === '') return undefined
    const agent = await agents.resolveAgent(call, { agent: ref })
    if (!agent.found) return undefined
    const facts: AgentFacts = {
      id: agent.id,
      key: agent.agentKey,
      type: agent.agentType === 'predefined' ? 'predefined' : 'open',
      selfEvolve: agent.selfEvolve,
      shareMemory: agent.shareMemory,
    }
    return { ...agent, facts }
  }

  return {
    /** The tools that an agent with these rules may use, in the order of the catalogue. */
    offered: async (call: Call, toolsConfigJson: string): Promise<Tool[]> =>
      offeredTools(await dependencies(call.caller.tenantId, toolsConfigJson)),

    /** A tool as a caller would get it. @throws NOT_FOUND when it is unknown, switched off or denied */
    find: async (call: Call, name: string, agentRef: string): Promise<Tool> => {
      const agent = await findAgent(call, agentRef)
      return findTool(await dependencies(call.caller.tenantId, agent?.toolsConfigJson ?? ''), name)
    },

    /** Runs a tool; whatever goes wrong in it is part of the result. @throws when agents cannot be asked */
    run: async (call: Call, request: ToolCall): Promise<ToolResult> => {
      const { tenantId, tenantSlug } = call.caller
      const [settings, agent] = await Promise.all([settingsOf(tenantId), findAgent(call, request.agent)])
      const owner = { tenantId, tenantSlug, userId: request.userId }
      const context: Omit<ToolContext, 'signal'> = {
        tenantId,
        userId: request.userId,
        sessionKey: request.sessionKey,
        channel: request.channel,
        chatId: request.chatId,
        peerKind: request.peerKind,
        web: webAccess(settings),
        ...(agent === undefined
          ? {}
          : {
              agent: agent.facts,
              workspace: workspacePath(parts.workspaceDir, {
                ...owner,
                agentKey: agent.agentKey,
                agentWorkspace: agent.workspace,
              }),
              memory: {
                search: (query) => memory.search(call, query),
                get: (query) => memory.getDocument(call, query),
                put: (document) => memory.putDocument(call, document),
              },
              contextFiles: {
                get: (file) => agents.getContextFile(call, file),
                set: (file) => agents.setContextFile(call, file),
              },
            }),
      }
      return invokeTool(
        {
          ...(await dependencies(tenantId, agent?.toolsConfigJson ?? '')),
          timeoutMs: config.toolTimeoutMs,
          onUnexpected: (tool, err) => parts.log.error({ err, tool }, 'a tool failed'),
        },
        { tool: request.tool, args: request.args, context, signal: call.signal },
      )
    },
  }
}

export type ToolRunner = ReturnType<typeof createToolRunner>
