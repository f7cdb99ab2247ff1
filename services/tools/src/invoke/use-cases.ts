/** Brings together what a tool call needs: the tenant's settings, the policy, the agent and the ports of the call. */
import { actorOf, cutText, type Actor, type Call } from '@clawmesh/chassis'
import { MeshError } from '@clawmesh/contracts'
import { availableTools, type Lacking } from '../builtin-tools/catalogue.ts'
import { noTools, type Toolbox } from '../mcp/tools/toolbox.ts'
import type { ToolSetting } from '../builtin-tools/types.ts'
import { unknownProfiles } from '../policy/policy.ts'
import { toolRulesSchema, type ToolRules } from '../policy/rules.ts'
import { withPorts, type PortMakers } from '../tool/ports.ts'
import type { Tool, ToolResult } from '../tool/tool.ts'
import type { TakeCall } from './call-limit.ts'
import type { TenantRules, TenantRulesOf } from './tenant-rules.ts'
import { findTool, invokeTool, offeredTools, type InvokeDeps } from './run-tool.ts'
import type { CallScope, ResolvedAgent, ToolCall } from './types.ts'

export interface InvokeParts {
  settingsOf: (tenantId: string) => Promise<readonly ToolSetting[]>
  /** The same, read from the rows. */
  storedSettingsOf: InvokeParts['settingsOf']
  /** The agent of the caller's tenant that an id or a key names. @throws when agents cannot be asked */
  findAgent: (call: Call, agent: string) => Promise<ResolvedAgent | undefined>
  ports: PortMakers<CallScope>
  /** What holds in the caller's tenant, as it is known, or read from the rows for who keeps the answer. */
  rules: { known: TenantRulesOf; stored: TenantRulesOf }
  timeoutMs: number
  /** Records that somebody ran a tool by hand. */
  recordInvocation: (tenantId: string, tool: string, actor: Actor) => Promise<void>
  onUnexpected: (tool: string, thrown: unknown) => void
  /** Told of profiles that are none, in the rules of an agent. */
  onUnknownProfile: (tenantId: string, agentId: string, profile: string) => void
  /** Counts a call of a session; false when it has had as many as it may. */
  takeCall: TakeCall
  /** IPv4 addresses of the machine, which no answer shows. */
  serverAddresses?: readonly string[]
  /** The tools of MCP servers for an agent and a user. @param isFresh reads the rows, for who keeps the answer */
  toolbox: (call: Call, agentId: string, userId: string, isFresh: boolean) => Promise<Toolbox>
  /** Values that no answer in the tenant may hold. */
  secretsOf: (tenantId: string, userId: string) => Promise<readonly string[]>
  /** What an agent is told of a tool beside its description; empty for most. */
  notesOn: (tool: string, tenantId: string, agentId: string) => Promise<string>
  /** The tools that a tenant has made for an agent. @param isFresh reads the rows, for who keeps the answer */
  customTools: (tenantId: string, agentId: string, isFresh: boolean) => Promise<readonly Tool[]>
  /** Out of the settings, which tools there are. */
  toolsFor?: (settings: readonly ToolSetting[], lacking?: Lacking) => Tool[]
  /** What the installation has not set up: tools that need it are offered to nobody. */
  lacking?: Lacking
}

/** The rules of an agent; unreadable ones restrict nothing that the installation allows. */
const rulesOf = (toolsConfigJson: string): ToolRules | undefined => {
  if (toolsConfigJson === '') return undefined
  const parsed = toolRulesSchema.safeParse(JSON.parse(toolsConfigJson))
  return parsed.success ? parsed.data : undefined
}

/** A session key that names another agent's session, or none without an agent, says nothing. */
const ownSessionKey = (sessionKey: string, agent: ResolvedAgent | undefined): string =>
  agent !== undefined && sessionKey.startsWith(`agent:${agent.key}:`) ? sessionKey : ''

const noAgent: Pick<ResolvedAgent, 'toolsConfigJson' | 'provider'> = { toolsConfigJson: '' }

/** For whom tools are listed. */
interface OfferRequest extends Pick<ResolvedAgent, 'toolsConfigJson' | 'provider'> {
  agentId: string
  userId: string
}

const mcpMark = 'mcp_'

export const createInvokeUseCases = (parts: InvokeParts) => {
  const { settingsOf, storedSettingsOf, ports, rules, timeoutMs, onUnexpected, toolsFor = availableTools } = parts

  const findAgent = async (call: Call, ref: string) => (ref === '' ? undefined : parts.findAgent(call, ref))

  /** @throws FORBIDDEN when the caller may not use the agent, NOT_FOUND where it has to exist and does not */
  const findUsableAgent = async (call: Call, ref: string, isNamed = false): Promise<ResolvedAgent | undefined> => {
    const agent = await findAgent(call, ref)
    if (agent === undefined && isNamed)
      throw new MeshError('NOT_FOUND', 'error.not_found', { kind: 'agent', id: cutText(ref, 100) })
    if (agent?.hasAccess === false) throw new MeshError('FORBIDDEN', 'error.no_access', { kind: 'agent' })
    return agent
  }

  const choiceOf = (
    { policy }: Pick<TenantRules, 'policy'>,
    settings: readonly ToolSetting[],
    { toolsConfigJson, provider }: Pick<ResolvedAgent, 'toolsConfigJson' | 'provider'>,
    custom: readonly Tool[],
    box: Toolbox,
  ): Pick<InvokeDeps, 'tools' | 'policy' | 'lacking'> => ({
    lacking: parts.lacking,
    tools: [...toolsFor(settings, parts.lacking), ...custom, ...box.tools],
    policy: {
      global: policy,
      agent: rulesOf(toolsConfigJson),
      provider: provider === '' ? undefined : provider,
      groups: { ...box.groups, custom: custom.map(({ name }) => name) },
    },
  })

  /** Asked only for names that such tools may have. */
  const toolboxFor = async (
    call: Call,
    tool: string,
    agent: ResolvedAgent | undefined,
    userId: string,
  ): Promise<Toolbox> =>
    agent !== undefined && tool.includes(mcpMark) ? parts.toolbox(call, agent.id, userId, false) : noTools

  const runFor = async (call: Call, agent: ResolvedAgent | undefined, request: ToolCall): Promise<ToolResult> => {
    const { tool, args, agent: _, ...facts } = request
    const { tenantId } = call.caller
    const [held, settings, custom, box, secrets] = await Promise.all([
      rules.known(call),
      settingsOf(tenantId),
      parts.customTools(tenantId, agent?.id ?? '', false),
      toolboxFor(call, tool, agent, facts.userId),
      parts.secretsOf(tenantId, facts.userId),
    ])
    const context = withPorts({ ...facts, tenantId }, { ...facts, call, agent, settings }, ports)
    const deps = {
      ...choiceOf(held, settings, agent ?? noAgent, custom, box),
      timeoutMs,
      onUnexpected,
      scrub: { secrets, onlyKnown: !held.scrubs, serverAddresses: parts.serverAddresses },
      takeCall: () => parts.takeCall(tenantId, facts.sessionKey, held.callsPerHour),
    }
    return invokeTool(deps, { tool, args, context, signal: call.signal })
  }

  const noted = async (tool: Tool, tenantId: string, agentId: string): Promise<Tool> => {
    const notes = await parts.notesOn(tool.name, tenantId, agentId)
    return notes === '' ? tool : { ...tool, description: `${tool.description}\n\n${notes}` }
  }

  const offeredTo = async (
    call: Call,
    { agentId, userId, toolsConfigJson, provider }: OfferRequest,
  ): Promise<{ tools: Tool[]; isPersonal: boolean }> => {
    const { tenantId } = call.caller
    const [held, settings, custom, box] = await Promise.all([
      rules.stored(call),
      storedSettingsOf(tenantId),
      parts.customTools(tenantId, agentId, true),
      parts.toolbox(call, agentId, userId, true),
    ])
    const choice = choiceOf(held, settings, { toolsConfigJson, provider }, custom, box)
    for (const profile of unknownProfiles(choice.policy.agent)) parts.onUnknownProfile(tenantId, agentId, profile)
    const allowed = offeredTools(choice)
    const tools = await Promise.all(box.offered(allowed).map((tool) => noted(tool, tenantId, agentId)))
    return { tools, isPersonal: box.isPersonal }
  }

  /** @throws NOT_FOUND for a tool that is unknown, switched off or denied */
  const toolFor = async (call: Call, agent: ResolvedAgent | undefined, name: string, userId: string): Promise<Tool> => {
    const { tenantId } = call.caller
    const [held, settings, custom, box] = await Promise.all([
      rules.known(call),
      settingsOf(tenantId),
      parts.customTools(tenantId, agent?.id ?? '', false),
      toolboxFor(call, name, agent, userId),
    ])
    return findTool(choiceOf(held, settings, agent ?? noAgent, custom, box), name)
  }

  return {
    /**
     * The tools that an agent with these rules may use, in the order of the catalogue, and whether they are this user's
     * alone. Who asks keeps them, and may hear of a change before the cache here does: so they are read from the rows.
     */
    offered: offeredTo,

    /**
     * Whether a caller may use an agent.
     * @param isNamed whether the agent has to exist
     * @throws NOT_FOUND, FORBIDDEN
     */
    checkAgent: async (call: Call, ref: string, isNamed: boolean): Promise<void> => {
      await findUsableAgent(call, ref, isNamed)
    },

    /**
     * The tools that a caller gets of an agent; without one, those that need none.
     * @throws FORBIDDEN when the caller may not use the agent
     */
    offeredOf: async (call: Call, ref: string): Promise<Tool[]> => {
      const agent = await findUsableAgent(call, ref)
      const { tools } = await offeredTo(call, {
        agentId: agent?.id ?? '',
        userId: call.caller.userId,
        toolsConfigJson: agent?.toolsConfigJson ?? '',
        provider: agent?.provider,
      })
      return tools
    },

    /**
     * Runs a tool of an agent for a caller. What goes wrong in the tool is part of the result.
     * @throws as `offeredOf`, and NOT_FOUND for a tool that is unknown, switched off or denied
     */
    runOf: async (call: Call, request: ToolCall): Promise<ToolResult> => {
      const agent = await findUsableAgent(call, request.agent)
      await toolFor(call, agent, request.tool, request.userId)
      return runFor(call, agent, request)
    },

    /** Records that a caller runs a tool by hand. */
    record: (call: Call, tool: string) => parts.recordInvocation(call.caller.tenantId, tool, actorOf(call)),

    /** Runs a tool for an agent; whatever goes wrong in it is part of the result. @throws when agents cannot be asked */
    run: async (call: Call, request: ToolCall): Promise<ToolResult> =>
      runFor(call, await findAgent(call, request.agent), request),

    /**
     * A tool as a caller would get it.
     * @throws NOT_FOUND when it is unknown, switched off or denied, FORBIDDEN when the caller may not use the agent
     */
    find: async (call: Call, name: string, agentRef: string): Promise<Tool> =>
      toolFor(call, await findUsableAgent(call, agentRef), name, call.caller.userId),

    /**
     * Runs a tool that somebody called by hand, as an agent would, and records it.
     * @throws TOOL_ERROR when the tool fails, FORBIDDEN when the caller may not use the agent
     */
    runByHand: async (call: Call, request: ToolCall): Promise<ToolResult> => {
      const agent = await findUsableAgent(call, request.agent)
      await parts.recordInvocation(call.caller.tenantId, request.tool, actorOf(call))
      const result = await runFor(call, agent, { ...request, sessionKey: ownSessionKey(request.sessionKey, agent) })
      if (result.isError) throw new MeshError('TOOL_ERROR', 'error.tool_failed', { text: result.output })
      return result
    },
  }
}

export type InvokeUseCases = ReturnType<typeof createInvokeUseCases>
