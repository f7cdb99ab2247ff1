/** The things identity knows, as its domain speaks of them. */
import type { ApiKeyScope } from '@clawmesh/contracts'

export type TenantStatus = 'active' | 'suspended' | 'archived'

export interface Tenant {
  id: string
  name: string
  slug: string
  status: TenantStatus
  settings: Record<string, unknown>
  createdAt: Date
  updatedAt: Date
}

export interface ApiKey {
  id: string
  /** null for a system key */
  tenantId: string | null
  name: string
  prefix: string
  keyHash: string
  scopes: ApiKeyScope[]
  ownerId: string | null
  expiresAt: Date | null
  lastUsedAt: Date | null
  revoked: boolean
  createdBy: string
  createdAt: Date
  updatedAt: Date
}
