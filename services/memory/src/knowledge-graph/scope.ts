/** Whose graph a request is about. Unlike memory, naming a user leaves what is shared out. */
import { MeshError } from '@clawmesh/contracts'
import type { Call } from '@clawmesh/chassis'
import type { MemoryAgent } from '../agents/types.ts'
import { checkText } from '../documents/check.ts'
import { visibleOwners } from '../documents/owners.ts'
import type { GraphScope } from './types.ts'

/** The graphs to read: the named user's, without one all that the caller may see. @throws INVALID_REQUEST */
export const graphScope = ({ caller }: Call, { id }: MemoryAgent, userId: string): GraphScope => ({
  agentId: id,
  userIds: userId === '' ? visibleOwners(caller) : [checkText('user_id', userId)],
})

export const entityNotFound = (id: string) => new MeshError('NOT_FOUND', 'error.not_found', { kind: 'entity', id })
