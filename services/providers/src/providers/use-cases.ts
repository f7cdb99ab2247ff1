/** The stored providers of a tenant. */
import { actorOf, newId, present, trimEndOf, type Actor, type Call } from '@clawmesh/chassis'
import { MeshError, type Caller } from '@clawmesh/contracts'
import { objectOf, textOf } from '../chat/protocols/json.ts'
import { checkAddress, type AddressPolicy } from './address.ts'
import { checkPools } from './codex-pool.ts'
import { providerType } from './provider-types.ts'
import type { NewProvider, Provider, ProviderFields, ProviderPatch } from './types.ts'

/** The rows of one tenant. */
export interface ProviderRows {
  /** By name. */
  list: () => Promise<Provider[]>
  find: (id: string) => Promise<Provider | undefined>
  /**
   * Stores what `make` makes of the tenant's providers, which nobody else changes meanwhile; one of the same name is
   * overwritten and has to have its id.
   */
  upsert: (make: (all: readonly Provider[]) => ProviderFields & { id: string }, actor: Actor) => Promise<Provider>
  /**
   * Writes what `changesFor` says of the stored provider and all of the tenant's, which nobody else changes meanwhile.
   * False when there is none. @throws ALREADY_EXISTS
   */
  update: (
    id: string,
    changesFor: (stored: Provider, all: readonly Provider[]) => Partial<ProviderFields>,
    actor: Actor,
  ) => Promise<boolean>
  /** An unknown id is fine. */
  remove: (id: string, actor: Actor) => Promise<void>
}

const masked = '***'

const notFound = (id: string) => new MeshError('NOT_FOUND', 'error.not_found', { kind: 'provider', id })

/** Where the key of a provider is sent. */
const addressesOf = ({
  providerType: type,
  apiBase,
  settings,
}: Pick<Provider, 'providerType' | 'apiBase' | 'settings'>) => {
  const base = apiBase || (providerType(type)?.base ?? '')
  const embeddingBase = textOf(objectOf(settings['embedding'])?.['api_base']).trim() || base
  return [base, embeddingBase].map((address) => trimEndOf(address, '/'))
}

/** Whether a stored key may stay: whoever changes an address must know the key, or it could be sent to a stranger's. */
const goesWhereItWent = (stored: Provider, candidate: Omit<ProviderFields, 'name'>): boolean => {
  const known = addressesOf(stored)
  return (
    stored.providerType === candidate.providerType && addressesOf(candidate).every((address) => known.includes(address))
  )
}

/** `policy` says which private addresses the operator permits. */
export const createProviderUseCases = (rowsOf: (tenantId: string) => ProviderRows, policy: AddressPolicy) => {
  /** @throws NOT_FOUND */
  const get = async ({ tenantId }: Caller, id: string): Promise<Provider> => {
    const provider = await rowsOf(tenantId).find(id)
    if (provider === undefined) throw notFound(id)
    return provider
  }

  const check = (candidate: ProviderFields & { id: string }, all: readonly Provider[]): void => {
    const { id, providerType: type } = candidate
    if (providerType(type)?.single && all.some((other) => other.providerType === type && other.id !== id))
      throw new MeshError('ALREADY_EXISTS', 'error.already_exists', { kind: 'provider', id: type })
    checkPools(candidate, all)
    const embeddingBase = textOf(objectOf(candidate.settings['embedding'])?.['api_base'])
    // Without one of their own, embeddings go where chats go.
    const embeddingType =
      providerType(candidate.providerType)?.local === true ? candidate.providerType : 'openai_compat'
    if (embeddingBase !== '') checkAddress(embeddingType, embeddingBase, policy, 'settings.embedding.api_base')
    checkAddress(candidate.providerType, candidate.apiBase, policy)
  }

  return {
    get,

    list: ({ tenantId }: Caller): Promise<Provider[]> => rowsOf(tenantId).list(),

    /** Stores a provider; one of the same name is overwritten and keeps its id. @throws INVALID_REQUEST, ALREADY_EXISTS */
    create: (call: Call, input: NewProvider): Promise<Provider> =>
      rowsOf(call.caller.tenantId).upsert((all) => {
        const existing = all.find(({ name }) => name === input.name)
        const provider = {
          id: existing?.id ?? newId(),
          name: input.name,
          displayName: input.displayName ?? '',
          providerType: input.providerType,
          apiBase: input.apiBase?.trim() ?? '',
          apiKey: input.apiKey === masked ? '' : (input.apiKey ?? ''),
          enabled: input.enabled,
          settings: input.settings ?? {},
        }
        check(provider, all)
        const keeps = input.apiKey === masked && existing !== undefined && goesWhereItWent(existing, provider)
        return keeps ? { ...provider, apiKey: existing.apiKey } : provider
      }, actorOf(call)),

    /**
     * Changes what the patch names. A masked or empty key leaves the stored one, which goes to no other address.
     * @throws NOT_FOUND, INVALID_REQUEST, ALREADY_EXISTS for a name that is taken
     */
    update: async (call: Call, id: string, patch: ProviderPatch): Promise<void> => {
      const updated = await rowsOf(call.caller.tenantId).update(
        id,
        (stored, all) => {
          if (patch.providerType !== undefined && patch.providerType !== stored.providerType)
            throw new MeshError('INVALID_REQUEST', 'error.invalid_request', {
              field: 'provider_type',
              reason: 'cannot be changed',
            })
          const changes = present({
            name: patch.name,
            displayName: patch.displayName,
            apiBase: (patch.apiBase ?? patch.baseUrl)?.trim(),
            apiKey: patch.apiKey && patch.apiKey !== masked ? patch.apiKey : undefined,
            enabled: patch.enabled,
            settings: patch.settings,
          })
          const candidate = { ...stored, ...changes }
          check(candidate, all)
          return changes.apiKey !== undefined || goesWhereItWent(stored, candidate)
            ? changes
            : { ...changes, apiKey: '' }
        },
        actorOf(call),
      )
      if (!updated) throw notFound(id)
    },

    /** Removes a provider; an unknown id is fine. */
    remove: (call: Call, id: string): Promise<void> => rowsOf(call.caller.tenantId).remove(id, actorOf(call)),
  }
}

export type ProviderUseCases = ReturnType<typeof createProviderUseCases>
