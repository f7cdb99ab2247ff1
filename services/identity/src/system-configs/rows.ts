/** The config values of a tenant. */
import type { CacheTag } from '@clawmesh/contracts'
import { event, type ServiceDb } from '@clawmesh/chassis'
import type { PrismaClient } from '../db/client/client.ts'
import type { SystemConfigRows } from './use-cases.ts'

export const createSystemConfigRows =
  (db: ServiceDb<PrismaClient>) =>
  (tenantId: string): SystemConfigRows => {
    const { prisma, change } = db.forTenant(tenantId)
    const evict: CacheTag[] = [{ kind: 'system_configs', tenantId }]

    return {
      list: async () => {
        const rows = await prisma.systemConfig.findMany({ where: { tenantId }, orderBy: { key: 'asc' } })
        return Object.fromEntries(rows.map(({ key, value }) => [key, value]))
      },

      find: async (key) => (await prisma.systemConfig.findFirst({ where: { tenantId, key } }))?.value,

      put: (key, value, actor) =>
        change(
          async (tx) => {
            await tx.systemConfig.upsert({
              where: { tenantId_key: { tenantId, key } },
              create: { tenantId, key, value },
              update: { value },
            })
            return { result: undefined, events: [event('systemConfigSet', { id: key, ...actor })], evict }
          },
          { missing: { kind: 'tenant', id: tenantId } },
        ),

      remove: (key, actor) =>
        change(async (tx) => {
          const { count } = await tx.systemConfig.deleteMany({ where: { tenantId, key } })
          const events = count === 0 ? [] : [event('systemConfigDeleted', { id: key, ...actor })]
          return { result: undefined, events, evict }
        }),
    }
  }
