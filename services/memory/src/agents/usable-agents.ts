/** Which of some agents a caller may use: lists over all agents show no others. */
import { MeshError } from '@clawmesh/contracts'
import type { Call } from '@clawmesh/chassis'
import type { FindAgent } from './types.ts'

export type UsableAgents = (call: Call, agentIds: readonly string[]) => Promise<string[]>

/** Agents are asked about so many at a time. */
const atOnce = 20

export const createUsableAgents = (findAgent: FindAgent): UsableAgents => {
  const mayUse = async (call: Call, agentId: string): Promise<boolean> => {
    try {
      await findAgent(call, agentId)
      return true
    } catch (thrown) {
      if (thrown instanceof MeshError && (thrown.code === 'FORBIDDEN' || thrown.code === 'NOT_FOUND')) return false
      throw thrown
    }
  }

  return async (call, agentIds) => {
    const usable: string[] = []
    for (let from = 0; from < agentIds.length; from += atOnce) {
      const some = agentIds.slice(from, from + atOnce)
      const may = await Promise.all(some.map((id) => mayUse(call, id)))
      usable.push(...some.filter((_, index) => may[index]))
    }
    return usable
  }
}
