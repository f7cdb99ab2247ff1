/** Webhooks: a tenant's events, sent to addresses of its own (docs/adr/0041). */
import {
  createBatchConsumer,
  createJobQueue,
  createJobWorker,
  type Feature,
  type Mesh,
  type ServiceDb,
} from '@clawmesh/chassis'
import type { PrismaClient } from '../db/client/client.ts'
import { createAttention } from './attention.ts'
import { createDeliver } from './deliver.ts'
import { createWebhookHttp } from './http.ts'
import { webhookIntake } from './intake.ts'
import { deliveryPlaces, webhookJobs } from './jobs.ts'
import { createWebhookRows } from './rows.ts'
import { createSender } from './sender.ts'
import { createWebhookSystemRows } from './system-rows.ts'
import { createWebhookUseCases } from './use-cases.ts'

export interface WebhookTimes {
  /** How long a receiver may take to answer. Default 15 s. */
  timeoutMs?: number
  /** Pauses between attempts, milliseconds. */
  pauses?: readonly number[]
}

export const createWebhooks = (
  mesh: Mesh,
  db: ServiceDb<PrismaClient>,
  { timeoutMs = 15_000, pauses }: WebhookTimes = {},
): Feature => {
  const log = mesh.log.child({ service: 'channels', part: 'webhooks' })
  const allow = mesh.config.fetchAllow.split(',').filter(Boolean)
  const rowsOf = createWebhookRows(db, mesh.secrets)
  const system = createWebhookSystemRows(db)
  const send = createSender({ allow, timeoutMs })
  let jobs = createJobQueue(db.database, webhookJobs)
  const deliver = (tenantId: string, ids: readonly string[]): Promise<void> =>
    jobs.addAll(
      tenantId,
      'deliverWebhook',
      ids.map((deliveryId) => ({ data: { deliveryId }, key: deliveryId })),
    )
  const intake = webhookIntake({ subscriptions: system.subscriptions, rowsOf, deliver })
  const deliverWebhook = createDeliver({ rowsOf, send, pauses, changed: () => void attention.changed() })
  const attention = createAttention({
    bus: mesh.bus,
    log,
    isWanted: system.isWanted,
    // A worker is started once, and its queue tells it of jobs for as long as there is the queue.
    work: () => {
      jobs = createJobQueue(db.database, webhookJobs)
      return [
        createJobWorker(mesh, 'channels', jobs.implementedBy({ deliverWebhook }, deliveryPlaces)),
        createBatchConsumer(mesh, 'channels', intake),
      ]
    },
    tidy: async () => {
      await system.prune()
      for (const { id, tenantId } of await system.stranded()) await deliver(tenantId, [id])
    },
  })
  const { changed, part } = attention
  return {
    http: createWebhookHttp(createWebhookUseCases({ rowsOf, send, allow, deliver, changed })),
    parts: [part],
  }
}
