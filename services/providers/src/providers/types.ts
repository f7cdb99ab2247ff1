/** What providers knows of a stored provider, as its use cases speak of it. */
import type { http } from '@clawmesh/contracts'
import type { BodyShape, ResponseShape } from '@clawmesh/chassis'

type Operations = typeof http.providers.operations

export type Provider = Pick<
  ResponseShape<Operations['getProvider']['response'][200]>,
  'id' | 'tenantId' | 'name' | 'providerType' | 'enabled'
> & {
  displayName: string
  apiBase: string
  /** In clear; never leaves the service. */
  apiKey: string
  settings: Record<string, unknown>
  /** A token that renews the key is stored with it. */
  isRenewable: boolean
  createdAt: Date
  updatedAt: Date
}

/** What of a provider can be written. */
export type ProviderFields = Omit<Provider, 'id' | 'tenantId' | 'isRenewable' | 'createdAt' | 'updatedAt'>

/** As clients send it. */
export type NewProvider = BodyShape<Operations['createProvider']>
export type ProviderPatch = BodyShape<Operations['updateProvider']>
