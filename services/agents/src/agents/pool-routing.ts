/** How an agent wants the accounts of its provider's pool to be asked (contract notes agents.md 2.4). */
import type { PoolRouting } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import { MeshError, poolStrategies } from '@clawmesh/contracts'
import type { Agent, Json } from './types.ts'

/** What of a provider's pool counts here. */
export interface AccountPool {
  isAccount: boolean
  strategy: string
  extraProviders: readonly string[]
}

interface Wishes {
  inherits: boolean
  strategy: (typeof poolStrategies)[number]
  names: readonly string[]
}

/** What an agent wishes, undefined where it says nothing. */
const wishesOf = (otherConfig: Json): Wishes | undefined => {
  const routing = otherConfig['chatgpt_oauth_routing']
  if (typeof routing !== 'object' || routing === null || Array.isArray(routing)) return undefined
  const { override_mode: mode, strategy, extra_provider_names: extras } = routing as Json
  const names = Array.isArray(extras) ? extras.filter((name) => typeof name === 'string') : []
  const hasWishes = strategy !== undefined || names.length > 0
  return {
    inherits: mode === 'inherit' || (mode === undefined && !hasWishes),
    strategy: poolStrategies.find((known) => known === strategy) ?? 'primary_first',
    names: [...new Set(names.map((name) => name.trim()).filter(Boolean))],
  }
}

/** What a call says of it; undefined where the pool's own way holds. */
export const poolRoutingOf = ({ otherConfig }: Pick<Agent, 'otherConfig'>): PoolRouting | undefined => {
  if (otherConfig['chatgpt_oauth_routing'] === undefined) return undefined
  const wishes = wishesOf(otherConfig)
  if (wishes === undefined || wishes.inherits) return undefined
  const { strategy, names } = wishes
  return { strategy, ownerOnly: strategy === 'primary_first' && names.length === 0 }
}

const refuse = (reason: string): never => {
  throw new MeshError('INVALID_REQUEST', 'error.invalid_request', {
    field: 'other_config.chatgpt_oauth_routing',
    reason,
  })
}

/** Whether `otherConfig` says something that has to be checked. */
export const hasPoolWishes = (otherConfig: Json | undefined): boolean => {
  const wishes = otherConfig === undefined ? undefined : wishesOf(otherConfig)
  return wishes !== undefined && !wishes.inherits
}

/** Checks an agent's wishes against the pool of its provider. @throws INVALID_REQUEST */
export const checkPoolRouting = (otherConfig: Json, { isAccount, extraProviders }: AccountPool): void => {
  const wishes = wishesOf(otherConfig)
  if (wishes === undefined || wishes.inherits || !isAccount) return
  const { strategy, names } = wishes
  if (extraProviders.length === 0) {
    if (strategy !== 'primary_first' || names.length > 0) refuse('the provider has no pool')
  } else if (names.length > 0 && names.join(' ') !== extraProviders.join(' '))
    refuse('must be the pool of the provider')
}
