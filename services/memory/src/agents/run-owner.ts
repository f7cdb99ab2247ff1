/** Whose memory and graph an agent run works with: an agent that shares them knows no personal ones there. */
import { MeshError } from '@clawmesh/contracts'
import type { Call } from '@clawmesh/chassis'
import type { FindAgent, MemoryAgent } from './types.ts'

const longestUserId = 255

export type FindRunOwner = (
  call: Call,
  request: { agentId: string; userId: string },
) => Promise<{
  agent: MemoryAgent
  /** Whose documents it works with; empty for the shared ones. */
  userId: string
  /** Whose graph it works with; empty for the shared one. */
  graphUserId: string
}>

/** The agent that a run names, and the user for whom it works. @throws INVALID_REQUEST, NOT_FOUND */
export const createFindRunOwner =
  (findAgent: FindAgent): FindRunOwner =>
  async (call, { agentId, userId }) => {
    if (agentId === '') throw new MeshError('INVALID_REQUEST', 'error.required', { field: 'agent_id' })
    if (userId.length > longestUserId)
      throw new MeshError('INVALID_REQUEST', 'error.invalid_request', {
        field: 'user_id',
        reason: `> ${longestUserId}`,
      })
    const agent = await findAgent(call, agentId)
    const { shareMemory, shareKnowledgeGraph } = agent.settings
    return { agent, userId: shareMemory ? '' : userId, graphUserId: shareKnowledgeGraph ? '' : userId }
  }
