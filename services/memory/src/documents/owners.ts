/** Whose documents a request is about. Personal ones are their user's, and open to admins. */
import { MeshError, roleIncludes, type Caller } from '@clawmesh/contracts'
import { checkText } from './check.ts'

/** A backend whose credential is bound to nobody speaks for many users, as admins do. */
const mayNameAnyone = ({ role, userBound }: Caller): boolean =>
  roleIncludes(role, 'admin') || (roleIncludes(role, 'operator') && !userBound)

interface NamedUser {
  body?: { userId?: string | undefined } | undefined
  query: { userId?: string | undefined }
}

/**
 * The user whom a request names, in its body or else its query; empty for none.
 * @throws FORBIDDEN when that is somebody whom the caller may not name
 */
export const ownerNamed = (caller: Caller, { body, query }: NamedUser): string => {
  const userId = body?.userId ?? query.userId ?? ''
  if (userId !== '' && userId !== caller.userId && !mayNameAnyone(caller))
    throw new MeshError('FORBIDDEN', 'error.no_access', { kind: 'user' })
  return userId
}

/** The agent's own documents and, where a user is named, that user's. @throws INVALID_REQUEST */
export const ownersFor = (userId: string): string[] => (userId === '' ? [''] : ['', checkText('user_id', userId)])

/** The owners whose documents a caller may see; undefined for all. */
export const visibleOwners = (caller: Caller): string[] | undefined =>
  mayNameAnyone(caller) ? undefined : ownersFor(caller.userId)
