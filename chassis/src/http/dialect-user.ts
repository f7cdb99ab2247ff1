import { MeshError, type Caller } from '@clawmesh/contracts'

/**
 * The caller of a request to a route of another's dialect: who is not named yet is who the body names, else whom the
 * credential gives. The role stays what the credential gave it, whoever is named.
 * @throws INVALID_REQUEST when there is nobody to speak for
 */
export const withDialectUser = ({ fallbackUserId, ...caller }: Caller, body: unknown): Caller => {
  const { user } = (body ?? {}) as { user?: string | null }
  const userId = fallbackUserId === undefined ? caller.userId : user || fallbackUserId
  if (userId === '') throw new MeshError('INVALID_REQUEST', 'error.user_id_required', { field: 'user' })
  return { ...caller, userId }
}
