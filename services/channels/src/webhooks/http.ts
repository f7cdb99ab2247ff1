import { http } from '@clawmesh/contracts'
import { implementHttp } from '@clawmesh/chassis'
import type { WebhookUseCases } from './use-cases.ts'

export const createWebhookHttp = (webhooks: WebhookUseCases) =>
  implementHttp(http.webhooks)({
    listWebhooks: ({ caller, query }) => webhooks.list(caller, query),
    createWebhook: ({ call, body }) => webhooks.create(call, body),
    getWebhook: ({ caller, params }) => webhooks.get(caller, params.id),
    updateWebhook: ({ call, params, body }) => webhooks.update(call, params.id, body),
    deleteWebhook: async ({ call, params }) => {
      await webhooks.remove(call, params.id)
      return { status: 'deleted' }
    },
    rotateWebhookSecret: ({ call, params, body }) => webhooks.rotate(call, params.id, body.overlapHours),
    testWebhook: ({ call, params }) => webhooks.test(call, params.id),
    listWebhookDeliveries: async ({ caller, params, query }) => ({
      ...query,
      ...(await webhooks.deliveries(caller, params.id, query)),
    }),
    replayWebhook: async ({ call, params, body }) => ({ replayed: await webhooks.replay(call, params.id, body) }),
  })
