/** Finds the agent of a run, through a cache: this is asked once a chat turn. */
import { MeshError, type Caller } from '@clawmesh/contracts'
import type { Cache } from '@clawmesh/chassis'
import { mayUse } from './access.ts'
import { agentNotFound } from './owned.ts'
import type { Agent } from './types.ts'
import type { AgentRows } from './use-cases.ts'

export interface AgentLookup {
  /** An agent by id, key, or `default`; the default one where `ref` is empty. */
  find: (tenantId: string, ref: string) => Promise<Agent | undefined>
  /** Whether a caller may use an agent of their tenant. */
  hasAccess: (caller: Caller, agent: Agent) => Promise<boolean>
  /**
   * The same, read from the rows: for answers that are kept elsewhere. Of a change, others may hear before this cache does;
   * what they then asked for and kept would be the old state, for as long as they keep it.
   */
  fromRows: Pick<AgentLookup, 'find' | 'hasAccess'>
  /** @throws NOT_FOUND when it does not exist or is not active, FORBIDDEN when the caller has no access */
  runnable: (caller: Caller, ref: string) => Promise<Agent>
}

interface Parts {
  rowsOf: (tenantId: string) => Pick<AgentRows, 'find' | 'findDefault' | 'isSharedWith'>
  agents: Cache<Agent>
  /** Whether an agent is shared with a user. */
  shares: Cache<{ isShared: boolean }>
}

export const createAgentLookup = ({ rowsOf, agents, shares }: Parts): AgentLookup => {
  const read = (tenantId: string, ref: string) =>
    ref === '' ? rowsOf(tenantId).findDefault() : rowsOf(tenantId).find(ref)
  const find = (tenantId: string, ref: string) => agents.get(tenantId, ref, () => read(tenantId, ref))

  const hasAccess = (caller: Caller, agent: Agent) =>
    mayUse(caller, agent, async () => {
      const { tenantId, userId } = caller
      const load = async () => ({ isShared: await rowsOf(tenantId).isSharedWith(agent.id, userId) })
      return (await shares.get(tenantId, `${agent.id} ${userId}`, load))!.isShared
    })

  return {
    find,
    hasAccess,
    fromRows: {
      find: read,
      hasAccess: (caller, agent) =>
        mayUse(caller, agent, () => rowsOf(caller.tenantId).isSharedWith(agent.id, caller.userId)),
    },
    runnable: async (caller, ref) => {
      const agent = await find(caller.tenantId, ref)
      if (agent === undefined || agent.status !== 'active') throw agentNotFound(ref)
      if (!(await hasAccess(caller, agent))) throw new MeshError('FORBIDDEN', 'error.no_access', { kind: 'agent' })
      return agent
    },
  }
}
