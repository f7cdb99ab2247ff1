import { z } from 'zod'
import { slug, timestamp, uuid } from '../common.ts'
import { defineHttpTable } from '../operation.ts'

/** The account of those who name none. */
export const defaultChatgptAlias = 'openai-codex'

/** Why the usage of an account is not known. */
export const quotaErrorCodes = [
  'missing_account_id',
  'reauth_required',
  'payment_required',
  'quota_api_forbidden',
  'quota_endpoint_not_found',
  'rate_limited',
  'provider_unavailable',
  'network_timeout',
  'network_error',
  'quota_request_failed',
  'unknown_upstream_error',
] as const

const params = z.object({ provider: slug(50).default(defaultChatgptAlias).describe('Name of the provider') })

const percent = z.number().int().min(0).max(100)
const resets = {
  reset_after_seconds: z.number().int().nullable(),
  reset_at: timestamp.nullable().describe('Null where the wait is unknown or over'),
}
const coreWindow = z.object({ label: z.string(), remaining_percent: percent, ...resets }).nullable()

export const chatgptAccounts = defineHttpTable('providers', {
  getChatgptOauthStatus: {
    method: 'GET',
    path: '/v1/auth/chatgpt/{provider}/status',
    aliases: [{ path: '/v1/auth/openai/status', id: 'getOpenaiOauthStatus' }],
    role: 'admin',
    summary: 'Whether a ChatGPT account is signed in',
    rules: {
      isNeverMissing: 'A name that nobody has, and an account without a token, are not authenticated; neither is 404',
      renewsWhatRunsOut: 'A token that runs out within five minutes is renewed first',
      staysSignedInWhenRenewingFails: 'Where renewing fails and a token is stored the account counts as authenticated',
      saysWhatCannotBeRead: 'A stored token that cannot be opened is not authenticated, and the error says so',
      refusesOtherTypes: 'The name of a provider of another type is answered 409',
      hasAnOlderPath: 'The older path is the same for the account `openai-codex`',
    },
    params,
    response: {
      200: z.object({
        authenticated: z.boolean(),
        provider_name: z.string().optional().describe('Only when authenticated'),
        error: z.string().optional(),
      }),
    },
    errors: [400, 409],
  },
  getChatgptOauthQuota: {
    method: 'GET',
    path: '/v1/auth/chatgpt/{provider}/quota',
    aliases: [{ path: '/v1/auth/openai/quota', id: 'getOpenaiOauthQuota' }],
    role: 'admin',
    summary: 'What is left of the usage windows of a ChatGPT account',
    rules: {
      looksInTheInstallationToo:
        'The account is the one of the tenant, else of the master tenant; an unknown name is answered 404, a provider of another type 409',
      isAnAnswerWhateverHappens:
        'Whatever goes wrong with the token or upstream is answered 200 with `success` false, no windows, and `error_code`, `error` and `action_hint`',
      asksTwice: 'Upstream is asked at most twice, the second time after a failure that may pass',
      findsTheWorkspace:
        'A workspace that is not known is read from the token, then from a renewed one; only then it is `missing_account_id`',
      flagsWhatMatters: '`needs_reauth`, `is_forbidden` and `retryable` are there only where they are true',
      labelsWindows: 'Windows are labelled Primary, Secondary and Code Review; percentages are whole and from 0 to 100',
      namesTheCoreWindows:
        '`core_usage` has the five hours and the week: the shortest and the longest window that are not of code review where labels drift, and no week where there is one window',
      lowersThePlan: '`plan_type` is in lower case, and absent where it is unknown',
    },
    params,
    response: {
      200: z.object({
        provider_name: z.string(),
        success: z.boolean(),
        plan_type: z.string().optional(),
        windows: z.array(
          z.object({
            label: z.enum(['Primary', 'Secondary', 'Code Review (Primary)', 'Code Review (Secondary)']),
            used_percent: percent,
            remaining_percent: percent,
            ...resets,
          }),
        ),
        core_usage: z.object({ five_hour: coreWindow, weekly: coreWindow }).optional(),
        last_updated: timestamp,
        error: z.string().optional(),
        error_code: z.enum(quotaErrorCodes).optional(),
        action_hint: z.string().optional(),
        needs_reauth: z.literal(true).optional(),
        is_forbidden: z.literal(true).optional(),
        retryable: z.literal(true).optional(),
      }),
    },
    errors: [400, 404, 409],
  },
  startChatgptOauth: {
    method: 'POST',
    path: '/v1/auth/chatgpt/{provider}/start',
    aliases: [{ path: '/v1/auth/openai/start', id: 'startOpenaiOauth' }],
    role: 'admin',
    summary: 'Begin to sign a ChatGPT account in',
    rules: {
      givesAnAddressToOpen:
        'The answer is an address of the authorization server with a PKCE challenge (S256) and a state, and no secret is in it',
      saysWhenItIsDone: 'An account that is signed in is `already_authenticated`, and there is no address',
      givesTheSameAddressAgain: 'While a sign-in of the same user and name is open its address is given again',
      takesOneAtATime:
        'Another open sign-in of the tenant is answered 409; sign-ins of other tenants neither block it nor show',
      endsAfterSixMinutes: 'A sign-in that is not finished within six minutes is over',
      listensOnThisMachine:
        'Where the process serves one person it listens at the redirect address itself: a browser that comes back there ends the sign-in, once, and sees a small page',
      failsWithoutAnAnswer:
        'A browser that comes back with an error or without a code ends the sign-in; one with another state ends none, as any page could send it',
      saysWhenItCannotListen: 'Where that address is taken by somebody else the answer is 500',
      guardsTheBase: 'A private address as `api_base` is refused, and nothing is begun',
      isAnEvent: 'That a sign-in was begun is an event that names who did it',
    },
    params,
    body: z
      .object({
        display_name: z.string().max(255).optional(),
        api_base: z.string().max(2048).optional(),
      })
      .optional(),
    response: {
      200: z.object({
        auth_url: z.string().optional(),
        status: z.literal('already_authenticated').optional(),
        provider_name: z.string().optional(),
      }),
    },
    errors: [400, 409],
  },
  completeChatgptOauth: {
    method: 'POST',
    path: '/v1/auth/chatgpt/{provider}/callback',
    aliases: [{ path: '/v1/auth/openai/callback', id: 'completeOpenaiOauth' }],
    role: 'admin',
    summary: 'Hand in the address that the browser was sent back to',
    rules: {
      needsAnOpenSignIn: 'Without an open sign-in of the same tenant, user and name the answer is 400',
      refusesAnotherAnswer:
        'An address without a code, with an error or with another state, and a code that the authorization server refuses, are answered 400 with the reason; the sign-in stays open',
      storesTheAccount:
        'The provider of that name is made or changed: enabled, with the access token as its key, and with expiry, scopes, workspace and plan among its settings, the others kept',
      sealsTokens: 'Access and refresh token are encrypted in the database, and in no answer',
      isDoneOnce: 'After that the sign-in is over: the same address again is answered 400',
      refusesOtherTypes: 'The name of a provider of another type is answered 409, and that provider stays as it is',
      servesAtOnce: 'The account serves the next call',
      worksOnAnyReplica: 'Any replica takes the address, whichever began the sign-in',
    },
    params,
    body: z.object({
      redirect_url: z.string().max(8192).describe('The whole address, with code and state'),
    }),
    response: {
      200: z.object({ authenticated: z.literal(true), provider_name: z.string(), provider_id: uuid }),
    },
    errors: [400, 409],
  },
  logoutChatgptOauth: {
    method: 'POST',
    path: '/v1/auth/chatgpt/{provider}/logout',
    aliases: [{ path: '/v1/auth/openai/logout', id: 'logoutOpenaiOauth' }],
    role: 'admin',
    summary: 'Forget a ChatGPT account and its tokens',
    rules: {
      removesTheProvider:
        'The provider is deleted with its tokens, and serves no call any more; nobody upstream is asked',
      isFineTwice: 'A name that nobody has is answered alike',
      refusesOtherTypes: 'The name of a provider of another type is answered 409, and that provider stays',
      isAnEvent: 'The sign-out is an event that names who did it',
    },
    params,
    response: { 200: z.object({ status: z.literal('logged out') }) },
    errors: [400, 409],
  },
})
