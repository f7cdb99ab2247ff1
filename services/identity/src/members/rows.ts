/** The members of a tenant. */
import { cacheTags } from '@clawmesh/contracts'
import { event, likePattern, newId, type ServiceDb } from '@clawmesh/chassis'
import type { PrismaClient, TenantUser as TenantUserRow } from '../db/client/client.ts'
import type { JsonObject } from '../json.ts'
import type { TenantRole, TenantUser } from './types.ts'
import type { MemberRows } from './use-cases.ts'

const toTenantUser = (row: TenantUserRow): TenantUser => ({
  ...row,
  role: row.role as TenantRole,
  metadata: row.metadata as JsonObject,
})

/** In which they came; those of one moment by id. */
const inOrder = [{ createdAt: 'asc' as const }, { id: 'asc' as const }]

export const createMemberRows =
  (db: ServiceDb<PrismaClient>) =>
  (tenantId: string): MemberRows => {
    const { prisma, change } = db.forTenant(tenantId)

    return {
      list: async () => (await prisma.tenantUser.findMany({ where: { tenantId }, orderBy: inOrder })).map(toTenantUser),

      search: async (text, limit) => {
        const matches = { contains: likePattern(text), mode: 'insensitive' as const }
        const rows = await prisma.tenantUser.findMany({
          where: { tenantId, OR: text === '' ? undefined : [{ userId: matches }, { displayName: matches }] },
          orderBy: inOrder,
          take: limit,
        })
        return rows.map(toTenantUser)
      },

      roleOf: async (userId) =>
        (await prisma.tenantUser.findFirst({ where: { tenantId, userId } }))?.role as TenantRole | undefined,

      put: ({ userId, role }, actor) =>
        change(
          async (tx) => {
            await tx.tenantUser.upsert({
              where: { tenantId_userId: { tenantId, userId } },
              create: { id: newId(), tenantId, userId, role },
              update: { role },
            })
            return {
              result: undefined,
              events: [event('tenantUserAdded', { id: tenantId, userId, role, ...actor })],
              // Who was refused before is remembered as no member.
              evict: [cacheTags.tenantUser(tenantId, userId)],
            }
          },
          { missing: { kind: 'tenant', id: tenantId } },
        ),

      remove: (userId, actor) =>
        change(async (tx) => {
          const { count } = await tx.tenantUser.deleteMany({ where: { tenantId, userId } })
          return {
            result: undefined,
            events: count === 0 ? [] : [event('tenantUserRemoved', { id: tenantId, userId, ...actor })],
            // Even when nothing was there: asking again mends a cache that missed the first time.
            evict: [cacheTags.tenantUser(tenantId, userId)],
          }
        }),

      recordDenial: (userId) =>
        change(async () => ({
          result: undefined,
          events: [event('tenantAccessDenied', { id: tenantId, actorId: userId })],
        })),
    }
  }
