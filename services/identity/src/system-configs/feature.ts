/** System configs: settings that a tenant makes for itself, by key. */
import { type IdentityServiceService } from '@clawmesh/contracts/gen/clawmesh/identity/v1/identity.ts'
import { MeshError, roleIncludes } from '@clawmesh/contracts'
import type { Feature, RpcFunctions, ServiceDb } from '@clawmesh/chassis'
import type { PrismaClient } from '../db/client/client.ts'
import { createSystemConfigHttp } from './http.ts'
import { createSystemConfigRows } from './rows.ts'
import { createSystemConfigUseCases } from './use-cases.ts'

export const createSystemConfigs = (db: ServiceDb<PrismaClient>) => {
  const configs = createSystemConfigUseCases(createSystemConfigRows(db))
  return {
    http: createSystemConfigHttp(configs),
    rpc: {
      listSystemConfigs: async ({ caller }) => ({ values: await configs.list(caller) }),
      setSystemConfig: async (call, { key, value }) => {
        if (!roleIncludes(call.caller.role, 'admin'))
          throw new MeshError('FORBIDDEN', 'error.permission_denied', { what: key, role: 'admin' })
        await configs.set(call, key, value)
        return {}
      },
    } satisfies Partial<RpcFunctions<typeof IdentityServiceService>>,
  } satisfies Feature & Record<string, unknown>
}
