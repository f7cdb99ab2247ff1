/** A stored provider. */
export interface Provider {
  id: string
  tenantId: string
  name: string
  displayName: string
  providerType: string
  apiBase: string
  /** In clear; never leaves the service. */
  apiKey: string
  enabled: boolean
  settings: Record<string, unknown>
  createdAt: Date
  updatedAt: Date
}

export type ProviderChanges = Partial<
  Pick<Provider, 'name' | 'displayName' | 'apiBase' | 'apiKey' | 'enabled' | 'settings'>
>
