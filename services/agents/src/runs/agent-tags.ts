import type { Agent } from '../agents/types.ts'

/** The cost tags that an agent gives its runs: `cost_tags` of its other config. */
export const costTagsOf = ({ otherConfig }: Pick<Agent, 'otherConfig'>): Readonly<Record<string, unknown>> => {
  const tags = otherConfig['cost_tags']
  return typeof tags === 'object' && tags !== null && !Array.isArray(tags) ? (tags as Record<string, unknown>) : {}
}
