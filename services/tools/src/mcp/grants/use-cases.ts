/** Who may use the tools of a server: agents by their grants, users within those. */
import { MeshError, type Caller } from '@clawmesh/contracts'
import { actorOf, type Actor, type Call } from '@clawmesh/chassis'
import { serverNotFound } from '../servers/use-cases.ts'
import type { AgentGrant, NewAgentGrant, NewUserGrant, ToolLists } from './types.ts'

/** The grants of one tenant. */
export interface GrantRows {
  hasServer: (id: string) => Promise<boolean>
  /** Of a server, of an agent or all, oldest first. */
  list: (of: { serverId?: string; agentId?: string }) => Promise<AgentGrant[]>
  /** Grants, or replaces a grant; it is on unless that is said. @throws NOT_FOUND when the server has gone */
  putAgent: (
    serverId: string,
    grant: Readonly<Record<keyof ToolLists, readonly string[]>> &
      Pick<AgentGrant, 'agentId' | 'grantedBy'> &
      Partial<Pick<AgentGrant, 'enabled' | 'configOverrides'>>,
    actor: Actor,
  ) => Promise<void>
  /** The same for a user. @throws NOT_FOUND when the server has gone */
  putUser: (serverId: string, grant: ToolLists & { userId: string; grantedBy: string }, actor: Actor) => Promise<void>
  /** Fine when there is none. */
  removeAgent: (serverId: string, agentId: string, actor: Actor) => Promise<void>
  /** Fine when there is none. */
  removeUser: (serverId: string, userId: string, actor: Actor) => Promise<void>
  /** Everything that was granted to an agent or asked for it. */
  removeOfAgent: (agentId: string) => Promise<void>
}

interface Parts {
  rowsOf: (tenantId: string) => GrantRows
  /** The id of the agent of the caller's tenant that an id or a key names. */
  findAgentId: (call: Call, agent: string) => Promise<string | undefined>
}

const listsOf = ({ toolAllow, toolDeny }: Pick<NewUserGrant, 'toolAllow' | 'toolDeny'>): ToolLists => ({
  toolAllow: toolAllow ?? [],
  toolDeny: toolDeny ?? [],
})

const agentNotFound = (id: string) => new MeshError('NOT_FOUND', 'error.not_found', { kind: 'agent', id })

export const createGrantUseCases = ({ rowsOf, findAgentId }: Parts) => {
  /** @throws NOT_FOUND */
  const serverRows = async ({ tenantId }: Caller, serverId: string): Promise<GrantRows> => {
    const rows = rowsOf(tenantId)
    if (!(await rows.hasServer(serverId))) throw serverNotFound(serverId)
    return rows
  }

  return {
    listOfServer: ({ tenantId }: Caller, serverId: string) => rowsOf(tenantId).list({ serverId }),

    /** @throws NOT_FOUND */
    listOfAgent: async (call: Call, agent: string) => {
      const agentId = await findAgentId(call, agent)
      if (agentId === undefined) throw agentNotFound(agent)
      return rowsOf(call.caller.tenantId).list({ agentId })
    },

    /** @throws NOT_FOUND */
    grantAgent: async (call: Call, serverId: string, { agentId, ...lists }: NewAgentGrant): Promise<void> => {
      const rows = await serverRows(call.caller, serverId)
      if ((await findAgentId(call, agentId)) === undefined) throw agentNotFound(agentId)
      await rows.putAgent(serverId, { agentId, grantedBy: call.caller.userId, ...listsOf(lists) }, actorOf(call))
    },

    /** @throws NOT_FOUND */
    grantUser: async (call: Call, serverId: string, { userId, ...lists }: NewUserGrant): Promise<void> => {
      const rows = await serverRows(call.caller, serverId)
      await rows.putUser(serverId, { userId, grantedBy: call.caller.userId, ...listsOf(lists) }, actorOf(call))
    },

    /** Fine without a grant, and for an unknown agent. @throws NOT_FOUND for an unknown server */
    revokeAgent: async (call: Call, serverId: string, agent: string): Promise<void> => {
      const rows = await serverRows(call.caller, serverId)
      const agentId = await findAgentId(call, agent)
      if (agentId !== undefined) await rows.removeAgent(serverId, agentId, actorOf(call))
    },

    /** Fine without a grant. @throws NOT_FOUND for an unknown server */
    revokeUser: async (call: Call, serverId: string, userId: string): Promise<void> =>
      (await serverRows(call.caller, serverId)).removeUser(serverId, userId, actorOf(call)),

    /** The end of an agent's grants with the agent. */
    forgetAgent: (tenantId: string, agentId: string): Promise<void> => rowsOf(tenantId).removeOfAgent(agentId),
  }
}

export type GrantUseCases = ReturnType<typeof createGrantUseCases>
