/** What users ask of their own sign-ins at MCP servers. */
import { MeshError, type Caller } from '@clawmesh/contracts'
import { targetUser } from '../credentials/use-cases.ts'
import type { McpSecrets } from '../secrets.ts'
import { serverNotFound } from '../servers/use-cases.ts'
import type { McpServer } from '../servers/types.ts'
import { OauthFault } from './authorization.ts'
import { isSignedInTo } from './settings.ts'
import type { Oauth } from './use-cases.ts'

interface Parts {
  serversOf: (tenantId: string) => {
    find: (id: string) => Promise<McpServer | undefined>
    secretsOf: (id: string) => Promise<McpSecrets>
  }
  oauth: Pick<Oauth, 'begin' | 'status' | 'signOut' | 'complete'>
}

export const createSignIns = ({ serversOf, oauth }: Parts) => {
  /** @throws NOT_FOUND */
  const serverOf = async (tenantId: string, id: string): Promise<McpServer> => {
    const server = await serversOf(tenantId).find(id)
    if (server === undefined) throw serverNotFound(id)
    return server
  }

  return {
    complete: oauth.complete,

    /** @throws INVALID_REQUEST, FORBIDDEN, NOT_FOUND */
    status: async (caller: Caller, serverId: string, named: string | undefined) => {
      const { tenantId } = caller
      const userId = targetUser(caller, named)
      const server = await serverOf(tenantId, serverId)
      const { account, open } = await oauth.status(tenantId, serverId, userId)
      return {
        wantsSignIn: isSignedInTo(server),
        signedIn: account !== undefined,
        ...(account === undefined || account.scope === '' ? {} : { scope: account.scope }),
        ...(account?.expiresAt === undefined ? {} : { tokenExpiresAt: account.expiresAt }),
        ...(open === undefined || userId !== caller.userId ? {} : { authUrl: open.url }),
      }
    },

    /** @throws INVALID_REQUEST, also with what stands in the way; NOT_FOUND */
    begin: async (caller: Caller, serverId: string) => {
      const { tenantId } = caller
      const userId = targetUser(caller, undefined)
      const server = await serverOf(tenantId, serverId)
      if (server.transport === 'stdio')
        throw new MeshError('INVALID_REQUEST', 'error.sign_in_failed', { reason: 'nobody signs in to a program' })
      const secrets = await serversOf(tenantId).secretsOf(serverId)
      try {
        const { url: authUrl, expiresAt } = await oauth.begin(tenantId, userId, server, secrets)
        return { authUrl, expiresAt }
      } catch (thrown) {
        if (!(thrown instanceof OauthFault)) throw thrown
        throw new MeshError('INVALID_REQUEST', 'error.sign_in_failed', { reason: thrown.message }, { cause: thrown })
      }
    },

    /** @throws INVALID_REQUEST, FORBIDDEN */
    end: (caller: Caller, serverId: string, named: string | undefined): Promise<void> =>
      oauth.signOut(caller.tenantId, serverId, targetUser(caller, named)),
  }
}

export type SignInUseCases = ReturnType<typeof createSignIns>
