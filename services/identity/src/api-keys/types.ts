/** What identity knows of an API key. */
import type { http } from '@clawmesh/contracts'
import type { BodyShape, ResponseShape } from '@clawmesh/chassis'

type Operations = typeof http.apiKeys.operations
type Shown = ResponseShape<Operations['listApiKeys']['response'][200]>[number]
type Times = 'expiresAt' | 'lastUsedAt' | 'createdAt' | 'updatedAt'

export type ApiKey = Omit<Shown, 'tenantId' | 'ownerId' | Times> & {
  /** null for a system key */
  tenantId: string | null
  keyHash: string
  ownerId: string | null
  expiresAt: Date | null
  /** The key that replaced this one. */
  rotatedTo: string | null
  lastUsedAt: Date | null
  createdAt: Date
  updatedAt: Date
}

/** A run that a key with a limit has under way. */
export interface KeyRun {
  keyId: string
  runId: string
}

/** What a key is stored with at first. */
export type NewApiKeyRow = Omit<ApiKey, 'createdAt' | 'updatedAt' | 'lastUsedAt' | 'revoked' | 'rotatedTo'>

/** As clients send it. */
export type NewApiKey = BodyShape<Operations['createApiKey']>
export type ApiKeyChanges = BodyShape<Operations['updateApiKey']>
