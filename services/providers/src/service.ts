/** Providers: the LLM and embedding providers of each tenant, and the calls to them. */
import { existsSync } from 'node:fs'
import { http } from '@clawmesh/contracts'
import { ProvidersServiceService } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import {
  implementHttp,
  implementRpc,
  outboxPart,
  systemConfigsOf,
  type Call,
  type Mesh,
  type Service,
} from '@clawmesh/chassis'
import { guardedDispatcher } from '@clawmesh/chassis/fetch'
import type { ProvidersConfig } from './config.ts'
import type { Provider } from './domain/provider.ts'
import { providerUseCases } from './domain/providers.ts'
import { providerSelection } from './domain/selection.ts'
import type { CallOptions } from './domain/wire/options.ts'
import { providerHandlers } from './http/providers.ts'
import { trialHandlers } from './http/trials.ts'
import { providersRpc } from './rpc/providers.ts'
import { providersStore } from './store/store.ts'

const cachedTenants = 10_000

export const providersService = (mesh: Mesh, config: ProvidersConfig): Service => {
  const { bus, secrets } = mesh
  const log = mesh.log.child({ service: 'providers' })
  const database = mesh.database('providers')
  const outbox = outboxPart(database, mesh)
  const store = providersStore({ database, bus, secrets, log, published: outbox.poke })

  const systemConfigs = systemConfigsOf(mesh)
  const allow = mesh.config.fetchAllow.split(',').filter(Boolean)
  const fetcher = guardedDispatcher({ allow, connectTimeoutMs: config.connectTimeoutMs })
  const timeouts = {
    connectMs: config.connectTimeoutMs,
    firstTokenMs: config.firstTokenTimeoutMs,
    idleMs: config.idleTimeoutMs,
    wholeMs: config.answerTimeoutMs,
  }
  const inContainer = existsSync('/.dockerenv')
  const options = ({ signal }: Call): CallOptions => ({ fetcher, signal, timeouts, inContainer })

  const providers = providerUseCases(store, allow)
  const selection = providerSelection({
    store,
    systemConfigs,
    cache: mesh.cache<Provider[]>('providers', cachedTenants),
    embedded: mesh.embedded,
  })

  return {
    name: 'providers',
    http: implementHttp(
      http.providers,
      { ...providerHandlers(providers), ...trialHandlers({ providers, selection, options, log }) },
      mesh.httpParts('providers'),
    ),
    rpc: [implementRpc(ProvidersServiceService, providersRpc(selection, options))],
    parts: [
      { name: 'providers database', ready: database.ping },
      outbox,
      { name: 'upstream connections', stop: () => fetcher.destroy() },
    ],
  }
}
