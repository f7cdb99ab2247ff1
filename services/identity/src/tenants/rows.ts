/** The tenants of the installation, which only the system knows. Their events are the master tenant's. */
import { masterTenantId, type CacheTag } from '@clawmesh/contracts'
import { event, type ServiceDb } from '@clawmesh/chassis'
import type { PrismaClient, Tenant as TenantRow } from '../db/client/client.ts'
import type { InputJsonObject } from '../db/client/internal/prismaNamespace.ts'
import type { JsonObject } from '../json.ts'
import type { Membership, Tenant } from './types.ts'
import type { TenantRows } from './use-cases.ts'

const uuidPattern = /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/i

const toTenant = (row: TenantRow): Tenant => ({
  ...row,
  status: row.status as Tenant['status'],
  settings: row.settings as JsonObject,
})
const orUndefined = (row: TenantRow | null): Tenant | undefined => (row === null ? undefined : toTenant(row))

/** The edge knows a tenant by its id and by its slug. */
const tagsOf = (id: string): CacheTag[] => [{ kind: 'tenants' }, { kind: 'tenant_users', tenantId: id }]

export const createTenantRows = (db: ServiceDb<PrismaClient>): TenantRows => {
  const { prisma, change } = db.system

  return {
    list: async () => (await prisma.tenant.findMany({ orderBy: { createdAt: 'asc' } })).map(toTenant),

    find: async (id) => orUndefined(await prisma.tenant.findUnique({ where: { id } })),

    ofMember: async (userId) => {
      const members = await prisma.tenantUser.findMany({ where: { userId }, select: { tenantId: true, role: true } })
      const roles = new Map(members.map(({ tenantId, role }) => [tenantId, role as Membership['role']]))
      const tenants = await prisma.tenant.findMany({
        where: { id: { in: [...roles.keys()] }, status: 'active' },
        orderBy: { createdAt: 'asc' },
      })
      return tenants.map(({ id, name, slug }) => ({ id, name, slug, status: 'active', role: roles.get(id)! }))
    },

    findByIdOrSlug: async (idOrSlug) =>
      orUndefined(
        await prisma.tenant.findUnique({
          where: uuidPattern.test(idOrSlug) ? { id: idOrSlug } : { slug: idOrSlug },
        }),
      ),

    insert: ({ settings, ...plain }, actor) =>
      change(
        async (tx) => {
          const { id } = plain
          const row = await tx.tenant.create({ data: { ...plain, settings: settings as InputJsonObject } })
          return {
            result: toTenant(row),
            events: [event('tenantCreated', { id, ...actor }, masterTenantId)],
            evict: tagsOf(id),
          }
        },
        { conflict: { kind: 'tenant', id: plain.slug } },
      ),

    update: (id, { settings, ...plain }, actor) =>
      change(async (tx) => {
        const { count } = await tx.tenant.updateMany({
          where: { id },
          data: { ...plain, settings: settings as InputJsonObject | undefined },
        })
        if (count === 0) return { result: false }
        return {
          result: true,
          events: [event('tenantUpdated', { id, ...actor }, masterTenantId)],
          evict: tagsOf(id),
        }
      }),
  }
}
