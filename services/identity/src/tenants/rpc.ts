import { type IdentityServiceService } from '@clawmesh/contracts/gen/clawmesh/identity/v1/identity.ts'
import type { RpcFunctions } from '@clawmesh/chassis'
import type { TenantUseCases } from './use-cases.ts'

const unknown = { found: false, id: '', slug: '', name: '', status: '' }

export const createTenantRpc = (tenants: TenantUseCases) =>
  ({
    resolveTenant: async (_call, { idOrSlug }) => {
      const tenant = await tenants.resolve(idOrSlug)
      if (tenant === undefined) return unknown
      const { id, slug, name, status } = tenant
      return { found: true, id, slug, name, status }
    },
  }) satisfies Partial<RpcFunctions<typeof IdentityServiceService>>
