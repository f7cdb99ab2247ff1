/** Webhooks and deliveries of one tenant. Secrets are sealed on the way in, and opened only to sign and to be replaced. */
import { MeshError } from '@clawmesh/contracts'
import { event, newId, type SecretBox, type ServiceDb } from '@clawmesh/chassis'
import type { PrismaClient, Webhook as WebhookRow, WebhookDelivery as DeliveryRow } from '../db/client/client.ts'
import type { DeliveryRows } from './deliver.ts'
import type { IntakeRows } from './intake.ts'
import { previousWebhookSecret, sealSecret, signingSecrets } from './sealed-secrets.ts'
import type { Delivery, Webhook } from './types.ts'
import type { WebhookRows } from './use-cases.ts'

const toWebhook = ({ previousSecretExpiresAt: until, ...row }: WebhookRow): Webhook => ({
  id: row.id,
  url: row.url,
  description: row.description,
  events: row.events,
  enabled: row.enabled,
  disabledReason: row.disabledReason as Webhook['disabledReason'],
  failingSince: row.failingSince,
  previousSecretExpiresAt: until !== null && until > new Date() ? until : null,
  createdBy: row.createdBy,
  createdAt: row.createdAt,
  updatedAt: row.updatedAt,
})

const toDelivery = ({ state, endedAt, ...row }: Omit<DeliveryRow, 'body'>): Delivery => ({
  ...row,
  state: state as Delivery['state'],
  deliveredAt: state === 'delivered' ? endedAt : null,
})

export const createWebhookRows =
  (db: ServiceDb<PrismaClient>, box: SecretBox) =>
  (tenantId: string): WebhookRows & DeliveryRows & IntakeRows => {
    const { prisma, change } = db.forTenant(tenantId)
    const receiverOf = (row: WebhookRow) => ({ url: row.url, secrets: signingSecrets(box, row, new Date()) })

    return {
      list: async ({ limit: take, offset: skip }) => {
        const [rows, total] = await Promise.all([
          prisma.webhook.findMany({ where: { tenantId }, orderBy: [{ createdAt: 'asc' }, { id: 'asc' }], take, skip }),
          prisma.webhook.count({ where: { tenantId } }),
        ])
        return { webhooks: rows.map(toWebhook), total }
      },

      find: async (id) => {
        const row = await prisma.webhook.findFirst({ where: { id, tenantId } })
        return row === null ? undefined : toWebhook(row)
      },

      receiver: async (id) => {
        const row = await prisma.webhook.findFirst({ where: { id, tenantId } })
        return row === null ? undefined : receiverOf(row)
      },

      insert: (webhook, secret, most, actor) =>
        change(async (tx) => {
          if ((await tx.webhook.count({ where: { tenantId } })) >= most)
            throw new MeshError('ALREADY_EXISTS', 'error.too_many_webhooks', { limit: most })
          const id = newId()
          const sealed = sealSecret(box, secret, { id, tenantId })
          const row = await tx.webhook.create({
            data: { ...webhook, id, tenantId, secret: sealed, since: new Date() },
          })
          return { result: toWebhook(row), events: [event('webhookCreated', { id, ...actor })] }
        }),

      update: (id, changes, actor) =>
        change(async (tx) => {
          const known = await tx.webhook.findFirst({ where: { id, tenantId } })
          if (known === null) return { result: undefined }
          const afresh =
            changes.enabled === true && !known.enabled
              ? { since: new Date(), disabledReason: null, failingSince: null }
              : {}
          const row = await tx.webhook.update({ where: { id, tenantId }, data: { ...changes, ...afresh } })
          return { result: toWebhook(row), events: [event('webhookUpdated', { id, ...actor })] }
        }),

      remove: (id, actor) =>
        change(async (tx) => {
          const { count } = await tx.webhook.deleteMany({ where: { id, tenantId } })
          if (count === 0) return { result: false }
          return { result: true, events: [event('webhookDeleted', { id, ...actor })] }
        }),

      rotate: (id, secret, overlapUntil, actor) =>
        change(async (tx) => {
          await tx.$queryRaw`
            SELECT id FROM channels.webhooks WHERE id = ${id}::uuid AND tenant_id = ${tenantId}::uuid FOR UPDATE`
          const row = await tx.webhook.findFirst({ where: { id, tenantId } })
          if (row === null) return { result: false }
          const place = { id, tenantId }
          const [current] = signingSecrets(box, row, new Date())
          await tx.webhook.update({
            where: { id, tenantId },
            data: {
              secret: sealSecret(box, secret, place),
              previousSecret: overlapUntil === null ? null : sealSecret(box, current!, place, previousWebhookSecret),
              previousSecretExpiresAt: overlapUntil,
            },
          })
          return { result: true, events: [event('webhookSecretRotated', { id, ...actor })] }
        }),

      deliveries: async (webhookId, { state, limit: take, offset: skip }) => {
        const where = { webhookId, tenantId, ...(state === undefined ? {} : { state }) }
        const [rows, total] = await Promise.all([
          prisma.webhookDelivery.findMany({
            where,
            orderBy: [{ createdAt: 'desc' }, { id: 'asc' }],
            take,
            skip,
            omit: { body: true },
          }),
          prisma.webhookDelivery.count({ where }),
        ])
        return { deliveries: rows.map(toDelivery), total }
      },

      hasDelivery: async (webhookId, id) =>
        (await prisma.webhookDelivery.count({ where: { id, webhookId, tenantId } })) > 0,

      revive: (id, { deliveryId, since }, most, actor) =>
        change(async (tx) => {
          const which =
            deliveryId === undefined
              ? { state: 'dead', ...(since === undefined ? {} : { eventTime: { gte: since } }) }
              : { id: deliveryId, state: { not: 'pending' } }
          const found = await tx.webhookDelivery.findMany({
            where: { ...which, webhookId: id, tenantId },
            orderBy: { eventTime: 'asc' },
            take: most,
            select: { id: true },
          })
          if (found.length === 0) return { result: [] }
          const ids = found.map((row) => row.id)
          await tx.webhookDelivery.updateMany({
            where: { id: { in: ids }, tenantId },
            data: { state: 'pending', attempts: 0, endedAt: null, nextAttemptAt: null },
          })
          return { result: ids, events: [event('webhookReplayed', { id, deliveries: ids.length, ...actor })] }
        }),

      findDue: async (id) => {
        const row = await prisma.webhookDelivery.findFirst({
          where: { id, tenantId, state: 'pending' },
          include: { webhook: true },
        })
        return row === null ? undefined : { ...row, receiver: () => receiverOf(row.webhook) }
      },

      succeed: async ({ id, attempts, webhook }, { status }) => {
        const now = new Date()
        const data = { state: 'delivered', status, error: null, lastAttemptAt: now, nextAttemptAt: null, endedAt: now }
        await prisma.webhookDelivery.updateMany({ where: { id, tenantId }, data: { ...data, attempts: attempts + 1 } })
        if (webhook.failingSince !== null)
          await prisma.webhook.updateMany({ where: { id: webhook.id, tenantId }, data: { failingSince: null } })
      },

      fail: async ({ id, attempts, webhook }, { status, error }, nextAt) => {
        const now = new Date()
        const end = nextAt === null ? { state: 'dead', endedAt: now } : {}
        const data = { ...end, status, error, lastAttemptAt: now, nextAttemptAt: nextAt, attempts: attempts + 1 }
        await prisma.webhookDelivery.updateMany({ where: { id, tenantId }, data })
        await prisma.webhook.updateMany({
          where: { id: webhook.id, tenantId, failingSince: null },
          data: { failingSince: now },
        })
      },

      bury: async ({ id }, error) => {
        const data = { state: 'dead', error, endedAt: new Date(), nextAttemptAt: null }
        await prisma.webhookDelivery.updateMany({ where: { id, tenantId }, data })
      },

      disable: (id, reason) =>
        change(async (tx) => {
          const { count } = await tx.webhook.updateMany({
            where: { id, tenantId, enabled: true },
            data: { enabled: false, disabledReason: reason },
          })
          if (count === 0) return { result: false }
          return { result: true, events: [event('webhookDisabled', { id, reason })] }
        }),

      store: async (deliveries) => {
        await prisma.webhookDelivery.createMany({
          data: deliveries.map((delivery) => ({ ...delivery, id: newId(), tenantId })),
          skipDuplicates: true,
        })
        const pending = await prisma.webhookDelivery.findMany({
          where: {
            tenantId,
            state: 'pending',
            webhookId: { in: [...new Set(deliveries.map(({ webhookId }) => webhookId))] },
            eventId: { in: [...new Set(deliveries.map(({ eventId }) => eventId))] },
          },
          select: { id: true },
        })
        return pending.map(({ id }) => id)
      },
    }
  }
