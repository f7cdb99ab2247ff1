/** Who may use and who may change an agent (contract notes agents.md 1.2). */
import { MeshError, roleIncludes, type Caller } from '@clawmesh/contracts'
import type { Agent } from './types.ts'

export const isSystemOwner = (caller: Caller): boolean => roleIncludes(caller.role, 'owner')

/**
 * Whether somebody is the owner of an agent or a system owner. Without a user id the role alone decides, as an
 * integration that never names users acts for all of them.
 */
export const isOwnerOf = (caller: Caller, agent: Agent): boolean =>
  caller.userId === '' || isSystemOwner(caller) || agent.ownerId === caller.userId

/** Only who owns an agent passes. @throws FORBIDDEN */
export const requireOwner = (caller: Caller, agent: Agent): void => {
  if (isOwnerOf(caller, agent)) return
  throw new MeshError('FORBIDDEN', 'error.owner_only', { kind: 'agent' })
}

/** Whether a user may use an agent. `sharedWith` says if a share names them; it is asked only when it matters. */
export const mayUse = async (caller: Caller, agent: Agent, sharedWith: () => Promise<boolean>): Promise<boolean> =>
  caller.userId === '' ||
  isSystemOwner(caller) ||
  agent.isDefault ||
  agent.ownerId === caller.userId ||
  (await sharedWith())
