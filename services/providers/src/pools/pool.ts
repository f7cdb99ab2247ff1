/** Pools of ChatGPT accounts: who is in one, and in which order its accounts are asked (contract notes providers-mcp.md 6). */
import type { PoolRouting } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import { poolStrategies } from '@clawmesh/contracts'
import { membersOf, poolSettingsOf } from '../providers/codex-pool.ts'
import type { AccountUsage, UsageFailure } from '../accounts/usage.ts'

export type PoolStrategy = (typeof poolStrategies)[number]

export interface Pool {
  owner: string
  strategy: PoolStrategy
  /** The owner first, then the others as they are configured. */
  members: readonly string[]
}

const strategyOf = (value: unknown): PoolStrategy => poolStrategies.find((known) => known === value) ?? 'primary_first'

/** The pool of an account as its own settings and a caller's wishes have it; one of its own account where it has no other. */
export const poolOf = (owner: { name: string; settings: Record<string, unknown> }, wished?: PoolRouting): Pool => {
  const { name, settings } = owner
  const strategy = strategyOf(wished?.strategy || poolSettingsOf(settings)?.['strategy'])
  return { owner: name, strategy, members: [name, ...(wished?.ownerOnly === true ? [] : membersOf(settings))] }
}

/** Whether its accounts are asked in another way than the owner alone. */
export const isRouted = ({ strategy, members }: Pool): boolean => strategy !== 'primary_first' || members.length > 1

/** Whether an account can serve: `blocked` ones are left out, of `unknown` ones nobody can say. */
export interface Eligibility {
  state: 'healthy' | 'blocked' | 'unknown'
  /** Empty for healthy ones. */
  reason: string
}

const blocked: Partial<Record<UsageFailure, string>> = {
  reauth_required: 'reauth',
  quota_api_forbidden: 'forbidden',
  missing_account_id: 'needs_setup',
  payment_required: 'billing',
}
const passing: ReadonlySet<UsageFailure> = new Set([
  'rate_limited',
  'provider_unavailable',
  'network_timeout',
  'network_error',
])

export const eligibilityOf = (usage: AccountUsage): Eligibility => {
  if (!usage.success) {
    const reason = blocked[usage.errorCode]
    if (reason !== undefined) return { state: 'blocked', reason }
    return { state: 'unknown', reason: passing.has(usage.errorCode) ? 'retry_later' : 'unavailable' }
  }
  const { fiveHour, weekly } = usage.coreUsage
  const isExhausted = [fiveHour, weekly].some((window) => window?.remainingPercent === 0)
  return isExhausted ? { state: 'blocked', reason: 'exhausted' } : { state: 'healthy', reason: '' }
}

/**
 * Those that are asked, in their order. By priority: as they are configured. Else the healthy ones before those that nobody
 * knows of.
 * @returns the order, and how many of its first take turns
 */
export const orderOf = <T extends { eligibility: Eligibility }>(
  strategy: PoolStrategy,
  accounts: readonly T[],
): { order: T[]; turning: number } => {
  const open = accounts.filter(({ eligibility }) => eligibility.state !== 'blocked')
  if (strategy === 'priority_order') return { order: open, turning: 1 }
  const healthy = open.filter(({ eligibility }) => eligibility.state === 'healthy')
  const order = [...healthy, ...open.filter((account) => !healthy.includes(account))]
  return { order, turning: strategy === 'round_robin' ? healthy.length || order.length : 1 }
}

/** The first `turning` rotated so that the one at `first` begins. */
export const turned = <T>(order: readonly T[], turning: number, first: number): T[] => [
  ...order.slice(first, turning),
  ...order.slice(0, first),
  ...order.slice(turning),
]
