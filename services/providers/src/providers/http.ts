import { http } from '@clawmesh/contracts'
import { implementHttp } from '@clawmesh/chassis'
import type { Provider } from './types.ts'
import type { ProviderUseCases } from './use-cases.ts'

const toResponse = ({ apiKey, settings, ...provider }: Provider) => ({
  ...provider,
  type: provider.providerType,
  hasKey: apiKey !== '',
  apiKey: apiKey === '' ? undefined : ('***' as const),
  settings: Object.keys(settings).length === 0 ? undefined : settings,
})

export const createProviderHttp = (providers: ProviderUseCases) =>
  implementHttp(http.providers)({
    listProviders: async ({ caller }) => ({ providers: (await providers.list(caller)).map(toResponse) }),
    createProvider: async ({ call, body }) => toResponse(await providers.create(call, body)),
    getProvider: async ({ caller, params }) => toResponse(await providers.get(caller, params.id)),
    updateProvider: async ({ call, params, body }) => {
      await providers.update(call, params.id, body)
      return { status: 'updated' }
    },
    deleteProvider: async ({ call, params }) => {
      await providers.remove(call, params.id)
      return { status: 'deleted' }
    },
  })
