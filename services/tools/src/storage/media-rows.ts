/** The rows of media_files. */
import type { ServiceDb } from '@clawmesh/chassis'
import type { PrismaClient } from '../db/client/client.ts'
import type { MediaPlace, MediaRows } from './media-places.ts'

const selected = { id: true, name: true, folder: true, agentHash: true, sessionHash: true } as const

export const createMediaRows =
  (db: ServiceDb<PrismaClient>) =>
  (tenantId: string): MediaRows => {
    const { prisma, change } = db.forTenant(tenantId)
    const where = (asked: Partial<Pick<MediaPlace, 'agentHash' | 'sessionHash'>>) => ({ tenantId, ...asked })
    return {
      find: async (id) =>
        (await prisma.mediaFile.findFirst({ where: { tenantId, id }, select: selected })) ?? undefined,
      put: (place) =>
        change(async (tx) => {
          const { id, ...rest } = place
          const key = { tenantId_id: { tenantId, id } }
          await tx.mediaFile.upsert({ where: key, create: { tenantId, ...place }, update: rest })
          return { result: undefined }
        }),
      add: (places) =>
        change(async (tx) => {
          await tx.mediaFile.createMany({
            data: places.map((place) => ({ tenantId, ...place })),
            skipDuplicates: true,
          })
          return { result: undefined }
        }),
      of: (asked) => prisma.mediaFile.findMany({ where: where(asked), select: selected }),
      remove: (asked) =>
        change(async (tx) => {
          await tx.mediaFile.deleteMany({ where: where(asked) })
          return { result: undefined }
        }),
    }
  }
