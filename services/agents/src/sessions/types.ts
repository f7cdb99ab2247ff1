/** The things the agents service knows, as its domain speaks of them. */

export type AgentStatus = 'active' | 'inactive' | 'summoning' | 'summon_failed'
export type Json = Record<string, unknown>

export interface Agent {
  id: string
  tenantId: string
  agentKey: string
  displayName: string
  frontmatter: string | null
  ownerId: string
  /** Provider name; empty means the tenant's default. */
  provider: string
  model: string
  /** Tokens. */
  contextWindow: number
  maxToolIterations: number
  workspace: string
  agentType: 'open' | 'predefined'
  isDefault: boolean
  status: AgentStatus
  budgetMonthlyCents: number | null
  toolsConfig: Json
  otherConfig: Json
  sandboxConfig: Json | null
  subagentsConfig: Json | null
  memoryConfig: Json | null
  compactionConfig: Json | null
  contextPruning: Json | null
  createdAt: Date
  updatedAt: Date
}

export interface StoredToolCall {
  id: string
  name: string
  arguments: Json
  parseError?: string
}

/** What a message carries beside its text. */
export interface MessageExtra {
  toolCalls?: StoredToolCall[]
  toolCallId?: string
  isError?: boolean
  thinking?: string
  /** The provider's own blocks of the turn, sent back unchanged. */
  providerState?: string
}

export interface Message {
  role: 'user' | 'assistant' | 'tool'
  content: string
  extra?: MessageExtra
  createdAt: Date
}

export interface Session {
  id: string
  tenantId: string
  sessionKey: string
  agentId: string
  agentName: string
  contextWindow: number
  userId: string
  summary: string
  model: string
  provider: string
  channel: string
  inputTokens: number
  outputTokens: number
  compactionCount: number
  label: string
  metadata: Record<string, string>
  messageCount: number
  messageBytes: number
  createdAt: Date
  updatedAt: Date
}

export interface Usage {
  inputTokens: number
  outputTokens: number
  cacheReadTokens: number
  cacheCreationTokens: number
  thinkingTokens: number
}
