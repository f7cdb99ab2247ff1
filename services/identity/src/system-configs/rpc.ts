/** System configs for other services, checked as for anybody. */
import { http, MeshError } from '@clawmesh/contracts'
import { type IdentityServiceService } from '@clawmesh/contracts/gen/clawmesh/identity/v1/identity.ts'
import { validate, type RpcFunctions } from '@clawmesh/chassis'
import type { SystemConfigUseCases } from './use-cases.ts'

const { params, body, bodyLimitBytes: limit } = http.systemConfigs.operations.setSystemConfig

export const createSystemConfigRpc = (configs: SystemConfigUseCases) =>
  ({
    listSystemConfigs: async ({ caller }) => ({ values: await configs.list(caller) }),
    setSystemConfig: async (call, request) => {
      const { locale } = call.caller
      const { key } = validate(params, { key: request.key }, locale)
      const { value } = validate(body, { value: request.value }, locale)
      if (Buffer.byteLength(JSON.stringify({ value })) > limit)
        throw new MeshError('PAYLOAD_TOO_LARGE', 'error.body_too_large', { limit })
      await configs.set(call, key, value)
      return {}
    },
  }) satisfies Partial<RpcFunctions<typeof IdentityServiceService>>
