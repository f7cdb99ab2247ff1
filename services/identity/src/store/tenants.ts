import { masterTenantId, MeshError } from '@clawmesh/contracts'
import { evict, isUniqueViolation, outboxRow, type Actor } from '@clawmesh/chassis'
import type { Tenant } from '../domain/types.ts'
import type { PrismaClient, Tenant as TenantRow } from './client/client.ts'
import type { InputJsonObject } from './client/internal/prismaNamespace.ts'
import type { StoreParts } from './store.ts'

const uuidPattern = /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/i

const toTenant = (row: TenantRow): Tenant => ({
  ...row,
  status: row.status as Tenant['status'],
  settings: row.settings as Record<string, unknown>,
})

const taken = (slug: string, cause: unknown) =>
  new MeshError('ALREADY_EXISTS', 'error.already_exists', { kind: 'tenant', id: slug }, { cause })

/** The tenants of the installation, which only the system knows. Their events are the master tenant's. */
export const createTenantsStore = (system: PrismaClient, { bus, published }: StoreParts) => {
  const changed = (id: string) => {
    published()
    // The edge knows a tenant by its id and by its slug.
    evict(bus, { kind: 'tenants' })
    evict(bus, { kind: 'tenant_users', tenantId: id })
  }

  return {
    list: async (): Promise<Tenant[]> =>
      (await system.tenant.findMany({ orderBy: { createdAt: 'asc' } })).map(toTenant),

    find: async (id: string): Promise<Tenant | undefined> => {
      const row = await system.tenant.findUnique({ where: { id } })
      return row === null ? undefined : toTenant(row)
    },

    findByIdOrSlug: async (idOrSlug: string): Promise<Tenant | undefined> => {
      const row = await system.tenant.findUnique({
        where: uuidPattern.test(idOrSlug) ? { id: idOrSlug } : { slug: idOrSlug },
      })
      return row === null ? undefined : toTenant(row)
    },

    /** @throws ALREADY_EXISTS */
    insert: async (tenant: Pick<Tenant, 'id' | 'name' | 'slug' | 'settings'>, actor: Actor): Promise<Tenant> => {
      try {
        const row = await system.$transaction(async (tx) => {
          const created = await tx.tenant.create({
            data: { ...tenant, settings: tenant.settings as InputJsonObject },
          })
          await tx.outbox.create({ data: outboxRow('tenantCreated', masterTenantId, { id: tenant.id, ...actor }) })
          return created
        })
        changed(tenant.id)
        return toTenant(row)
      } catch (thrown) {
        throw isUniqueViolation(thrown) ? taken(tenant.slug, thrown) : thrown
      }
    },

    /** False when there is none. */
    update: async (
      id: string,
      changes: Partial<Pick<Tenant, 'name' | 'status' | 'settings'>>,
      actor: Actor,
    ): Promise<boolean> => {
      const { settings, ...plain } = changes
      const updated = await system.$transaction(async (tx) => {
        const { count } = await tx.tenant.updateMany({
          where: { id },
          data: { ...plain, ...(settings === undefined ? {} : { settings: settings as InputJsonObject }) },
        })
        if (count > 0) await tx.outbox.create({ data: outboxRow('tenantUpdated', masterTenantId, { id, ...actor }) })
        return count > 0
      })
      if (updated) changed(id)
      return updated
    },
  }
}
