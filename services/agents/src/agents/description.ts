import type { Agent } from './types.ts'

/** What the owner says the agent is for; empty where nothing is said. */
export const descriptionOf = ({ otherConfig }: Pick<Agent, 'otherConfig'>): string => {
  const { description } = otherConfig
  return typeof description === 'string' ? description.trim() : ''
}
