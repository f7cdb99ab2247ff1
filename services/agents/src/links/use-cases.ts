import { MeshError, type Caller } from '@clawmesh/contracts'
import { actorOf, type Actor, type Call } from '@clawmesh/chassis'
import type { RequireAgent, RequireOwned } from '../agents/owned.ts'
import type { Agent } from '../agents/types.ts'
import type { AgentLink, LinkChanges, LinkSide, NewLink } from './types.ts'

type End = Pick<Agent, 'id' | 'agentKey'>

/** The links between the agents of one tenant. */
export interface LinkRows {
  /** The oldest first. */
  list: (agentId: string, side: LinkSide) => Promise<AgentLink[]>
  find: (id: string) => Promise<AgentLink | undefined>
  /** @throws ALREADY_EXISTS */
  insert: (link: NewLink & { source: End; target: End; createdBy: string }, actor: Actor) => Promise<AgentLink>
  /** False when it is gone. */
  update: (link: AgentLink, changes: LinkChanges, actor: Actor) => Promise<boolean>
  /** False when it is gone. */
  remove: (link: AgentLink, actor: Actor) => Promise<boolean>
}

interface Parts {
  rowsOf: (tenantId: string) => LinkRows
  requireAgent: RequireAgent
  requireOwned: RequireOwned
}

const linkNotFound = (id: string) => new MeshError('NOT_FOUND', 'error.not_found', { kind: 'link', id })
const refused = (field: string, reason: string) =>
  new MeshError('INVALID_REQUEST', 'error.invalid_request', { field, reason })

/** Which agent may hand work to which, as the owner of the one that hands it out decides. */
export const createLinkUseCases = ({ rowsOf, requireAgent, requireOwned }: Parts) => {
  /** @throws NOT_FOUND, FORBIDDEN */
  const owned = async (caller: Caller, id: string): Promise<AgentLink> => {
    const link = await rowsOf(caller.tenantId).find(id)
    if (link === undefined) throw linkNotFound(id)
    await requireOwned(caller, link.sourceAgentId)
    return link
  }

  return {
    /** @throws NOT_FOUND */
    list: async (caller: Caller, agent: string, side: LinkSide): Promise<AgentLink[]> => {
      const { id } = await requireAgent(caller, agent)
      return rowsOf(caller.tenantId).list(id, side)
    },

    /** @throws NOT_FOUND, FORBIDDEN, INVALID_REQUEST for ends that cannot be linked, ALREADY_EXISTS */
    create: async (call: Call, ends: { source: string; target: string }, link: NewLink): Promise<AgentLink> => {
      const { caller } = call
      const source = await requireOwned(caller, ends.source)
      const target = await requireAgent(caller, ends.target)
      if (source.id === target.id) throw refused('targetAgent', 'is the source itself')
      if (target.agentType !== 'predefined') throw refused('targetAgent', 'is no predefined agent')
      return rowsOf(caller.tenantId).insert({ ...link, source, target, createdBy: caller.userId }, actorOf(call))
    },

    /** @throws NOT_FOUND, FORBIDDEN, INVALID_REQUEST without any change */
    update: async (call: Call, id: string, changes: LinkChanges): Promise<void> => {
      const given = Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined))
      const link = await owned(call.caller, id)
      if (Object.keys(given).length === 0) throw new MeshError('INVALID_REQUEST', 'error.invalid_updates')
      if (!(await rowsOf(call.caller.tenantId).update(link, given, actorOf(call)))) throw linkNotFound(id)
    },

    /** @throws NOT_FOUND, FORBIDDEN */
    remove: async (call: Call, id: string): Promise<void> => {
      const link = await owned(call.caller, id)
      if (!(await rowsOf(call.caller.tenantId).remove(link, actorOf(call)))) throw linkNotFound(id)
    },
  }
}

export type LinkUseCases = ReturnType<typeof createLinkUseCases>
