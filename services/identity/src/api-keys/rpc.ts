import { uuid } from '@clawmesh/contracts'
import { type IdentityServiceService } from '@clawmesh/contracts/gen/clawmesh/identity/v1/identity.ts'
import { validate, type RpcFunctions } from '@clawmesh/chassis'
import { z } from 'zod'
import type { ApiKeyUseCases } from './use-cases.ts'

const unknown = {
  found: false,
  keyId: '',
  tenantId: '',
  scopes: [],
  ownerId: '',
  expiresAtMs: 0,
  rateLimitRpm: 0,
  maxConcurrentRuns: 0,
}

const run = z.object({ keyId: uuid, runId: uuid })
const heldRun = run.extend({ leaseMs: z.int().min(1_000).max(3_600_000) })

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
        rateLimitRpm: key.rateLimitRpm ?? 0,
        maxConcurrentRuns: key.maxConcurrentRuns ?? 0,
        ...(Object.keys(key.tags).length === 0 ? {} : { tagsJson: JSON.stringify(key.tags) }),
      }
    },
    holdKeyRun: async ({ caller }, request) => {
      const { leaseMs, ...wanted } = validate(heldRun, request, caller.locale)
      return { held: await apiKeys.holdRun(wanted, leaseMs) }
    },
    releaseKeyRun: async ({ caller }, request) => {
      await apiKeys.releaseRun(validate(run, request, caller.locale))
      return {}
    },
  }) satisfies Partial<RpcFunctions<typeof IdentityServiceService>>
