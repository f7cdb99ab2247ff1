/** The secrets that users have of their own for MCP servers. */
import { MeshError, roleIncludes, type Caller } from '@clawmesh/contracts'
import { noSecrets, type McpSecrets } from '../secrets.ts'

export interface CredentialStatus {
  hasApiKey: boolean
  hasHeaders: boolean
  hasEnv: boolean
}

/** The credentials of one tenant's users. */
export interface CredentialRows {
  /** Replaces what is stored. @throws NOT_FOUND for an unknown server */
  put: (serverId: string, userId: string, secrets: McpSecrets) => Promise<void>
  status: (serverId: string, userId: string) => Promise<CredentialStatus | undefined>
  /** Fine when there are none. */
  remove: (serverId: string, userId: string) => Promise<void>
}

/**
 * The user whose secrets are meant.
 * @throws INVALID_REQUEST when the request names none, FORBIDDEN when it names another and the caller is no admin
 */
export const targetUser = ({ userId, role }: Caller, named: string | undefined): string => {
  if (named && named !== userId && !roleIncludes(role, 'admin'))
    throw new MeshError('FORBIDDEN', 'error.no_access', { kind: 'user' })
  const target = named || userId
  if (target === '') throw new MeshError('INVALID_REQUEST', 'error.user_id_required')
  return target
}

export const createCredentialUseCases = (rowsOf: (tenantId: string) => CredentialRows) => ({
  /** @throws INVALID_REQUEST, FORBIDDEN, NOT_FOUND */
  set: async (
    caller: Caller,
    serverId: string,
    named: string | undefined,
    secrets: Partial<McpSecrets>,
  ): Promise<void> => {
    const { apiKey = '', headers = {}, env = {} } = secrets
    await rowsOf(caller.tenantId).put(serverId, targetUser(caller, named), { ...noSecrets, apiKey, headers, env })
  },

  /** @throws INVALID_REQUEST, FORBIDDEN */
  status: async (caller: Caller, serverId: string, named: string | undefined) => {
    const found = await rowsOf(caller.tenantId).status(serverId, targetUser(caller, named))
    return {
      hasCredentials: found !== undefined,
      ...(found ?? { hasApiKey: false, hasHeaders: false, hasEnv: false }),
    }
  },

  /** @throws INVALID_REQUEST, FORBIDDEN */
  remove: async (caller: Caller, serverId: string, named: string | undefined): Promise<void> =>
    rowsOf(caller.tenantId).remove(serverId, targetUser(caller, named)),
})

export type CredentialUseCases = ReturnType<typeof createCredentialUseCases>
