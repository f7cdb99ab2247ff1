import { actorOf, newId, type Call } from '@clawmesh/chassis'
import { MeshError, type Caller } from '@clawmesh/contracts'
import type { ProvidersStore } from '../store/store.ts'
import { checkAddress } from './address.ts'
import { checkPools } from './codex-pool.ts'
import type { Provider, ProviderChanges } from './provider.ts'
import { objectOf, textOf } from './protocols/json.ts'

const masked = '***'

export interface NewProvider {
  name: string
  display_name?: string | undefined
  provider_type: string
  api_base?: string | undefined
  api_key?: string | undefined
  enabled: boolean
  settings?: Record<string, unknown> | undefined
}

export interface ProviderPatch extends Partial<Omit<NewProvider, 'provider_type'>> {
  provider_type?: string | undefined
  base_url?: string | undefined
}

/** Stored providers of the caller's tenant. `allow` names private hosts that the operator permits as addresses. */
export const createProviderUseCases = (store: ProvidersStore, allow: readonly string[]) => {
  /** @throws NOT_FOUND */
  const get = async (caller: Caller, id: string): Promise<Provider> => {
    const provider = await store.forTenant(caller.tenantId).find(id)
    if (provider === undefined) throw new MeshError('NOT_FOUND', 'error.not_found', { kind: 'provider', id })
    return provider
  }

  const check = async (caller: Caller, candidate: Provider): Promise<void> => {
    checkPools(candidate, await store.forTenant(caller.tenantId).list())
    const embeddingBase = textOf(objectOf(candidate.settings['embedding'])?.['api_base'])
    checkAddress('openai_compat', embeddingBase, allow, 'settings.embedding.api_base')
    checkAddress(candidate.providerType, candidate.apiBase, allow)
  }

  return {
    get,
    list: (caller: Caller): Promise<Provider[]> => store.forTenant(caller.tenantId).list(),

    /** Stores a provider; one of the same name is overwritten and keeps its id. @throws INVALID_REQUEST, ALREADY_EXISTS */
    create: async (call: Call, input: NewProvider): Promise<Provider> => {
      const { caller } = call
      const rows = store.forTenant(caller.tenantId)
      const existing = await rows.findByName(input.name)
      const now = new Date()
      const provider: Provider = {
        id: existing?.id ?? newId(),
        tenantId: caller.tenantId,
        name: input.name,
        displayName: input.display_name ?? '',
        providerType: input.provider_type,
        apiBase: input.api_base?.trim() ?? '',
        apiKey: input.api_key === masked ? (existing?.apiKey ?? '') : (input.api_key ?? ''),
        enabled: input.enabled,
        settings: input.settings ?? {},
        createdAt: existing?.createdAt ?? now,
        updatedAt: now,
      }
      await check(caller, provider)
      return rows.upsert(provider, actorOf(call))
    },

    /** Changes what the patch names. A masked or empty key leaves the stored one. @throws NOT_FOUND, INVALID_REQUEST, ALREADY_EXISTS */
    update: async (call: Call, id: string, patch: ProviderPatch): Promise<void> => {
      const { caller } = call
      const stored = await get(caller, id)
      if (patch.provider_type !== undefined && patch.provider_type !== stored.providerType)
        throw new MeshError('INVALID_REQUEST', 'error.invalid_request', {
          field: 'provider_type',
          reason: 'cannot be changed',
        })
      const apiBase = patch.api_base ?? patch.base_url
      const changes: ProviderChanges = {
        ...(patch.name === undefined ? {} : { name: patch.name }),
        ...(patch.display_name === undefined ? {} : { displayName: patch.display_name }),
        ...(apiBase === undefined ? {} : { apiBase: apiBase.trim() }),
        ...(!patch.api_key || patch.api_key === masked ? {} : { apiKey: patch.api_key }),
        ...(patch.enabled === undefined ? {} : { enabled: patch.enabled }),
        ...(patch.settings === undefined ? {} : { settings: patch.settings }),
      }
      await check(caller, { ...stored, ...changes })
      await store.forTenant(caller.tenantId).update(stored, changes, actorOf(call))
    },

    /** Removes a provider; an unknown id is fine. */
    remove: (call: Call, id: string): Promise<void> => store.forTenant(call.caller.tenantId).remove(id, actorOf(call)),
  }
}

export type ProviderUseCases = ReturnType<typeof createProviderUseCases>
