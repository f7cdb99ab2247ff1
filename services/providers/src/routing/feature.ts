/** Which provider, key and model answers a chat call, and what is known of those that fail. */
import { systemConfigsOf, type Call, type Feature, type Logger, type Mesh } from '@clawmesh/chassis'
import { withGoodToken } from '../accounts/calls.ts'
import type { AccountTokens } from '../accounts/tokens.ts'
import type { Metering } from '../chat/metering.ts'
import { askTraced } from '../chat/rpc.ts'
import type { PoolSelection } from '../pools/select.ts'
import type { CallOptions } from '../chat/protocols/options.ts'
import type { ProviderSelection } from '../providers/selection.ts'
import type { ProviderUseCases } from '../providers/use-cases.ts'
import { createTenantChain } from './chain.ts'
import { createCooldowns } from './cooldowns.ts'
import { createRoutingHttp } from './http.ts'
import { createRecentRoutes } from './recent.ts'
import { createRotation } from './rotation.ts'
import { createRouter } from './route.ts'

interface Parts {
  mesh: Mesh
  log: Logger
  selection: ProviderSelection
  providers: ProviderUseCases
  optionsOf: (call: Call) => CallOptions
  metering: Metering
  tokens: AccountTokens
  pools: Pick<PoolSelection, 'pooled'>
}

export const createRouting = ({ mesh, log, selection, providers, optionsOf, metering, tokens, pools }: Parts) => {
  const cooldowns = createCooldowns(mesh.bus)
  const recent = createRecentRoutes(mesh.bus)
  const tenantChain = createTenantChain({ systemConfigs: systemConfigsOf(mesh), log })
  const route = createRouter({
    selection,
    tenantChain,
    pools,
    cooldowns,
    rotation: createRotation(),
    ask: (call, connection, request, options) =>
      metering.metered(call, connection, request, () =>
        withGoodToken(tokens, connection, (good) => askTraced(good, request, options)),
      ),
    optionsOf,
    onRoute: recent.note,
  })
  let hangUps: (() => void)[] = []
  return {
    route,
    http: createRoutingHttp({ providers, cooldowns, recent, tenantChain }),
    parts: [
      metering.part,
      {
        name: 'provider cooldowns',
        start: async () => {
          hangUps = [cooldowns.listen(), recent.listen()]
        },
        stop: async () => {
          for (const hangUp of hangUps) hangUp()
        },
      },
    ],
  } satisfies Feature & { route: object }
}
