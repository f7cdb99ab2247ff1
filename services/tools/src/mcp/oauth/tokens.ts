/** Tokens of users that are good: renewed before they run out, by one replica, for all (docs/adr/0032, 0050). */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from '@clawmesh/chassis'
import { OauthFault, type Authorization } from './authorization.ts'
import type { Account, OauthRows } from './types.ts'

const renewBeforeMs = 60_000
/** Longer than the authorization server may take; whoever dies meanwhile holds others up so long. */
const claimMs = 40_000
const pollMs = 100

interface Parts {
  rowsOf: (tenantId: string) => OauthRows
  authorization: Pick<Authorization, 'tokensForRefresh'>
  log: Logger
}

const leftOf = ({ expiresAt }: Account): number =>
  expiresAt === undefined ? Infinity : expiresAt.getTime() - Date.now()

export const createTokens = ({ rowsOf, authorization, log }: Parts) => {
  const underWay = new Map<string, Promise<Account | undefined>>()

  /** @param isUsable whether the old token is good as long as somebody else renews it */
  const renewHere = async (account: Account, isUsable: boolean): Promise<Account | undefined> => {
    const { id, version, tenantId, serverId, userId } = account
    const rows = rowsOf(tenantId)
    const find = () => rows.account(serverId, userId)
    const isOurs = (stored: Account | undefined) => stored?.id === id && stored.version === version
    for (const until = Date.now() + 2 * claimMs; Date.now() < until; await sleep(pollMs)) {
      if (await rows.claim(id, version, claimMs)) break
      const stored = await find()
      if (!isOurs(stored) || isUsable) return stored
    }
    const stored = await find()
    if (stored === undefined || !isOurs(stored)) return stored
    try {
      await rows.renew(stored, await authorization.tokensForRefresh(stored))
      return await find()
    } catch (thrown) {
      if (thrown instanceof OauthFault && thrown.isFinal) {
        log.info({ serverId, tenantId }, 'a user of an MCP server is signed out')
        await rows.forget(stored)
        return undefined
      }
      await rows.release(id, version)
      throw thrown
    }
  }

  /** One renewal of a version at a time; here by this, elsewhere by the claim. */
  const renew = (account: Account, isUsable: boolean): Promise<Account | undefined> => {
    const key = `${account.id} ${account.version} ${isUsable}`
    const known = underWay.get(key)
    if (known !== undefined) return known
    const begun = renewHere(account, isUsable).finally(() => underWay.delete(key))
    underWay.set(key, begun)
    return begun
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
