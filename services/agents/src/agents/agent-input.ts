/** From what clients send, aliases and all, to what an agent is made of. */
import type { Agent, Json } from '../sessions/types.ts'

/** The writable fields of the HTTP contract. */
export interface AgentInput {
  agent_key?: string | undefined
  display_name?: string | undefined
  frontmatter?: string | null | undefined
  provider?: string | undefined
  model?: string | undefined
  context_window?: number | undefined
  max_tool_iterations?: number | undefined
  workspace?: string | undefined
  agent_type?: Agent['agentType'] | undefined
  is_default?: boolean | undefined
  status?: Agent['status'] | undefined
  budget_monthly_cents?: number | null | undefined
  tools_config?: Json | null | undefined
  sandbox_config?: Json | null | undefined
  subagents_config?: Json | null | undefined
  memory_config?: Json | null | undefined
  compaction_config?: Json | null | undefined
  context_pruning?: Json | null | undefined
  other_config?: Json | null | undefined
  name?: string | undefined
  description?: string | undefined
  system_prompt?: string | undefined
  monthly_cents?: number | null | undefined
}

export type AgentChanges = Partial<Omit<Agent, 'id' | 'tenantId' | 'ownerId' | 'createdAt' | 'updatedAt'>>

const columns = {
  agent_key: 'agentKey',
  display_name: 'displayName',
  frontmatter: 'frontmatter',
  provider: 'provider',
  model: 'model',
  context_window: 'contextWindow',
  max_tool_iterations: 'maxToolIterations',
  workspace: 'workspace',
  agent_type: 'agentType',
  is_default: 'isDefault',
  status: 'status',
  budget_monthly_cents: 'budgetMonthlyCents',
  tools_config: 'toolsConfig',
  sandbox_config: 'sandboxConfig',
  subagents_config: 'subagentsConfig',
  memory_config: 'memoryConfig',
  compaction_config: 'compactionConfig',
  context_pruning: 'contextPruning',
  other_config: 'otherConfig',
} as const satisfies Partial<Record<keyof AgentInput, keyof AgentChanges>>

/** These columns hold an object always; null empties them. */
const neverNull = new Set(['toolsConfig', 'otherConfig'])
const positive = new Set(['contextWindow', 'maxToolIterations'])

/**
 * The columns that an input sets. Canonical names win over aliases; `description` and `system_prompt` go into
 * other_config, on top of `stored` when the input brings none of its own.
 */
export const agentChanges = (input: AgentInput, stored: Json = {}): AgentChanges => {
  const canonical: AgentInput = {
    ...input,
    agent_key: input.agent_key ?? input.name,
    budget_monthly_cents: input.budget_monthly_cents === undefined ? input.monthly_cents : input.budget_monthly_cents,
  }
  const inOther = {
    ...(input.description === undefined ? {} : { description: input.description }),
    ...(input.system_prompt === undefined ? {} : { system_prompt: input.system_prompt }),
  }
  if (Object.keys(inOther).length > 0)
    canonical.other_config = {
      ...inOther,
      ...(input.other_config === undefined ? { ...stored, ...inOther } : input.other_config),
    }

  return Object.fromEntries(
    Object.entries(columns).flatMap(([field, column]) => {
      const value = canonical[field as keyof AgentInput]
      if (value === undefined || (positive.has(column) && Number(value) <= 0)) return []
      return [[column, value === null && neverNull.has(column) ? {} : value]]
    }),
  )
}

/** A key from a free text: lower-case, anything else a hyphen, at most 64 characters. */
export const agentKeyFrom = (text: string): string =>
  text
    .trim()
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, '-')
    .slice(0, 64)
    .replace(/^-+|-+$/g, '') || 'default'
