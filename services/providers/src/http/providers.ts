import type { http } from '@clawmesh/contracts'
import { reply, type Handlers } from '@clawmesh/chassis'
import type { Provider } from '../domain/provider.ts'
import type { ProviderUseCases } from '../domain/providers.ts'

type ProviderWire = Exclude<Awaited<ReturnType<Handlers<typeof http.providers>['getProvider']>>, { kind: string }>

const toWire = (provider: Provider): ProviderWire => ({
  id: provider.id,
  created_at: provider.createdAt.toISOString(),
  updated_at: provider.updatedAt.toISOString(),
  tenant_id: provider.tenantId,
  name: provider.name,
  ...(provider.displayName === '' ? {} : { display_name: provider.displayName }),
  provider_type: provider.providerType as ProviderWire['provider_type'],
  ...(provider.apiBase === '' ? {} : { api_base: provider.apiBase }),
  ...(provider.apiKey === '' ? {} : { api_key: '***' as const }),
  enabled: provider.enabled,
  ...(Object.keys(provider.settings).length === 0 ? {} : { settings: provider.settings }),
})

export const createProviderHandlers = (
  providers: ProviderUseCases,
): Handlers<
  typeof http.providers,
  'listProviders' | 'createProvider' | 'getProvider' | 'updateProvider' | 'deleteProvider'
> => ({
  listProviders: async ({ caller }) => ({ providers: (await providers.list(caller)).map(toWire) }),
  createProvider: async ({ call, body }) => reply(201, toWire(await providers.create(call, body))),
  getProvider: async ({ caller, params }) => toWire(await providers.get(caller, params.id)),
  updateProvider: async ({ call, params, body }) => {
    await providers.update(call, params.id, body)
    return { status: 'updated' }
  },
  deleteProvider: async ({ call, params }) => {
    await providers.remove(call, params.id)
    return { status: 'deleted' }
  },
})
