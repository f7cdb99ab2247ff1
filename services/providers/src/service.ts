/** Providers: the LLM and embedding providers of each tenant, and the calls to them. */
import { ProvidersServiceService } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import { TracesServiceService, type CappedUsage } from '@clawmesh/contracts/gen/clawmesh/traces/v1/traces.ts'
import { composeService, implementRpc, openServiceDb, type Mesh, type Service } from '@clawmesh/chassis'
import { createAccounts } from './accounts/feature.ts'
import { createChat } from './chat/feature.ts'
import { createMetering } from './chat/metering.ts'
import { createUpstream } from './chat/upstream.ts'
import type { ProvidersConfig } from './config.ts'
import { PrismaClient } from './db/client/client.ts'
import { createEmbeddings } from './embeddings/feature.ts'
import { createMedia } from './media/feature.ts'
import { createPools } from './pools/feature.ts'
import { createProviders } from './providers/feature.ts'
import { createRouting } from './routing/feature.ts'
import type { ProviderModels } from './trials/all-models.ts'
import { createTrials } from './trials/feature.ts'

/** Tenants whose providers' models are remembered. */
const tenantsWithModels = 1_000
const tenantsWithCaps = 10_000
/** So long it is tried to settle what a model call used. */
const settleForMs = 900_000

export const providersService = (mesh: Mesh, config: ProvidersConfig): Service => {
  const log = mesh.log.child({ service: 'providers' })
  const db = openServiceDb(mesh, 'providers', PrismaClient)
  const policy = {
    allow: mesh.config.fetchAllow.split(',').filter(Boolean),
    allowLocal: config.localProviders === 'auto' ? mesh.embedded : config.localProviders === 'on',
  }
  const upstream = createUpstream(policy, config, mesh.dataDir)
  const { optionsOf } = upstream
  const stored = createProviders({ mesh, db, log, policy })
  const { providers, selection } = stored
  const accounts = createAccounts({ mesh, db, log, policy, config })
  const models = mesh.cache<{ providers: readonly ProviderModels[] }>('providers', tenantsWithModels)
  const metering = createMetering({
    usages: mesh.client(TracesServiceService),
    cache: mesh.cache<CappedUsage[]>('usage_caps', tenantsWithCaps),
    log,
    giveUpMs: settleForMs,
    drainMs: mesh.config.drainTimeoutMs,
  })
  const pools = createPools({ mesh, db, log, selection, providers, usageOf: accounts.usageOf })
  const routing = createRouting({
    mesh,
    log,
    selection,
    providers,
    optionsOf,
    metering,
    tokens: accounts.tokens,
    pools: pools.pools,
  })
  const chat = createChat({ route: routing.route, upstream })
  const embeddings = createEmbeddings({ selection, optionsOf })
  const media = createMedia({ selection, optionsOf, metering, allow: policy.allow, pollMs: config.mediaPollMs })
  return composeService(mesh, {
    name: 'providers',
    features: [
      routing,
      stored,
      accounts,
      pools,
      createTrials({ providers, selection, optionsOf, log, cache: models, tokens: accounts.tokens }),
      chat,
      embeddings,
    ],
    rpc: [implementRpc(ProvidersServiceService, { ...chat.rpc, ...embeddings.rpc, ...pools.rpc, ...media.rpc })],
    parts: db.parts,
  })
}
