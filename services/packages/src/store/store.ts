/** All that knows the tables of packages. */
import type { Database } from '@clawmesh/chassis'
import type { Runtime, RuntimeName } from '../domain/runtimes.ts'
import { PrismaClient } from './client/client.ts'

/** A replica that has not probed for this long is gone. */
const forgetAfterMs = 24 * 3_600_000

/** The stored probes of one machine, which are no tenant's. */
export const createPackagesStore = (database: Database, host: string) => {
  const prisma = new PrismaClient(database.systemClientOptions)
  return {
    /** The runtimes that were probed after a time, in no order. */
    probedAfter: async (time: Date): Promise<Runtime[]> => {
      const rows = await prisma.runtimeProbe.findMany({ where: { host, checkedAt: { gt: time } } })
      return rows.map(({ name, available, version }) => ({
        name: name as RuntimeName,
        available,
        ...(version === null ? {} : { version }),
      }))
    },

    /** Puts a probe in the place of the last one. */
    save: async (runtimes: readonly Runtime[], checkedAt: Date): Promise<void> => {
      const forgotten = new Date(checkedAt.getTime() - forgetAfterMs)
      await prisma.$transaction([
        prisma.runtimeProbe.deleteMany({ where: { checkedAt: { lt: forgotten } } }),
        ...runtimes.map(({ name, available, version = null }) => {
          const found = { available, version, checkedAt }
          return prisma.runtimeProbe.upsert({
            where: { host_name: { host, name } },
            create: { host, name, ...found },
            update: found,
          })
        }),
      ])
    },
  }
}

export type PackagesStore = ReturnType<typeof createPackagesStore>
