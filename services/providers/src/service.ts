/** Providers: the LLM and embedding providers of each tenant, and the calls to them. */
import { existsSync } from 'node:fs'
import { http } from '@clawmesh/contracts'
import { ProvidersServiceService } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import {
  implementHttp,
  implementRpc,
  createOutboxPart,
  systemConfigsOf,
  type Call,
  type Mesh,
  type Service,
} from '@clawmesh/chassis'
import { createGuardedDispatcher } from '@clawmesh/chassis/fetch'
import type { ProvidersConfig } from './config.ts'
import type { Provider } from './domain/provider.ts'
import { createProviderUseCases } from './domain/providers.ts'
import { createProviderSelection } from './domain/selection.ts'
import type { CallOptions } from './domain/protocols/options.ts'
import { createProviderHandlers } from './http/providers.ts'
import { createTrialHandlers } from './http/trials.ts'
import { createProvidersRpc } from './rpc/providers.ts'
import { createProvidersStore } from './store/store.ts'

const cachedTenants = 10_000

export const providersService = (mesh: Mesh, config: ProvidersConfig): Service => {
  const { bus, secrets } = mesh
  const log = mesh.log.child({ service: 'providers' })
  const database = mesh.database('providers')
  const outbox = createOutboxPart(database, mesh)
  const store = createProvidersStore({ database, bus, secrets, log, published: outbox.wakeRelay })

  const systemConfigs = systemConfigsOf(mesh)
  const allow = mesh.config.fetchAllow.split(',').filter(Boolean)
  const fetcher = createGuardedDispatcher({ allow, connectTimeoutMs: config.connectTimeoutMs })
  const timeouts = {
    connectMs: config.connectTimeoutMs,
    firstTokenMs: config.firstTokenTimeoutMs,
    idleMs: config.idleTimeoutMs,
    wholeMs: config.answerTimeoutMs,
  }
  const inContainer = existsSync('/.dockerenv')
  const options = ({ signal }: Call): CallOptions => ({ fetcher, signal, timeouts, inContainer })

  const providers = createProviderUseCases(store, allow)
  const selection = createProviderSelection({
    store,
    systemConfigs,
    cache: mesh.cache<Provider[]>('providers', cachedTenants),
    embedded: mesh.embedded,
  })

  return {
    name: 'providers',
    http: implementHttp(
      http.providers,
      { ...createProviderHandlers(providers), ...createTrialHandlers({ providers, selection, options, log }) },
      mesh.httpParts('providers'),
    ),
    rpc: [implementRpc(ProvidersServiceService, createProvidersRpc(selection, options))],
    parts: [
      { name: 'providers database', ready: database.ping },
      outbox,
      { name: 'upstream connections', stop: () => fetcher.destroy() },
    ],
  }
}
