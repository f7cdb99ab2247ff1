/** What is left of an account's usage windows, as ChatGPT's backend tells it. */
import { setTimeout as sleep } from 'node:timers/promises'
import { MeshError } from '@clawmesh/contracts'
import { guardedFetch, type GuardedResponse } from '@clawmesh/chassis/fetch'
import { trimEndOf } from '@clawmesh/chassis'
import { objectOf, parseJson, textOf, type Json } from '../chat/protocols/json.ts'
import { providerType } from '../providers/provider-types.ts'
import { workspaceOf } from './claims.ts'
import type { AccountTokens } from './tokens.ts'
import { accountType, type Account, type AccountRows } from './types.ts'

const labels = ['Primary', 'Secondary', 'Code Review (Primary)', 'Code Review (Secondary)'] as const
type Label = (typeof labels)[number]

export interface UsageWindow {
  label: Label
  usedPercent: number
  remainingPercent: number
  resetAfterSeconds: number | null
  resetAt: string | null
}
type CoreWindow = Omit<UsageWindow, 'usedPercent'>

/** Why usage is not known, what is to be done, and what flag says so. */
const failures = {
  missing_account_id: { error: 'the workspace of the account is not known', hint: 'sign in again', flags: {} },
  reauth_required: { error: 'the account is signed out', hint: 'sign in again', flags: { needsReauth: true } },
  payment_required: { error: 'the account has no paid plan', hint: 'look at the billing of the account', flags: {} },
  quota_api_forbidden: {
    error: 'the account may not ask for its usage',
    hint: 'use an account whose workspace allows it',
    flags: { isForbidden: true },
  },
  quota_endpoint_not_found: {
    error: 'upstream knows no usage',
    hint: 'look at the api_base of the account',
    flags: {},
  },
  rate_limited: { error: 'upstream is rate limiting', hint: 'try again later', flags: { retryable: true } },
  provider_unavailable: { error: 'upstream failed', hint: 'try again later', flags: { retryable: true } },
  network_timeout: { error: 'upstream did not answer in time', hint: 'try again later', flags: { retryable: true } },
  network_error: { error: 'upstream cannot be reached', hint: 'try again later', flags: { retryable: true } },
  quota_request_failed: { error: 'upstream gave no usage', hint: 'look at the api_base of the account', flags: {} },
  unknown_upstream_error: { error: 'upstream answered unexpectedly', hint: 'try again later', flags: {} },
} as const satisfies Record<string, { error: string; hint: string; flags: Record<string, true> }>

export type UsageFailure = keyof typeof failures

export type AccountUsage =
  | {
      success: true
      planType: string
      windows: UsageWindow[]
      coreUsage: { fiveHour: CoreWindow | null; weekly: CoreWindow | null }
    }
  | { success: false; errorCode: UsageFailure }

/** The words for a failure. */
export const failureWords = (code: UsageFailure) => failures[code]

const statuses: Readonly<Record<number, UsageFailure>> = {
  401: 'reauth_required',
  402: 'payment_required',
  403: 'quota_api_forbidden',
  404: 'quota_endpoint_not_found',
  429: 'rate_limited',
}
const failureOfStatus = (status: number): UsageFailure =>
  statuses[status] ??
  (status >= 500 ? 'provider_unavailable' : status >= 400 ? 'quota_request_failed' : 'unknown_upstream_error')

const timeoutMs = 12_000
const longestAnswer = 262_144
const pauseMs = { least: 400, most: 2_000 }

const numberOf = (value: unknown): number | undefined =>
  typeof value === 'number' && Number.isFinite(value) ? value : undefined

/** A member under its name in snake or in camel case. */
const member = (of: Json | undefined, name: string): unknown =>
  of?.[name] ?? of?.[name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())]

const windowOf = (label: Label, found: Json | undefined, nowMs: number): UsageWindow[] => {
  const used = numberOf(member(found, 'used_percent'))
  if (used === undefined) return []
  const usedPercent = Math.round(Math.min(100, Math.max(0, used)))
  const after = numberOf(member(found, 'reset_after_seconds'))
  const resetAfterSeconds = after === undefined ? null : Math.trunc(after)
  return [
    {
      label,
      usedPercent,
      remainingPercent: 100 - usedPercent,
      resetAfterSeconds,
      resetAt:
        resetAfterSeconds === null || resetAfterSeconds <= 0 ? null : secondsIso(nowMs + resetAfterSeconds * 1_000),
    },
  ]
}

/** A moment in whole seconds; null beyond what a date can be. */
const secondsIso = (ms: number): string | null =>
  ms < 8.64e15 ? new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z') : null

export const windowsOf = (body: Json, nowMs: number): UsageWindow[] => {
  const limit = objectOf(member(body, 'rate_limit'))
  const review = objectOf(member(body, 'code_review_rate_limit'))
  const places = [limit, limit, review, review]
  return labels.flatMap((label, at) => {
    const name = at % 2 === 0 ? 'primary_window' : 'secondary_window'
    return windowOf(label, objectOf(member(places[at], name)), nowMs)
  })
}

/** Five hours and the week: as they are labelled, or by their resets where those say otherwise. */
export const coreUsageOf = (windows: readonly UsageWindow[]) => {
  const core = windows.filter(({ label }) => !label.startsWith('Code Review'))
  const known = core
    .filter(({ resetAfterSeconds }) => resetAfterSeconds !== null)
    .toSorted((one, other) => one.resetAfterSeconds! - other.resetAfterSeconds!)
  const [shortest, longest] = known.length > 1 ? [known[0], known.at(-1)] : [core[0], core[1]]
  const shown = (window: UsageWindow | undefined): CoreWindow | null => {
    if (window === undefined) return null
    const { usedPercent: _used, ...rest } = window
    return rest
  }
  return { fiveHour: shown(shortest), weekly: longest === shortest ? null : shown(longest) }
}

const usageOf = ({ status, body }: GuardedResponse): AccountUsage => {
  if (status !== 200) return { success: false, errorCode: failureOfStatus(status) }
  const parsed = objectOf(parseJson(Buffer.from(body).toString('utf8')))
  if (parsed === undefined) return { success: false, errorCode: 'quota_request_failed' }
  const windows = windowsOf(parsed, Date.now())
  return {
    success: true,
    planType: textOf(member(parsed, 'plan_type')).slice(0, 50).toLowerCase(),
    windows,
    coreUsage: coreUsageOf(windows),
  }
}

const mayPass = (usage: AccountUsage): boolean =>
  !usage.success && 'retryable' in failures[usage.errorCode].flags && usage.errorCode !== 'rate_limited'

interface Parts {
  rowsOf: (tenantId: string) => AccountRows
  tokens: Pick<AccountTokens, 'current' | 'replaced'>
  /** Private hosts that the operator permits. */
  allow: readonly string[]
}

/** Asks for the usage of an account. Whatever goes wrong is a failure with a code, never an error. */
export const createUsageReader = ({ rowsOf, tokens, allow }: Parts) => {
  const askOnce = async (account: Account, accountId: string): Promise<AccountUsage> => {
    const base = account.apiBase || (providerType(accountType)?.base ?? '')
    try {
      return usageOf(
        await guardedFetch(`${trimEndOf(base, '/')}/wham/usage`, {
          headers: {
            accept: 'application/json',
            authorization: `Bearer ${account.accessToken}`,
            'chatgpt-account-id': accountId,
          },
          allow,
          timeoutMs,
          maxBytes: longestAnswer,
          maxRedirects: 0,
        }),
      )
    } catch (thrown) {
      if (!(thrown instanceof MeshError)) throw thrown
      return { success: false, errorCode: thrown.code === 'AGENT_TIMEOUT' ? 'network_timeout' : 'network_error' }
    }
  }

  const withWorkspace = async (account: Account): Promise<{ account: Account; accountId: string }> => {
    const known = textOf(account.settings['account_id'])
    if (known !== '') return { account, accountId: known }
    const { accountId } = workspaceOf(account.accessToken)
    if (accountId !== '') {
      await rowsOf(account.tenantId).learn(account.id, { account_id: accountId })
      return { account, accountId }
    }
    const renewed = (await tokens.replaced(account)) ?? account
    return {
      account: renewed,
      accountId: textOf(renewed.settings['account_id']) || workspaceOf(renewed.accessToken).accountId,
    }
  }

  return async (stored: Account): Promise<AccountUsage> => {
    const good = await tokens.current(stored)
    if (good.accessToken === '') return { success: false, errorCode: 'reauth_required' }
    const { account, accountId } = await withWorkspace(good)
    if (accountId === '') return { success: false, errorCode: 'missing_account_id' }
    const usage = await askOnce(account, accountId)
    if (!mayPass(usage)) return usage
    await sleep(pauseMs.least + Math.random() * (pauseMs.most - pauseMs.least) * 0.25)
    return askOnce(account, accountId)
  }
}

export type ReadUsage = ReturnType<typeof createUsageReader>
