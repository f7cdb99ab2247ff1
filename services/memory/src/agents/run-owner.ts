/** Whose memory an agent run works with: an agent that shares its memory knows no personal documents there. */
import { MeshError } from '@clawmesh/contracts'
import type { Call } from '@clawmesh/chassis'
import type { FindAgent, MemoryAgent } from './types.ts'

const longestUserId = 255

export type FindRunOwner = (
  call: Call,
  request: { agentId: string; userId: string },
) => Promise<{ agent: MemoryAgent; userId: string }>

/** The agent that a run names, and the user whose documents it works with. @throws INVALID_REQUEST, NOT_FOUND */
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
    return { agent, userId: agent.settings.shareMemory ? '' : userId }
  }
