import { type IdentityServiceService } from '@clawmesh/contracts/gen/clawmesh/identity/v1/identity.ts'
import type { RpcFunctions } from '@clawmesh/chassis'
import type { ApiKeyUseCases } from './use-cases.ts'

const unknown = { found: false, keyId: '', tenantId: '', scopes: [], ownerId: '', expiresAtMs: 0 }

export const createApiKeyRpc = (apiKeys: ApiKeyUseCases) =>
  ({
    resolveApiKey: async (_call, { keyHash }) => {
      const key = await apiKeys.resolve(keyHash)
      if (key === undefined) return unknown
      return {
        found: true,
        keyId: key.id,
        tenantId: key.tenantId ?? '',
        scopes: [...key.scopes],
        ownerId: key.ownerId ?? '',
        expiresAtMs: key.expiresAt?.getTime() ?? 0,
      }
    },
  }) satisfies Partial<RpcFunctions<typeof IdentityServiceService>>
