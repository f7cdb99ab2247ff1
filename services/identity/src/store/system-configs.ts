import { evict, outboxRow, type Actor } from '@clawmesh/chassis'
import type { PrismaClient } from './client/client.ts'
import { isForeignKeyViolation } from './foreign-key.ts'
import type { StoreParts } from './store.ts'

/** The config values of a tenant. */
export const createSystemConfigsStore =
  (prismaOf: (tenantId: string) => PrismaClient, { bus, published }: StoreParts) =>
  (tenantId: string) => {
    const prisma = prismaOf(tenantId)
    const evictConfigs = () => evict(bus, { kind: 'system_configs', tenantId })

    return {
      list: async (): Promise<Record<string, string>> => {
        const rows = await prisma.systemConfig.findMany({ where: { tenantId }, orderBy: { key: 'asc' } })
        return Object.fromEntries(rows.map(({ key, value }) => [key, value]))
      },

      find: async (key: string): Promise<string | undefined> =>
        (await prisma.systemConfig.findFirst({ where: { tenantId, key } }))?.value,

      /** False when the tenant does not exist. */
      put: async (key: string, value: string, actor: Actor): Promise<boolean> => {
        try {
          await prisma.$transaction(async (tx) => {
            await tx.systemConfig.upsert({
              where: { tenantId_key: { tenantId, key } },
              create: { tenantId, key, value },
              update: { value },
            })
            await tx.outbox.create({ data: outboxRow('systemConfigSet', tenantId, { id: key, ...actor }) })
          })
        } catch (thrown) {
          if (isForeignKeyViolation(thrown)) return false
          throw thrown
        }
        published()
        evictConfigs()
        return true
      },

      remove: async (key: string, actor: Actor): Promise<void> => {
        await prisma.$transaction(async (tx) => {
          const { count } = await tx.systemConfig.deleteMany({ where: { tenantId, key } })
          if (count > 0)
            await tx.outbox.create({ data: outboxRow('systemConfigDeleted', tenantId, { id: key, ...actor }) })
        })
        published()
        evictConfigs()
      },
    }
  }
