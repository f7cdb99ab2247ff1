/** What an agent says about its tools, as others are told it. */
import { createHash } from 'node:crypto'
import type { Agent } from '../agents/types.ts'

interface ToolPolicy {
  readonly json: string
  /** Tells one policy from another. */
  readonly digest: string
}

const known = new WeakMap<Agent['toolsConfig'], ToolPolicy>()

/** The policy of an agent, which is kept as long as the agent is cached. */
export const toolPolicyOf = ({ toolsConfig }: Pick<Agent, 'toolsConfig'>): ToolPolicy => {
  const before = known.get(toolsConfig)
  if (before !== undefined) return before
  const json = JSON.stringify(toolsConfig)
  const policy = { json, digest: createHash('sha256').update(json).digest('base64') }
  known.set(toolsConfig, policy)
  return policy
}
