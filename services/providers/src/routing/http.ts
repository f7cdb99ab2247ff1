import { http } from '@clawmesh/contracts'
import { implementHttp } from '@clawmesh/chassis'
import { keysOf } from '../providers/connection.ts'
import { usable } from '../providers/selection.ts'
import type { Provider } from '../providers/types.ts'
import type { ProviderUseCases } from '../providers/use-cases.ts'
import type { TenantChain } from './chain.ts'
import { fingerprintOf, type Cooldowns } from './cooldowns.ts'
import type { RecentRoutes } from './recent.ts'

interface Parts {
  providers: Pick<ProviderUseCases, 'list'>
  cooldowns: Cooldowns
  recent: RecentRoutes
  tenantChain: TenantChain
}

const iso = (ms: number): string => new Date(ms).toISOString()

const cooldownsOf = (provider: Provider, cooldowns: Cooldowns) => {
  const keys = keysOf(provider.apiKey).map(fingerprintOf)
  const now = Date.now()
  return cooldowns
    .of(provider.id)
    .map(({ fingerprint, untilMs, isProbed, model, kind, failures, reason }) => ({
      // A key that was replaced has no cooldown.
      key: keys.length === 0 ? 1 : keys.indexOf(fingerprint) + 1,
      model,
      state: isProbed ? ('probing' as const) : untilMs > now ? ('cooling' as const) : ('due' as const),
      error: kind,
      failures,
      reason,
      retryAfterMs: Math.max(0, untilMs - now),
    }))
    .filter(({ key }) => key > 0)
    .toSorted((one, other) => one.key - other.key || one.model.localeCompare(other.model))
}

export const createRoutingHttp = ({ providers, cooldowns, recent, tenantChain }: Parts) =>
  implementHttp(http.providerRuntime)({
    getProviderRuntime: async ({ caller, call }) => {
      const [stored, fallbacks] = await Promise.all([providers.list(caller), tenantChain(call)])
      return {
        providers: stored.map((provider) => {
          const cooldownsNow = cooldownsOf(provider, cooldowns)
          const isCooling = cooldownsNow.some(({ state }) => state !== 'due')
          return {
            id: provider.id,
            name: provider.name,
            providerType: provider.providerType,
            keyCount: keysOf(provider.apiKey).length,
            state: usable(provider) ? (isCooling ? ('cooling' as const) : ('ready' as const)) : ('off' as const),
            cooldowns: cooldownsNow,
          }
        }),
        fallbacks,
        recent: recent.of(caller.tenantId).map(({ at, attempts }) => ({
          at: iso(at),
          attempts: attempts.map(({ key, reason, ...attempt }) => ({
            ...attempt,
            outcome: attempt.outcome as 'served',
            ...(key === 0 ? {} : { key }),
            ...(reason === '' ? {} : { reason }),
          })),
        })),
      }
    },
  })
