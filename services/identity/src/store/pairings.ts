import { cacheTags } from '@clawmesh/contracts'
import { evict, newId, outboxRow, sha256Hex, type Actor } from '@clawmesh/chassis'
import type { PairedDevice, PairingRequest, Sender } from '../domain/types.ts'
import type { PrismaClient } from './client/client.ts'
import type { StoreParts } from './store.ts'

const newestFirst = { id: 'desc' as const }

/** Pairings of a tenant: who waits, and who is in. What has expired is as good as absent. */
export const createPairingsStore =
  (prismaOf: (tenantId: string) => PrismaClient, { bus, published }: StoreParts) =>
  (tenantId: string) => {
    const prisma = prismaOf(tenantId)
    /** Sender ids open doors, so what travels names them by their hash. */
    const evictDevice = (senderId: string) => evict(bus, cacheTags.pairedDevice(tenantId, sha256Hex(senderId)))
    const live = () => ({ tenantId, expiresAt: { gt: new Date() } })
    const over = () => ({ where: { tenantId, expiresAt: { lte: new Date() } } })

    return {
      findRequest: async (id: string): Promise<PairingRequest | undefined> =>
        (await prisma.pairingRequest.findFirst({ where: { ...live(), id } })) ?? undefined,

      requestOf: async (sender: Sender): Promise<PairingRequest | undefined> =>
        (await prisma.pairingRequest.findFirst({ where: { ...live(), ...sender } })) ?? undefined,

      deviceOf: async (sender: Sender): Promise<PairedDevice | undefined> =>
        (await prisma.pairedDevice.findFirst({ where: { ...live(), ...sender } })) ?? undefined,

      /** Stores a request unless the sender has one; undefined when the account has `most` of them pending. */
      request: async (wanted: Omit<PairingRequest, 'createdAt'>, most: number): Promise<PairingRequest | undefined> => {
        const request = await prisma.$transaction(async (tx) => {
          // Requests of a tenant come one after the other, so that their number can be trusted.
          await tx.$executeRaw`SELECT pg_advisory_xact_lock(hashtextextended(${`pairing ${tenantId}`}, 0))`
          await tx.pairingRequest.deleteMany(over())
          const { accountId, senderId, channel } = wanted
          const known = await tx.pairingRequest.findFirst({ where: { tenantId, senderId, channel } })
          if (known !== null) return known
          if ((await tx.pairingRequest.count({ where: { tenantId, accountId } })) >= most) return undefined
          const created = await tx.pairingRequest.create({ data: wanted })
          await tx.outbox.create({ data: outboxRow('pairingRequested', tenantId, { id: wanted.id, channel }) })
          return created
        })
        if (request?.id === wanted.id) published()
        return request
      },

      /** Turns the request with a code into a paired device; undefined when there is none. */
      approve: async (
        code: string,
        paired: { by: string; expiresAt: Date },
        actor: Actor,
      ): Promise<PairedDevice | undefined> => {
        const device = await prisma.$transaction(async (tx) => {
          const request = await tx.pairingRequest.findFirst({ where: { ...live(), code } })
          if (request === null) return undefined
          // Of two who decide at once only one finds it here.
          if ((await tx.pairingRequest.deleteMany({ where: { id: request.id } })).count === 0) return undefined
          const { senderId, channel, chatId } = request
          const data = { chatId, pairedBy: paired.by, pairedAt: new Date(), expiresAt: paired.expiresAt }
          const stored = await tx.pairedDevice.upsert({
            where: { tenantId_senderId_channel: { tenantId, senderId, channel } },
            create: { id: newId(), tenantId, senderId, channel, ...data },
            update: data,
          })
          const told = { id: request.id, channel, deviceId: stored.id, ...actor }
          await tx.outbox.create({ data: outboxRow('pairingApproved', tenantId, told) })
          return stored
        })
        if (device === undefined) return undefined
        published()
        // Who came before the approval is remembered as not paired.
        evictDevice(device.senderId)
        return device
      },

      /** False when there is no request with the code. */
      deny: async (code: string, actor: Actor): Promise<boolean> => {
        const denied = await prisma.$transaction(async (tx) => {
          const request = await tx.pairingRequest.findFirst({ where: { ...live(), code } })
          if (request === null) return false
          if ((await tx.pairingRequest.deleteMany({ where: { id: request.id } })).count === 0) return false
          const told = { id: request.id, channel: request.channel, ...actor }
          await tx.outbox.create({ data: outboxRow('pairingDenied', tenantId, told) })
          return true
        })
        if (denied) published()
        return denied
      },

      /** False when the sender is not paired. */
      revoke: async ({ senderId, channel }: Sender, actor: Actor): Promise<boolean> => {
        const revoked = await prisma.$transaction(async (tx) => {
          const device = await tx.pairedDevice.findFirst({ where: { ...live(), senderId, channel } })
          if (device === null) return false
          await tx.pairedDevice.deleteMany({ where: { id: device.id } })
          await tx.outbox.create({ data: outboxRow('pairingRevoked', tenantId, { id: device.id, channel, ...actor }) })
          return true
        })
        if (revoked) published()
        // Even when nothing was there: asking again mends a cache that missed the first time.
        evictDevice(senderId)
        return revoked
      },

      /** Who waits and who is in, newest first; what has expired is removed. */
      list: (): Promise<{ pending: PairingRequest[]; paired: PairedDevice[] }> =>
        prisma.$transaction(async (tx) => {
          await tx.pairingRequest.deleteMany(over())
          await tx.pairedDevice.deleteMany(over())
          const pending = await tx.pairingRequest.findMany({ where: { tenantId }, orderBy: newestFirst })
          const paired = await tx.pairedDevice.findMany({
            where: { tenantId },
            orderBy: [{ pairedAt: 'desc' }, newestFirst],
          })
          return { pending, paired }
        }),
    }
  }
