/** What an agent says about its tools, as others are told it. */
import { createHash } from 'node:crypto'
import { perObject } from '@clawmesh/chassis'
import type { Agent } from '../agents/types.ts'

interface ToolPolicy {
  readonly json: string
  /** Tells one policy from another. */
  readonly digest: string
}

const written = perObject((toolsConfig: Agent['toolsConfig']): ToolPolicy => {
  const json = JSON.stringify(toolsConfig)
  return { json, digest: createHash('sha256').update(json).digest('base64') }
})

/** The policy of an agent, which is kept as long as the agent is cached. */
export const toolPolicyOf = ({ toolsConfig }: Pick<Agent, 'toolsConfig'>): ToolPolicy => written(toolsConfig)
