/** The models of all providers of a tenant, asked for seldom: whoever may look may look often. */
import { createSemaphore, newId, serviceCaller, type Cache, type Call, type Logger } from '@clawmesh/chassis'
import type { Caller } from '@clawmesh/contracts'
import type { CallOptions } from '../chat/protocols/options.ts'
import { connectionOf } from '../providers/selection.ts'
import type { ProviderUseCases } from '../providers/use-cases.ts'
import type { Provider } from '../providers/types.ts'
import { listModels } from './models.ts'

export interface ProviderModels {
  name: string
  models: { id: string; name: string }[]
}

export interface AllModelsParts {
  providers: Pick<ProviderUseCases, 'list'>
  optionsOf: (call: Call) => CallOptions
  /** Evicted when a provider of the tenant changes. */
  cache: Cache<{ providers: readonly ProviderModels[] }>
  log: Logger
}

/** Vendors that are asked at once. */
const atOnce = 8
const withinMs = 20_000

/** Models by provider, in the order of their names. A provider that fails has none. */
export const createAllModels = ({ providers, optionsOf, cache, log }: AllModelsParts) => {
  const modelsOf = async (provider: Provider, options: CallOptions): Promise<ProviderModels> => {
    const onFailure = (err: unknown) =>
      log.warn({ err, provider: provider.name, tenantId: provider.tenantId }, 'listing models failed')
    try {
      const models = await listModels(connectionOf(provider), { ...options, onFailure })
      return { name: provider.name, models: models.map(({ id, name }) => ({ id, name: name || id })) }
    } catch (err) {
      onFailure(err)
      return { name: provider.name, models: [] }
    }
  }

  const load = async (tenantId: string) => {
    // Many wait for it, so nobody's leaving ends it.
    const caller = serviceCaller(tenantId)
    const options = optionsOf({ caller, requestId: newId(), signal: AbortSignal.timeout(withinMs) })
    const turns = createSemaphore(atOnce)
    const enabled = (await providers.list(caller)).filter((provider) => provider.enabled)
    return { providers: await Promise.all(enabled.map((provider) => turns(() => modelsOf(provider, options)))) }
  }

  return async ({ tenantId }: Pick<Caller, 'tenantId'>): Promise<readonly ProviderModels[]> =>
    (await cache.get(tenantId, 'all', () => load(tenantId)))?.providers ?? []
}

export type AllModels = ReturnType<typeof createAllModels>
