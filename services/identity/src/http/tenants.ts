import type { http } from '@clawmesh/contracts'
import type { Handlers } from '@clawmesh/chassis'
import type { TenantUseCases } from '../domain/tenants.ts'
import type { Tenant } from '../domain/types.ts'

const toWire = (tenant: Tenant) => ({
  id: tenant.id,
  name: tenant.name,
  slug: tenant.slug,
  status: tenant.status,
  ...(Object.keys(tenant.settings).length === 0 ? {} : { settings: tenant.settings }),
  created_at: tenant.createdAt.toISOString(),
  updated_at: tenant.updatedAt.toISOString(),
})

export const createTenantHandlers = (
  tenants: TenantUseCases,
): Handlers<typeof http.identity, 'listTenants' | 'createTenant' | 'getTenant' | 'updateTenant'> => ({
  listTenants: async () => ({ tenants: (await tenants.list()).map(toWire) }),
  createTenant: async ({ call, body }) => toWire(await tenants.create(call, body)),
  getTenant: async ({ params }) => toWire(await tenants.get(params.id)),
  updateTenant: async ({ call, params, body }) => {
    await tenants.update(call, params.id, body)
    return { ok: 'true' }
  },
})
