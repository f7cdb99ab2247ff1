/** Pairings of a tenant: who waits, and who is in. What has expired is as good as absent. */
import { cacheTags } from '@clawmesh/contracts'
import { event, newId, sha256Hex, type ServiceDb } from '@clawmesh/chassis'
import type { PrismaClient } from '../db/client/client.ts'
import type { PairingRows } from './use-cases.ts'

const newestFirst = { id: 'desc' as const }

export const createPairingRows =
  (db: ServiceDb<PrismaClient>) =>
  (tenantId: string): PairingRows => {
    const { prisma, change } = db.forTenant(tenantId)
    /** Sender ids are credentials, so what travels names them by their hash. */
    const tagsOf = (senderId: string) => [cacheTags.pairedDevice(tenantId, sha256Hex(senderId))]
    const live = () => ({ tenantId, expiresAt: { gt: new Date() } })
    const over = () => ({ where: { tenantId, expiresAt: { lte: new Date() } } })

    return {
      findRequest: async (id) => (await prisma.pairingRequest.findFirst({ where: { ...live(), id } })) ?? undefined,

      requestOf: async (sender) =>
        (await prisma.pairingRequest.findFirst({ where: { ...live(), ...sender } })) ?? undefined,

      deviceOf: async (sender) =>
        (await prisma.pairedDevice.findFirst({ where: { ...live(), ...sender } })) ?? undefined,

      request: (wanted, most) =>
        change(async (tx) => {
          // Requests of a tenant come one after the other, so that their number can be trusted.
          await tx.$executeRaw`SELECT pg_advisory_xact_lock(hashtextextended(${`pairing ${tenantId}`}, 0))`
          await tx.pairingRequest.deleteMany(over())
          const { accountId, senderId, channel } = wanted
          const known = await tx.pairingRequest.findFirst({ where: { tenantId, senderId, channel } })
          if (known !== null) return { result: known }
          if ((await tx.pairingRequest.count({ where: { tenantId, accountId } })) >= most) return { result: undefined }
          const created = await tx.pairingRequest.create({ data: wanted })
          return { result: created, events: [event('pairingRequested', { id: wanted.id, channel })] }
        }),

      approve: (code, paired, actor) =>
        change(async (tx) => {
          const request = await tx.pairingRequest.findFirst({ where: { ...live(), code } })
          if (request === null) return { result: undefined }
          // Of two who decide at once only one finds it here.
          const { count } = await tx.pairingRequest.deleteMany({ where: { id: request.id } })
          if (count === 0) return { result: undefined }
          const { id, senderId, channel, chatId } = request
          const data = { chatId, pairedBy: paired.by, pairedAt: new Date(), expiresAt: paired.expiresAt }
          const device = await tx.pairedDevice.upsert({
            where: { tenantId_senderId_channel: { tenantId, senderId, channel } },
            create: { id: newId(), tenantId, senderId, channel, ...data },
            update: data,
          })
          return {
            result: device,
            events: [event('pairingApproved', { id, channel, deviceId: device.id, ...actor })],
            // Who came before the approval is remembered as not paired.
            evict: tagsOf(senderId),
          }
        }),

      deny: (code, actor) =>
        change(async (tx) => {
          const request = await tx.pairingRequest.findFirst({ where: { ...live(), code } })
          if (request === null) return { result: false }
          const { id, channel } = request
          if ((await tx.pairingRequest.deleteMany({ where: { id } })).count === 0) return { result: false }
          return { result: true, events: [event('pairingDenied', { id, channel, ...actor })] }
        }),

      revoke: ({ senderId, channel }, actor) =>
        change(async (tx) => {
          // Even when nothing is there: asking again mends a cache that missed the first time.
          const evict = tagsOf(senderId)
          const device = await tx.pairedDevice.findFirst({ where: { ...live(), senderId, channel } })
          if (device === null) return { result: false, evict }
          const { id } = device
          await tx.pairedDevice.deleteMany({ where: { id } })
          return { result: true, events: [event('pairingRevoked', { id, channel, ...actor })], evict }
        }),

      list: () =>
        change(async (tx) => {
          await tx.pairingRequest.deleteMany(over())
          await tx.pairedDevice.deleteMany(over())
          const pending = await tx.pairingRequest.findMany({ where: { tenantId }, orderBy: newestFirst })
          const paired = await tx.pairedDevice.findMany({
            where: { tenantId },
            orderBy: [{ pairedAt: 'desc' }, newestFirst],
          })
          return { result: { pending, paired } }
        }),
    }
  }
