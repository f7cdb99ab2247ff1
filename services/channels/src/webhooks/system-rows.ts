/** Webhooks over all tenants: who wants the events of a batch, and what is to be tidied. */
import type { ServiceDb } from '@clawmesh/chassis'
import type { PrismaClient } from '../db/client/client.ts'
import type { Subscription } from './intake.ts'

const atOnce = 500

export const createWebhookSystemRows = (db: { system: Pick<ServiceDb<PrismaClient>['system'], 'sql'> }) => ({
  /** Whether there is a webhook that is on, or a delivery that waits. */
  isWanted: async (): Promise<boolean> => {
    const { rows } = await db.system.sql.query<{ wanted: boolean }>(
      `SELECT EXISTS (SELECT FROM channels.webhooks WHERE enabled)
         OR EXISTS (SELECT FROM channels.webhook_deliveries WHERE state = 'pending') AS wanted`,
    )
    return rows[0]!.wanted
  },

  subscriptions: async (tenantIds: readonly string[]): Promise<Subscription[]> => {
    const { rows } = await db.system.sql.query<Subscription>(
      `SELECT id, tenant_id AS "tenantId", events, since FROM channels.webhooks
       WHERE enabled AND tenant_id = ANY ($1::uuid[])`,
      [tenantIds],
    )
    return rows
  },

  prune: async (): Promise<void> => {
    await db.system.sql.query(
      `DELETE FROM channels.webhook_deliveries WHERE id IN (
         (SELECT id FROM channels.webhook_deliveries
          WHERE state = 'delivered' AND ended_at < now() - interval '8 days' LIMIT ${atOnce})
         UNION ALL
         (SELECT id FROM channels.webhook_deliveries
          WHERE state = 'dead' AND ended_at < now() - interval '30 days' LIMIT ${atOnce}))`,
    )
  },

  /** Pending deliveries that no job carries, as a process died between the two, or the job is dead. */
  stranded: async (): Promise<{ id: string; tenantId: string }[]> => {
    const { rows } = await db.system.sql.query<{ id: string; tenantId: string }>(
      `SELECT id, tenant_id AS "tenantId" FROM channels.webhook_deliveries delivery
       WHERE state = 'pending' AND created_at < now() - interval '2 minutes' AND NOT EXISTS (
         SELECT FROM channels.jobs job WHERE job.tenant_id = delivery.tenant_id AND job.name = 'deliverWebhook'
           AND job.key = delivery.id::text AND job.dead_at IS NULL)
       ORDER BY created_at LIMIT ${atOnce}`,
    )
    return rows
  },
})
