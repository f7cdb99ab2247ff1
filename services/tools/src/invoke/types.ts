/** A call of a tool, and what is known of it. */
import type { WorkspaceSharing } from '@clawmesh/contracts/gen/clawmesh/agents/v1/agents.ts'
import type { Call } from '@clawmesh/chassis'
import type { ToolSetting } from '../builtin-tools/types.ts'
import type { AgentFacts } from '../tool/tool.ts'

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
  /** How much of the run's iterations is used up, 0 to 1. */
  iterationShare?: number | undefined
}

/** An agent as a call needs to know it. */
export interface ResolvedAgent extends AgentFacts {
  /** The agent's own workspace folder; empty means its key. */
  workspaceFolder: string
  /** `tools_config` as JSON; empty restricts nothing. */
  toolsConfigJson: string
  /** Name of its provider; empty where it has the tenant's default. */
  provider?: string | undefined
  /** `sandbox_config` as JSON; absent where the agent has none. */
  sandboxConfigJson?: string | undefined
  /** Groups of commands that its owner denies or allows, as JSON. */
  shellDenyGroupsJson?: string | undefined
  /** Whether the caller may use the agent. */
  hasAccess: boolean
  /** Whose tools work in the agent's own folder; absent where everybody has one of their own. */
  workspaceSharing?: WorkspaceSharing | undefined
}

/** What the ports of a call are made from. */
export interface CallScope {
  call: Call
  userId: string
  sessionKey: string
  channel: string
  chatId: string
  peerKind: 'direct' | 'group'
  agent: ResolvedAgent | undefined
  settings: readonly ToolSetting[]
}
