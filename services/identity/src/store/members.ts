import { cacheTags } from '@clawmesh/contracts'
import { evict, newId, outboxRow, type Actor } from '@clawmesh/chassis'
import type { TenantRole, TenantUser } from '../domain/types.ts'
import type { PrismaClient, TenantUser as TenantUserRow } from './client/client.ts'
import { isForeignKeyViolation } from './foreign-key.ts'
import type { StoreParts } from './store.ts'

const toTenantUser = (row: TenantUserRow): TenantUser => ({
  ...row,
  role: row.role as TenantRole,
  metadata: row.metadata as Record<string, unknown>,
})

/** In which they came; those of one moment by id. */
const inOrder = [{ createdAt: 'asc' as const }, { id: 'asc' as const }]

/** A pattern of LIKE in which every character means itself. */
const literal = (text: string): string => text.replace(/[\\%_]/g, '\\$&')

/** The members of a tenant. */
export const createMembersStore =
  (prismaOf: (tenantId: string) => PrismaClient, { bus, published }: StoreParts) =>
  (tenantId: string) => {
    const prisma = prismaOf(tenantId)
    const evictMember = (userId: string) => evict(bus, cacheTags.tenantUser(tenantId, userId))

    return {
      list: async (): Promise<TenantUser[]> =>
        (await prisma.tenantUser.findMany({ where: { tenantId }, orderBy: inOrder })).map(toTenantUser),

      /** Those with a text in their id or name, in any case. */
      search: async (text: string, limit: number): Promise<TenantUser[]> => {
        const has = { contains: literal(text), mode: 'insensitive' as const }
        const rows = await prisma.tenantUser.findMany({
          where: { tenantId, ...(text === '' ? {} : { OR: [{ userId: has }, { displayName: has }] }) },
          orderBy: inOrder,
          take: limit,
        })
        return rows.map(toTenantUser)
      },

      roleOf: async (userId: string): Promise<TenantRole | undefined> =>
        (await prisma.tenantUser.findFirst({ where: { tenantId, userId } }))?.role as TenantRole | undefined,

      /** Adds a member or changes their role; false when the tenant does not exist. */
      put: async (userId: string, role: TenantRole, actor: Actor): Promise<boolean> => {
        try {
          await prisma.$transaction(async (tx) => {
            await tx.tenantUser.upsert({
              where: { tenantId_userId: { tenantId, userId } },
              create: { id: newId(), tenantId, userId, role },
              update: { role },
            })
            const told = { id: tenantId, userId, role, ...actor }
            await tx.outbox.create({ data: outboxRow('tenantUserAdded', tenantId, told) })
          })
        } catch (thrown) {
          if (isForeignKeyViolation(thrown)) return false
          throw thrown
        }
        published()
        // Who was refused before is remembered as no member.
        evictMember(userId)
        return true
      },

      remove: async (userId: string, actor: Actor): Promise<void> => {
        await prisma.$transaction(async (tx) => {
          const { count } = await tx.tenantUser.deleteMany({ where: { tenantId, userId } })
          if (count > 0)
            await tx.outbox.create({
              data: outboxRow('tenantUserRemoved', tenantId, { id: tenantId, userId, ...actor }),
            })
        })
        published()
        // Even when nothing was there: asking again mends a cache that missed the first time.
        evictMember(userId)
      },
    }
  }
