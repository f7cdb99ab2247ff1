/** Who may use the tools of a server: agents by their grants, users within those. */
import { MeshError, type Caller } from '@clawmesh/contracts'
import { actorOf, type Actor, type Call } from '@clawmesh/chassis'
import type { AgentGrant, NewAgentGrant, NewUserGrant, ToolLists } from './types.ts'

/** The grants of one tenant. */
export interface GrantRows {
  /** Of a server or of an agent, oldest first. */
  list: (of: { serverId: string } | { agentId: string }) => Promise<AgentGrant[]>
  /** Grants, or replaces the lists of a grant and switches it on. @throws NOT_FOUND for an unknown server */
  putAgent: (serverId: string, grant: ToolLists & { agentId: string; grantedBy: string }, actor: Actor) => Promise<void>
  /** The same for a user. @throws NOT_FOUND for an unknown server */
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
  /** Whether the caller's tenant has an agent of this id. */
  hasAgent: (call: Call, id: string) => Promise<boolean>
}

const listsOf = ({ toolAllow, toolDeny }: Pick<NewUserGrant, 'toolAllow' | 'toolDeny'>): ToolLists => ({
  toolAllow: toolAllow ?? [],
  toolDeny: toolDeny ?? [],
})

export const createGrantUseCases = ({ rowsOf, hasAgent }: Parts) => ({
  listOfServer: ({ tenantId }: Caller, serverId: string) => rowsOf(tenantId).list({ serverId }),
  listOfAgent: ({ tenantId }: Caller, agentId: string) => rowsOf(tenantId).list({ agentId }),

  /** @throws NOT_FOUND */
  grantAgent: async (call: Call, serverId: string, { agentId, ...lists }: NewAgentGrant): Promise<void> => {
    const { tenantId, userId: grantedBy } = call.caller
    if (!(await hasAgent(call, agentId)))
      throw new MeshError('NOT_FOUND', 'error.not_found', { kind: 'agent', id: agentId })
    await rowsOf(tenantId).putAgent(serverId, { agentId, grantedBy, ...listsOf(lists) }, actorOf(call))
  },

  /** @throws NOT_FOUND */
  grantUser: async (call: Call, serverId: string, { userId, ...lists }: NewUserGrant): Promise<void> => {
    const { tenantId, userId: grantedBy } = call.caller
    await rowsOf(tenantId).putUser(serverId, { userId, grantedBy, ...listsOf(lists) }, actorOf(call))
  },

  revokeAgent: (call: Call, serverId: string, agentId: string): Promise<void> =>
    rowsOf(call.caller.tenantId).removeAgent(serverId, agentId, actorOf(call)),

  revokeUser: (call: Call, serverId: string, userId: string): Promise<void> =>
    rowsOf(call.caller.tenantId).removeUser(serverId, userId, actorOf(call)),

  /** The end of an agent's grants with the agent. */
  forgetAgent: (tenantId: string, agentId: string): Promise<void> => rowsOf(tenantId).removeOfAgent(agentId),
})

export type GrantUseCases = ReturnType<typeof createGrantUseCases>
