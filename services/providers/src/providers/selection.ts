/** Which provider serves a call: the one that is named, or the tenant's default. */
import type { Cache, Call } from '@clawmesh/chassis'
import { masterTenantId, MeshError } from '@clawmesh/contracts'
import type { ProviderConnection } from './connection.ts'
import { defaultEmbeddingModel } from '../embeddings/embed.ts'
import type { Provider } from './types.ts'
import type { ProviderRows } from './use-cases.ts'
import { providerType } from './provider-types.ts'
import { objectOf, textOf } from '../chat/protocols/json.ts'

type SystemConfigs = Record<string, string>

const mock: ProviderConnection = { name: 'mock', type: 'mock', apiBase: '', apiKey: '', settings: {} }

export const connectionOf = ({
  id,
  tenantId,
  name,
  providerType: type,
  apiBase,
  apiKey,
  settings,
  isRenewable,
}: Provider): ProviderConnection => ({
  id,
  name,
  type,
  apiBase,
  apiKey,
  settings,
  ...(providerType(type)?.signsIn === true ? { account: { tenantId, isRenewable } } : {}),
})

/** Whether a provider could serve: switched on, and with the key that its type needs. */
export const usable = ({
  enabled,
  providerType: type,
  apiKey,
}: Pick<Provider, 'enabled' | 'providerType' | 'apiKey'>): boolean =>
  enabled && (apiKey !== '' || providerType(type)?.needsKey === false)

interface EmbeddingChoice {
  connection: ProviderConnection
  model: string
  /** 0 means the model's own. */
  dimensions: number
  displayName: string
}

interface Parts {
  rowsOf: (tenantId: string) => Pick<ProviderRows, 'list'>
  cache: Cache<Provider[]>
  systemConfigs: (call: Call) => Promise<SystemConfigs>
  /** The same, as identity has it now. */
  storedConfigs: (call: Call) => Promise<SystemConfigs>
  /** Offers the mock provider where nothing else is stored. */
  embedded: boolean
}

type ProvidersOf = (tenantId: string) => Promise<Provider[]>

export const createProviderSelection = ({ rowsOf, cache, systemConfigs, storedConfigs, embedded }: Parts) => {
  const stored: ProvidersOf = (tenantId) => rowsOf(tenantId).list()
  const ofTenant: ProvidersOf = async (tenantId) => (await cache.get(tenantId, 'all', () => stored(tenantId))) ?? []

  const named = async (
    tenantId: string,
    name: string,
    providersOf: ProvidersOf = ofTenant,
  ): Promise<ProviderConnection | undefined> => {
    for (const tenant of new Set([tenantId, masterTenantId])) {
      const found = (await providersOf(tenant)).find((provider) => provider.name === name && usable(provider))
      if (found !== undefined) return connectionOf(found)
    }
    return embedded && name === mock.name ? mock : undefined
  }

  const anyChat = async (tenantId: string): Promise<ProviderConnection | undefined> => {
    for (const tenant of new Set([tenantId, masterTenantId])) {
      const found = (await ofTenant(tenant)).find((p) => usable(p) && providerType(p.providerType)?.canChat === true)
      if (found !== undefined) return connectionOf(found)
    }
    return embedded ? mock : undefined
  }

  return {
    /** All that could serve a tenant, its own first; one of the installation is hidden by one of the same name. */
    usable: async (tenantId: string): Promise<ProviderConnection[]> => {
      const tenants = [...new Set([tenantId, masterTenantId])]
      const all = (await Promise.all(tenants.map(ofTenant))).flat().filter(usable).map(connectionOf)
      return all.filter(({ name }, at) => all.findIndex((other) => other.name === name) === at)
    },

    /** The provider of a name, of the tenant or the installation. */
    named: (tenantId: string, name: string, fromRows = false) => named(tenantId, name, fromRows ? stored : ofTenant),

    /**
     * The provider for a chat call: by name in the tenant, then in the master tenant; without a name the configured
     * default, else the first that can chat.
     * @throws FAILED_PRECONDITION when there is none
     */
    forChat: async (call: Call, name: string): Promise<ProviderConnection> => {
      const { tenantId } = call.caller
      const wanted = name === '' ? ((await systemConfigs(call))['agent.default_provider'] ?? '') : name
      const found = wanted === '' ? await anyChat(tenantId) : await named(tenantId, wanted)
      if (found !== undefined) return found
      throw wanted === ''
        ? new MeshError('FAILED_PRECONDITION', 'error.provider_not_configured')
        : new MeshError('FAILED_PRECONDITION', 'error.not_found', { kind: 'provider', id: wanted })
    },

    /**
     * The tenant's embedding provider: the configured one, else the first whose settings switch embeddings on.
     * @param fromRows for answers that are kept elsewhere, by who may hear of changes before the caches here do
     */
    forEmbedding: async (call: Call, fromRows = false): Promise<EmbeddingChoice | undefined> => {
      const { tenantId } = call.caller
      const configs = await (fromRows ? storedConfigs : systemConfigs)(call)
      const configured = configs['embedding.provider'] ?? ''
      const embeds = (provider: Provider) => usable(provider) && providerType(provider.providerType)?.canEmbed === true
      const mine = await (fromRows ? stored : ofTenant)(tenantId)
      const provider =
        configured === ''
          ? mine.find((p) => embeds(p) && objectOf(p.settings['embedding'])?.['enabled'] === true)
          : mine.find((p) => p.name === configured && embeds(p))
      if (provider === undefined) return undefined
      const settings = objectOf(provider.settings['embedding']) ?? {}
      return {
        connection: connectionOf(provider),
        model: configs['embedding.model'] || textOf(settings['model']) || defaultEmbeddingModel,
        dimensions: Number(settings['dimensions']) || 0,
        // A name in the configuration is shown as it stands there.
        displayName: configured || provider.displayName,
      }
    },
  }
}

export type ProviderSelection = ReturnType<typeof createProviderSelection>
