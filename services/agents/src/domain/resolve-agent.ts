/** Finds the agent of a run, through a cache: this is asked once a chat turn. */
import { MeshError, type Caller } from '@clawmesh/contracts'
import type { Cache } from '@clawmesh/chassis'
import type { AgentsStore } from '../store/store.ts'
import type { Agent } from './types.ts'
import type { ContextFile } from './run/prompt.ts'

export interface AgentLookup {
  /** An agent by id, key, or `default`. */
  find: (tenantId: string, ref: string) => Promise<Agent | undefined>
  /** @throws NOT_FOUND when it does not exist or is not active */
  runnable: (caller: Caller, ref: string) => Promise<Agent>
  contextFiles: (agent: Agent, userId: string) => Promise<ContextFile[]>
}

interface Parts {
  store: AgentsStore
  agents: Cache<Agent>
  files: Cache<ContextFile[]>
}

export const createAgentLookup = ({ store, agents, files }: Parts): AgentLookup => {
  const find = (tenantId: string, ref: string) =>
    agents.get(tenantId, ref, () => {
      const rows = store.forTenant(tenantId).agents
      return ref === '' ? rows.findDefault() : rows.find(ref)
    })
  return {
    find,
    runnable: async (caller, ref) => {
      const agent = await find(caller.tenantId, ref)
      if (agent === undefined || agent.status !== 'active')
        throw new MeshError('NOT_FOUND', 'error.not_found', { kind: 'agent', id: ref.slice(0, 100) })
      return agent
    },
    contextFiles: async (agent, userId) =>
      (await files.get(agent.tenantId, `${agent.id} ${userId}`, () =>
        store.forTenant(agent.tenantId).agents.contextFiles(agent.id, userId),
      )) ?? [],
  }
}
