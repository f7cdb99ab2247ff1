import { http } from '@clawmesh/contracts'
import { implementHttp } from '@clawmesh/chassis'
import { toResponse } from './shown.ts'
import type { TenantUseCases } from './use-cases.ts'

export const createTenantHttp = (tenants: TenantUseCases) =>
  implementHttp(http.tenants)({
    listTenants: async () => ({ tenants: (await tenants.list()).map(toResponse) }),
    createTenant: async ({ call, body }) => toResponse(await tenants.create(call, body)),
    getTenant: async ({ params }) => toResponse(await tenants.get(params.id)),
    updateTenant: async ({ call, params, body }) => {
      await tenants.update(call, params.id, body)
      return { ok: 'true' }
    },
  })
