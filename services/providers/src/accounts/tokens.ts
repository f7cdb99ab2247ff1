/** Tokens that are good: renewed before they run out, by one replica, for all (docs/adr/0032). */
import { createRenewals, type Logger } from '@clawmesh/chassis'
import type { ProviderConnection } from '../providers/connection.ts'
import { TokenRefusal, type AuthorizationServer } from './authorization-server.ts'
import { expiryOf } from './claims.ts'
import type { Account, AccountRows } from './types.ts'

const renewBeforeMs = 300_000

interface Parts {
  rowsOf: (tenantId: string) => AccountRows
  server: AuthorizationServer
  log: Logger
}

/** When the access token of an account runs out, milliseconds since 1970; far away where nobody knows. */
export const endOf = (settings: Record<string, unknown>, accessToken: string): number => {
  const seconds = settings['expires_at']
  return typeof seconds === 'number' ? seconds * 1_000 : (expiryOf(accessToken) ?? Infinity)
}

type Renewable = Pick<Account, 'id' | 'tenantId' | 'keyVersion'> & { isUsable: boolean }

export const createTokens = ({ rowsOf, server, log }: Parts) => {
  const renewals = createRenewals<Account>()

  const renew = ({ id, tenantId, keyVersion, isUsable }: Renewable): Promise<Account | undefined> => {
    const rows = rowsOf(tenantId)
    return renewals(`${id} ${keyVersion}`, {
      claim: (forMs) => rows.claim(id, keyVersion, forMs),
      find: () => rows.find(id),
      isOld: (stored) => stored.keyVersion === keyVersion && stored.refreshToken !== '',
      isUsable,
      renew: async (stored) => {
        try {
          await rows.renew(id, keyVersion, await server.tokensForRefresh(stored.refreshToken))
          return await rows.find(id)
        } catch (thrown) {
          if (!isUsable && thrown instanceof TokenRefusal && thrown.isFinal) {
            log.warn({ account: stored.name, tenantId }, 'a ChatGPT account is signed out')
            await rows.signOut(id, keyVersion)
          } else await rows.release(id, keyVersion)
          throw thrown
        }
      },
    })
  }

  const leftOf = (account: Account): number => endOf(account.settings, account.accessToken) - Date.now()

  /** The account with a token that is good for minutes, as far as that can be had. */
  const current = async (account: Account): Promise<Account> => {
    if (account.refreshToken === '' || leftOf(account) > renewBeforeMs) return account
    try {
      return (await renew({ ...account, isUsable: leftOf(account) > 0 })) ?? account
    } catch (err) {
      log.warn({ err, account: account.name, tenantId: account.tenantId }, 'renewing a token failed')
      return account
    }
  }

  /** The account with another token than the one that was refused; undefined where there is none. */
  const replaced = async (account: Account): Promise<Account | undefined> => {
    if (account.refreshToken === '') return undefined
    try {
      const renewed = await renew({ ...account, isUsable: false })
      return renewed !== undefined && renewed.accessToken !== '' && renewed.accessToken !== account.accessToken
        ? renewed
        : undefined
    } catch (err) {
      log.warn({ err, account: account.name, tenantId: account.tenantId }, 'a refused token could not be renewed')
      return undefined
    }
  }

  const stored = async ({ id, account }: ProviderConnection): Promise<Account | undefined> =>
    id === undefined || account === undefined ? undefined : rowsOf(account.tenantId).find(id)

  const withAccount = (connection: ProviderConnection, { accessToken, settings, ...account }: Account) => ({
    ...connection,
    apiKey: accessToken,
    settings,
    account: { tenantId: account.tenantId, isRenewable: account.refreshToken !== '' },
  })

  return {
    current,
    replaced,

    /** The same connection with a good token. Rows are looked at only when the token that is known runs out. */
    connection: async (connection: ProviderConnection): Promise<ProviderConnection> => {
      const { account, settings, apiKey } = connection
      if (account?.isRenewable !== true || endOf(settings, apiKey) - Date.now() > renewBeforeMs) return connection
      const found = await stored(connection)
      return found === undefined ? connection : withAccount(connection, await current(found))
    },

    /** The same connection with another token than its own, which was refused; undefined where there is none. */
    otherConnection: async (connection: ProviderConnection): Promise<ProviderConnection | undefined> => {
      if (connection.account?.isRenewable !== true) return undefined
      const found = await stored(connection)
      if (found === undefined) return undefined
      const isOther = found.accessToken !== '' && found.accessToken !== connection.apiKey
      const account = isOther ? found : await replaced(found)
      return account === undefined ? undefined : withAccount(connection, account)
    },
  }
}

export type AccountTokens = ReturnType<typeof createTokens>
