/** Pairings of a tenant: who waits, and who is in. What has expired is as good as absent. */
import { cacheTags } from '@clawmesh/contracts'
import { event, lockName, newId, sha256Hex, type PrismaTx, type ServiceDb } from '@clawmesh/chassis'
import type { PrismaClient } from '../db/client/client.ts'
import type { PairingRequestWhereInput } from '../db/client/models.ts'
import type { PairingRows } from './use-cases.ts'

const newestFirst = { id: 'desc' as const }
const noConnection: PairingRequestWhereInput = { clientIp: { not: null }, connectionId: null }

/** Whether there is room for one more request; the oldest whose connection has closed makes it. */
const ensureCapacity = async (
  tx: PrismaTx<PrismaClient>,
  of: PairingRequestWhereInput,
  most: number,
): Promise<boolean> => {
  if ((await tx.pairingRequest.count({ where: of })) < most) return true
  const left = await tx.pairingRequest.findFirst({ where: { ...of, ...noConnection }, orderBy: { id: 'asc' } })
  if (left === null) return false
  await tx.pairingRequest.deleteMany({ where: { id: left.id } })
  return true
}

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
          await lockName(tx, 'pairing', tenantId)
          await tx.pairingRequest.deleteMany(over())
          const { accountId, clientIp, senderId, channel } = wanted
          const known = await tx.pairingRequest.findFirst({ where: { tenantId, senderId, channel } })
          if (known !== null) return { result: known }
          const ofOne = { tenantId, clientIp, accountId: clientIp === null ? accountId : undefined }
          if (!(await ensureCapacity(tx, ofOne, most.ofOne))) return { result: undefined }
          if (!(await ensureCapacity(tx, { tenantId }, most.ofTenant))) return { result: undefined }
          const created = await tx.pairingRequest.create({ data: wanted })
          return { result: created, events: [event('pairingRequested', { id: wanted.id, channel })] }
        }),

      resume: (id, waiting) =>
        change(async (tx) => {
          await tx.pairingRequest.updateMany({ where: { tenantId, id }, data: waiting })
          return { result: undefined }
        }),

      leave: (id, connectionId) =>
        change(async (tx) => {
          await tx.pairingRequest.updateMany({ where: { tenantId, id, connectionId }, data: { connectionId: null } })
          return { result: undefined }
        }),

      bind: (sender, userId) =>
        change(async (tx) => {
          const where = { ...live(), ...sender }
          const { count } = await tx.pairedDevice.updateMany({ where: { ...where, userId: null }, data: { userId } })
          const device = await tx.pairedDevice.findFirst({ where })
          return { result: device?.userId ?? undefined, evict: count === 0 ? [] : tagsOf(sender.senderId) }
        }),

      approve: (code, paired, actor) =>
        change(async (tx) => {
          const request = await tx.pairingRequest.findFirst({ where: { ...live(), code } })
          if (request === null) return { result: undefined }
          // Of two who decide at once only one finds it here.
          const { count } = await tx.pairingRequest.deleteMany({ where: { id: request.id } })
          if (count === 0) return { result: undefined }
          const { id, senderId, channel, chatId } = request
          const { by: pairedBy, expiresAt } = paired
          const data = { chatId, pairedBy, pairedAt: new Date(), expiresAt, userId: null }
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
