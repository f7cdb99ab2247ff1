/** Channels: the chat channels through which users of a tenant reach its agents, and webhooks that its events leave by. */
import { ChannelsServiceService } from '@clawmesh/contracts/gen/clawmesh/channels/v1/channels.ts'
import { composeService, implementRpc, openServiceDb, type Mesh, type Service } from '@clawmesh/chassis'
import type { ReceiveMessage } from './adapters/adapter.ts'
import { adapterTable, createAdapters, type AdapterTable } from './adapters/table.ts'
import { PrismaClient } from './db/client/client.ts'
import { createInstances } from './instances/feature.ts'
import { createRunnerFeature } from './runner/feature.ts'
import { createSending } from './sending/feature.ts'
import { createWebhooks, type WebhookTimes } from './webhooks/feature.ts'

export interface ChannelPlatforms {
  table: AdapterTable
  /** What becomes of messages; needed where there are adapters. */
  receive?: ReceiveMessage
  leaseMs?: number
  webhookTimes?: WebhookTimes
}

export const createChannelsService =
  ({ table, receive, leaseMs, webhookTimes }: ChannelPlatforms) =>
  (mesh: Mesh): Service => {
    const db = openServiceDb(mesh, 'channels', PrismaClient)
    const adapters = createAdapters(table)
    const instances = createInstances(mesh, db, adapters)
    const sending = createSending(mesh, db, adapters)
    return composeService(mesh, {
      name: 'channels',
      features: [
        instances,
        sending,
        createRunnerFeature(mesh, db, { adapters, receive, leaseMs }),
        createWebhooks(mesh, db, webhookTimes),
      ],
      rpc: [implementRpc(ChannelsServiceService, { ...instances.rpc, ...sending.rpc })],
      parts: db.parts,
    })
  }

export const channelsService = createChannelsService({ table: adapterTable })
