/** All that knows identity's tables. */
import { masterTenantId, MeshError } from '@clawmesh/contracts'
import { invalidate, isUniqueViolation, outboxRow, type Bus, type Database } from '@clawmesh/chassis'
import type { ApiKey, Tenant } from '../domain/types.ts'
import { PrismaClient } from './client/client.ts'
import type { ApiKey as ApiKeyRow, Tenant as TenantRow } from './client/client.ts'
import type { InputJsonObject } from './client/internal/prismaNamespace.ts'

const uuidPattern = /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/i

const toTenant = (row: TenantRow): Tenant => ({
  ...row,
  status: row.status as Tenant['status'],
  settings: row.settings as Record<string, unknown>,
})
const toApiKey = (row: ApiKeyRow): ApiKey => ({ ...row, scopes: row.scopes as ApiKey['scopes'] })

interface StoreParts {
  database: Database
  bus: Bus
  /** Called after each committed transaction that wrote an event. */
  published: () => void
}

/** Identity's repositories. */
export const identityStore = ({ database, bus, published }: StoreParts) => {
  const prisma = new PrismaClient({ adapter: database.adapter })

  const apiKeys = (tenantId: string) => ({
    list: async (includeSystemKeys: boolean): Promise<ApiKey[]> => {
      const rows = await prisma.apiKey.findMany({
        where: { OR: [{ tenantId }, ...(includeSystemKeys ? [{ tenantId: null }] : [])] },
        orderBy: { createdAt: 'desc' },
      })
      return rows.map(toApiKey)
    },

    insert: async (
      key: Omit<ApiKey, 'createdAt' | 'updatedAt' | 'lastUsedAt' | 'revoked'>,
      actorId: string,
    ): Promise<ApiKey> => {
      const row = await prisma.$transaction(async (tx) => {
        const created = await tx.apiKey.create({ data: key })
        await tx.outbox.create({ data: outboxRow('apiKeyCreated', tenantId, { id: key.id, actorId }) })
        return created
      })
      published()
      // A key tried before it existed is remembered as unknown.
      invalidate(bus, 'api_keys', { tenantId: '', key: key.keyHash })
      return toApiKey(row)
    },

    revoke: async (id: string, includeSystemKeys: boolean, actorId: string): Promise<boolean> => {
      const where = { id, OR: [{ tenantId }, ...(includeSystemKeys ? [{ tenantId: null }] : [])] }
      const revoked = await prisma.$transaction(async (tx) => {
        const row = await tx.apiKey.findFirst({ where })
        if (row === null) return undefined
        await tx.apiKey.update({ where: { id }, data: { revoked: true } })
        await tx.outbox.create({ data: outboxRow('apiKeyRevoked', tenantId, { id, actorId }) })
        return row
      })
      if (revoked === undefined) return false
      published()
      invalidate(bus, 'api_keys', { tenantId: '', key: revoked.keyHash })
      return true
    },
  })

  const tenants = {
    list: async (): Promise<Tenant[]> =>
      (await prisma.tenant.findMany({ orderBy: { createdAt: 'asc' } })).map(toTenant),

    find: async (id: string): Promise<Tenant | undefined> => {
      const row = await prisma.tenant.findUnique({ where: { id } })
      return row === null ? undefined : toTenant(row)
    },

    findByIdOrSlug: async (idOrSlug: string): Promise<Tenant | undefined> => {
      const row = await prisma.tenant.findUnique({
        where: uuidPattern.test(idOrSlug) ? { id: idOrSlug } : { slug: idOrSlug },
      })
      return row === null ? undefined : toTenant(row)
    },

    insert: async (tenant: Pick<Tenant, 'id' | 'name' | 'slug' | 'settings'>, actorId: string): Promise<Tenant> => {
      try {
        const row = await prisma.$transaction(async (tx) => {
          const created = await tx.tenant.create({
            data: { ...tenant, settings: tenant.settings as InputJsonObject },
          })
          await tx.outbox.create({ data: outboxRow('tenantCreated', masterTenantId, { id: tenant.id, actorId }) })
          return created
        })
        published()
        invalidate(bus, 'tenants', { tenantId: '', key: '' })
        return toTenant(row)
      } catch (thrown) {
        if (isUniqueViolation(thrown))
          throw new MeshError(
            'ALREADY_EXISTS',
            'error.already_exists',
            { kind: 'tenant', id: tenant.slug },
            { cause: thrown },
          )
        throw thrown
      }
    },

    update: async (
      id: string,
      changes: Partial<Pick<Tenant, 'name' | 'status' | 'settings'>>,
      actorId: string,
    ): Promise<boolean> => {
      const { settings, ...plain } = changes
      const updated = await prisma.$transaction(async (tx) => {
        const { count } = await tx.tenant.updateMany({
          where: { id },
          data: { ...plain, ...(settings === undefined ? {} : { settings: settings as InputJsonObject }) },
        })
        if (count > 0) await tx.outbox.create({ data: outboxRow('tenantUpdated', masterTenantId, { id, actorId }) })
        return count > 0
      })
      if (updated) {
        published()
        invalidate(bus, 'tenants', { tenantId: '', key: '' })
      }
      return updated
    },
  }

  return {
    apiKeys,
    tenants,

    findApiKey: async (keyHash: string): Promise<ApiKey | undefined> => {
      const row = await prisma.apiKey.findUnique({ where: { keyHash } })
      return row === null ? undefined : toApiKey(row)
    },

    /** Notes that a key was used. Never fails: nobody waits for it. */
    touchApiKey: (id: string): Promise<void> =>
      prisma.apiKey.updateMany({ where: { id }, data: { lastUsedAt: new Date() } }).then(
        () => undefined,
        () => undefined,
      ),

    membership: async (tenantId: string, userId: string): Promise<string | undefined> =>
      (await prisma.tenantUser.findUnique({ where: { tenantId_userId: { tenantId, userId } } }))?.role,

    systemConfigs: async (tenantId: string): Promise<Record<string, string>> =>
      Object.fromEntries(
        (await prisma.systemConfig.findMany({ where: { tenantId } })).map(({ key, value }) => [key, value]),
      ),
  }
}

export type IdentityStore = ReturnType<typeof identityStore>
