import { z } from 'zod'
import { idParams, page, statusIs, timestamp, uuid } from '../common.ts'
import { defineHttpTable } from '../operation.ts'

export const deliveryStates = ['pending', 'delivered', 'dead'] as const
export const webhookOffReasons = ['gone', 'failing'] as const

const url = z
  .string()
  .max(2_000)
  .regex(/^https?:\/\//)
  .describe('Where events are sent: https, or http to a private host that the operator allows')
  .meta({ examples: ['https://example.org/clawmesh'] })
const description = z.string().max(500)
const eventPattern = z
  .string()
  .max(200)
  .regex(/^(?:\*|clawmesh\.[a-z0-9_.*]+)$/)
  .meta({ examples: ['clawmesh.agents.*'] })
const eventPatterns = z
  .array(eventPattern)
  .min(1)
  .max(50)
  .describe('Types of events, of which `*` stands for any part: `clawmesh.agents.run.ended`, `clawmesh.agents.*`, `*`')
const secret = z.string().describe('Signs what is sent, as Standard Webhooks has it; shown this once')

const webhookFields = {
  id: uuid,
  url: z.string(),
  description,
  events: z.array(z.string()),
  enabled: z.boolean(),
  disabled_reason: z
    .enum(webhookOffReasons)
    .nullable()
    .describe('Why it was switched off by itself: its receiver said 410, or only failed for days'),
  failing_since: timestamp.nullable().describe('Since when no delivery has succeeded; null while they do'),
  previous_secret_expires_at: timestamp.nullable().describe('Until when the secret before the last rotation signs too'),
  created_by: z.string(),
  created_at: timestamp,
  updated_at: timestamp,
}
const webhook = z.object(webhookFields).meta({ id: 'Webhook', description: 'A subscription of a tenant to its events' })

const delivery = z
  .object({
    id: uuid,
    event_id: z.string().describe('Id of the event, sent as `webhook-id`'),
    event_type: z.string(),
    event_time: timestamp,
    state: z.enum(deliveryStates).describe('dead is tried no more, unless it is replayed'),
    attempts: z.number().int(),
    status: z.number().int().nullable().describe('HTTP status of the last answer'),
    error: z.string().nullable().describe('Why the last attempt failed'),
    created_at: timestamp,
    last_attempt_at: timestamp.nullable(),
    next_attempt_at: timestamp.nullable().describe('Of a pending one that failed'),
    delivered_at: timestamp.nullable(),
  })
  .meta({ id: 'WebhookDelivery', description: 'An event on its way to a webhook' })

const isOfTheTenant = 'What is no id is refused; an unknown webhook, and one of another tenant, is answered 404'
const isForAdmins = 'An operator may not'
const checksTheAddress =
  'The address is https and public, or one that the operator allows; else it is refused, as are credentials in it'
const checksTheEvents = 'A pattern that matches no event is refused'
const count = z.number().int()

export const webhooks = defineHttpTable('channels', {
  listWebhooks: {
    method: 'GET',
    path: '/v1/webhooks',
    role: 'admin',
    summary: 'The webhooks of the tenant, the oldest first',
    rules: { pages: 'A page has 50 webhooks; `total` counts all; no secret is shown' },
    query: z.object(page(50, 200)),
    response: { 200: z.object({ webhooks: z.array(webhook), total: count, limit: count, offset: count }) },
    errors: [],
  },
  createWebhook: {
    method: 'POST',
    path: '/v1/webhooks',
    role: 'admin',
    summary: 'Have events sent to an address',
    rules: {
      isForAdmins,
      checksTheAddress,
      checksTheEvents,
      showsTheSecretOnce:
        'The answer has the signing secret, `whsec_` and 32 random bytes in base64; it is stored sealed, and no later answer has it',
      limitsTheirNumber: 'A tenant has 50 webhooks at most, one more is a conflict',
      sendsWhatMatches:
        'Each event of the tenant whose type matches, and no other, is posted as it is: a CloudEvent in JSON, with the headers of Standard Webhooks',
      sendsNothingOlder: 'Events from before its creation, or before it was switched on again, are not sent',
      sendsOnceAnId:
        'An event that comes again from the bus is one delivery; `webhook-id`, the id of the event, is the same at each attempt',
      triesAgain:
        'An answer other than 2xx, or none in 15 seconds, is a failure; it is tried again after growing pauses, 12 times in about three days, and then dead',
      heedsRetryAfter: 'A `Retry-After` in seconds that asks for a longer pause is heeded, up to a day',
      followsNoRedirects: 'A redirect is a failure and not followed',
      readsLittle: 'Of an answer at most 1 KiB is read; the beginning stands in the error of the delivery',
      guardsEachCall: 'The address that the name resolves to is checked at each call; a private one is a failure',
      switchesOffWhenGone: 'An answer 410 switches the webhook off, with an event webhook.disabled',
      switchesOffWhenFailing: 'A webhook whose deliveries all fail for five days is switched off, with the same event',
      sharesPlaces:
        'A tenant has four deliveries under way at a time on a replica and fewer when many tenants have, so that slow receivers of some leave places to others',
      isAudited: 'It is an event and an entry of the audit log, webhook.created',
    },
    body: z.object({
      url,
      description: description.default(''),
      events: eventPatterns,
      enabled: z.boolean().default(true),
    }),
    response: { 201: z.object({ ...webhookFields, secret }) },
    errors: [409],
  },
  getWebhook: {
    method: 'GET',
    path: '/v1/webhooks/{id}',
    role: 'admin',
    summary: 'One webhook',
    rules: { isOfTheTenant },
    params: idParams,
    response: { 200: webhook },
    errors: [400, 404],
  },
  updateWebhook: {
    method: 'PUT',
    path: '/v1/webhooks/{id}',
    role: 'admin',
    summary: 'Change the address of a webhook, its events, or whether it is on',
    rules: {
      isOfTheTenant,
      isForAdmins,
      checksTheAddress,
      checksTheEvents,
      writesWhatIsGiven: 'Only fields that are given are written; without any the webhook is answered as it is',
      endsDeliveriesWhenOff: 'What waits for a webhook that is off is dead when its time comes',
      startsAfresh: 'Switched on again it is no longer failing, and the reason why it was off is gone',
      isAudited: 'It is an event and an entry of the audit log, webhook.updated',
    },
    params: idParams,
    body: z.object({
      url: url.optional(),
      description: description.optional(),
      events: eventPatterns.optional(),
      enabled: z.boolean().optional(),
    }),
    response: { 200: webhook },
    errors: [404],
  },
  deleteWebhook: {
    method: 'DELETE',
    path: '/v1/webhooks/{id}',
    role: 'admin',
    summary: 'Delete a webhook with its deliveries',
    rules: { isOfTheTenant, isForAdmins, isAudited: 'It is an event and an entry of the audit log, webhook.deleted' },
    params: idParams,
    response: { 200: statusIs('deleted') },
    errors: [400, 404],
  },
  rotateWebhookSecret: {
    method: 'POST',
    path: '/v1/webhooks/{id}/rotate-secret',
    role: 'admin',
    summary: 'Give a webhook a new secret',
    rules: {
      isOfTheTenant,
      isForAdmins,
      signsWithBoth:
        'For `overlap_hours`, a day unless said, what is sent has two signatures, of the new secret and the one before; with 0 the old one ends at once',
      isAudited: 'It is an event and an entry of the audit log, webhook.secret_rotated',
    },
    params: idParams,
    body: z.object({
      overlap_hours: z.number().int().min(0).max(168).default(24).describe('How long the old secret signs too'),
    }),
    response: { 200: z.object({ secret, previous_secret_expires_at: timestamp.nullable() }) },
    errors: [404],
  },
  testWebhook: {
    method: 'POST',
    path: '/v1/webhooks/{id}/test',
    role: 'admin',
    summary: 'Send a test event at once',
    rules: {
      isOfTheTenant,
      isForAdmins,
      tellsTheOutcome:
        'One signed event of the type clawmesh.webhook.test is sent once, also while the webhook is off; the answer says how its receiver answered',
    },
    params: idParams,
    response: {
      200: z.object({
        delivered: z.boolean(),
        status: z.number().int().nullable(),
        error: z.string().nullable(),
        duration_ms: z.number().int(),
      }),
    },
    errors: [400, 404],
  },
  listWebhookDeliveries: {
    method: 'GET',
    path: '/v1/webhooks/{id}/deliveries',
    role: 'admin',
    summary: 'Events on their way to a webhook, the newest first',
    rules: {
      isOfTheTenant,
      pages: 'A page has 50 deliveries; `state` keeps those of one state; `total` counts all that match',
      keepsThem: 'Delivered ones are kept for eight days, longer than the bus keeps events, and dead ones for thirty',
    },
    params: idParams,
    query: z.object({
      state: z.enum(deliveryStates).optional().describe('Only deliveries in this state'),
      ...page(50, 200),
    }),
    response: { 200: z.object({ deliveries: z.array(delivery), total: count, limit: count, offset: count }) },
    errors: [400, 404],
  },
  replayWebhook: {
    method: 'POST',
    path: '/v1/webhooks/{id}/replay',
    role: 'admin',
    summary: 'Send deliveries again',
    rules: {
      isOfTheTenant,
      isForAdmins,
      sendsOne:
        '`delivery_id` sends one again, also if it was delivered; one that is pending stays as it is, an unknown one is answered 404',
      sendsTheDead:
        'Else all dead ones are sent again, those of events since `since` where it is given, 1,000 at a time',
      needsItOn: 'A webhook that is off is refused, 412',
      isAudited: 'It is an event and an entry of the audit log, webhook.replayed',
    },
    params: idParams,
    body: z.object({
      delivery_id: uuid.optional().describe('Only this one'),
      since: timestamp.optional().describe('Only dead ones of events since then'),
    }),
    response: { 202: z.object({ replayed: count }) },
    errors: [404, 412],
  },
})
