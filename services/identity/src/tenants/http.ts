import { http } from '@clawmesh/contracts'
import { implementHttp } from '@clawmesh/chassis'
import { unlessEmpty } from '../json.ts'
import type { Tenant } from './types.ts'
import type { TenantUseCases } from './use-cases.ts'

const toResponse = (tenant: Tenant) => ({ ...tenant, settings: unlessEmpty(tenant.settings) })

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
