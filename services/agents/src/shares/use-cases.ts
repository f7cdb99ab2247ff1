import type { Caller } from '@clawmesh/contracts'
import { actorOf, type Actor, type Call } from '@clawmesh/chassis'
import type { AgentShare, NewShare } from './types.ts'

/** The shares of the agents of one tenant. */
export interface ShareRows {
  /** In the order in which they came. */
  list: (agentId: string) => Promise<AgentShare[]>
  /** Grants a share, or replaces role and granter of the one there is. @throws NOT_FOUND when the agent is gone */
  put: (agentId: string, share: NewShare & { grantedBy: string }, actor: Actor) => Promise<void>
  /** Fine when there is none. */
  remove: (agentId: string, userId: string, actor: Actor) => Promise<void>
}

interface Parts {
  rowsOf: (tenantId: string) => ShareRows
  /** The agent that an id or key names, where the caller may change it. @throws NOT_FOUND, FORBIDDEN */
  requireOwned: (caller: Caller, ref: string) => Promise<{ id: string }>
}

/** Who an agent is shared with, as its owner decides. */
export const createShareUseCases = ({ rowsOf, requireOwned }: Parts) => ({
  /** @throws NOT_FOUND, FORBIDDEN */
  list: async (caller: Caller, agent: string): Promise<AgentShare[]> => {
    const { id } = await requireOwned(caller, agent)
    return rowsOf(caller.tenantId).list(id)
  },

  /** Shares with a user, or gives a share another role. @throws NOT_FOUND, FORBIDDEN */
  share: async (call: Call, agent: string, share: NewShare): Promise<void> => {
    const { caller } = call
    const { id } = await requireOwned(caller, agent)
    await rowsOf(caller.tenantId).put(id, { ...share, grantedBy: caller.userId }, actorOf(call))
  },

  /** Fine for a user without a share. @throws NOT_FOUND, FORBIDDEN */
  revoke: async (call: Call, agent: string, userId: string): Promise<void> => {
    const { caller } = call
    const { id } = await requireOwned(caller, agent)
    await rowsOf(caller.tenantId).remove(id, userId, actorOf(call))
  },
})

export type ShareUseCases = ReturnType<typeof createShareUseCases>
