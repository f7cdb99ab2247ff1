/** The agent of a request that changes it, read from its row: a cache may not know yet whose it is. */
import { MeshError, type Caller } from '@clawmesh/contracts'
import { cutText } from '@clawmesh/chassis'
import { requireOwner } from './access.ts'
import type { Agent } from './types.ts'

/** Only `find` of a tenant's agents. */
type FindAgent = (tenantId: string) => { find: (ref: string) => Promise<Agent | undefined> }

export const agentNotFound = (ref: string): MeshError =>
  new MeshError('NOT_FOUND', 'error.not_found', { kind: 'agent', id: cutText(ref, 100) })

/** @throws NOT_FOUND */
export const requireAgent = async (rowsOf: FindAgent, { tenantId }: Caller, ref: string): Promise<Agent> => {
  const agent = await rowsOf(tenantId).find(ref)
  if (agent === undefined) throw agentNotFound(ref)
  return agent
}

/** @throws NOT_FOUND, FORBIDDEN when the caller may not change it */
export const requireOwnedAgent = async (rowsOf: FindAgent, caller: Caller, ref: string): Promise<Agent> => {
  const agent = await requireAgent(rowsOf, caller, ref)
  requireOwner(caller, agent)
  return agent
}

/** What features that change something of an agent ask for. @throws NOT_FOUND, FORBIDDEN */
export type RequireOwned = (caller: Caller, ref: string) => Promise<Agent>

/** The agent of the caller's tenant that an id or key names, whoever owns it. @throws NOT_FOUND */
export type RequireAgent = (caller: Caller, ref: string) => Promise<Agent>
