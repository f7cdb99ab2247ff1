/** Tokens of users that are good: renewed before they run out, by one replica, for all (docs/adr/0032, 0050). */
import { createRenewals, type Logger } from '@clawmesh/chassis'
import { OauthFault, type Authorization } from './authorization.ts'
import type { Account, OauthRows } from './types.ts'

const renewBeforeMs = 60_000

interface Parts {
  rowsOf: (tenantId: string) => OauthRows
  authorization: Pick<Authorization, 'tokensForRefresh' | 'revoke'>
  log: Logger
}

const leftOf = ({ expiresAt }: Account): number =>
  expiresAt === undefined ? Infinity : expiresAt.getTime() - Date.now()

export const createTokens = ({ rowsOf, authorization, log }: Parts) => {
  const renewals = createRenewals<Account>()

  /** @param isUsable whether the old token is good as long as somebody else renews it */
  const renew = ({ id, version, tenantId, serverId, userId }: Account, isUsable: boolean) => {
    const rows = rowsOf(tenantId)
    const find = () => rows.account(serverId, userId)
    return renewals(`${id} ${version}`, {
      claim: (forMs) => rows.claim(id, version, forMs),
      find,
      isOld: (stored) => stored.id === id && stored.version === version,
      isUsable,
      renew: async (stored) => {
        try {
          const fresh = await authorization.tokensForRefresh(stored)
          // Somebody signed out meanwhile: what has come is nobody's.
          if (!(await rows.renew(stored, fresh))) await authorization.revoke({ ...stored, ...fresh })
          return await find()
        } catch (thrown) {
          if (thrown instanceof OauthFault && thrown.isFinal) {
            if (thrown.isUnknownClient) await rows.forgetClient(serverId, stored.discovery.metadata.issuer)
            log.info({ serverId, tenantId }, 'a user of an MCP server is signed out')
            await rows.forget(stored)
            return undefined
          }
          await rows.release(id, version)
          throw thrown
        }
      },
    })
  }

  return {
    /** The account with a token that is good for a minute, as far as that can be had; undefined once it is signed out. */
    current: async (account: Account): Promise<Account | undefined> => {
      const left = leftOf(account)
      if (left > renewBeforeMs) return account
      if (account.refreshToken === '') return left > 0 ? account : undefined
      try {
        return await renew(account, left > 0)
      } catch (err) {
        if (left <= 0) throw err
        log.warn({ err, serverId: account.serverId, tenantId: account.tenantId }, 'renewing a token failed')
        return account
      }
    },

    /**
     * The account with another token than the one that was refused; undefined once it is signed out.
     * @throws OauthFault when the authorization server cannot be asked
     */
    replaced: async (account: Account): Promise<Account | undefined> => {
      const stored = await rowsOf(account.tenantId).account(account.serverId, account.userId)
      if (stored === undefined || stored.id !== account.id || stored.version !== account.version) return stored
      if (stored.refreshToken !== '') return renew(stored, false)
      await rowsOf(account.tenantId).forget(stored)
      return undefined
    },
  }
}

export type OauthTokens = ReturnType<typeof createTokens>
