import { http } from '@clawmesh/contracts'
import { implementHttp } from '@clawmesh/chassis'
import type { AccountUseCases } from './use-cases.ts'
import { failureWords } from './usage.ts'

export const createAccountHttp = (accounts: AccountUseCases) =>
  implementHttp(http.chatgptAccounts)({
    getChatgptOauthStatus: ({ caller, params }) => accounts.status(caller, params.provider),

    getChatgptOauthQuota: async ({ caller, params: { provider } }) => {
      const usage = await accounts.usage(caller, provider)
      const about = { providerName: provider, lastUpdated: new Date() }
      if (!usage.success) {
        const { error, hint, flags } = failureWords(usage.errorCode)
        const { errorCode } = usage
        return { ...about, success: false, windows: [], error, errorCode, actionHint: hint, ...flags }
      }
      const { planType, ...rest } = usage
      return { ...about, ...rest, ...(planType === '' ? {} : { planType }) }
    },

    startChatgptOauth: async ({ call, params: { provider }, body }) => {
      const authUrl = await accounts.start(call, provider, body ?? {})
      return authUrl === undefined
        ? { status: 'already_authenticated' as const, providerName: provider }
        : { authUrl, providerName: provider }
    },

    completeChatgptOauth: async ({ call, params: { provider }, body }) => ({
      authenticated: true as const,
      providerName: provider,
      providerId: await accounts.complete(call, provider, body.redirectUrl),
    }),

    logoutChatgptOauth: async ({ call, params: { provider } }) => {
      await accounts.logout(call, provider)
      return { status: 'logged out' as const }
    },
  })
