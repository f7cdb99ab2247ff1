/** Webhooks of a tenant: where its events are sent, what signs them, and what became of them. */
import { MeshError, type Caller } from '@clawmesh/contracts'
import { actorOf, newId, type Actor, type Call } from '@clawmesh/chassis'
import { checkPublicUrl } from '@clawmesh/chassis/fetch'
import { matchesSomeEvent } from './patterns.ts'
import type { Send } from './sender.ts'
import { newSecret } from './signing.ts'
import type { Delivery, DeliveryFilter, NewWebhook, Receiver, Replay, Webhook, WebhookChanges } from './types.ts'

interface Page {
  limit: number
  offset: number
}

/** The rows of one tenant. */
export interface WebhookRows {
  /** The oldest first. */
  list: (page: Page) => Promise<{ webhooks: Webhook[]; total: number }>
  find: (id: string) => Promise<Webhook | undefined>
  /** Undefined when there is none. @throws Error when its secrets cannot be opened */
  receiver: (id: string) => Promise<Receiver | undefined>
  /** @throws ALREADY_EXISTS when the tenant has as many as it may */
  insert: (webhook: NewWebhook & { createdBy: string }, secret: string, most: number, actor: Actor) => Promise<Webhook>
  /** Undefined when there is none. */
  update: (id: string, changes: Partial<WebhookChanges>, actor: Actor) => Promise<Webhook | undefined>
  /** False when there is none. */
  remove: (id: string, actor: Actor) => Promise<boolean>
  /** False when there is none. @param overlapUntil null when the old secret ends at once */
  rotate: (id: string, secret: string, overlapUntil: Date | null, actor: Actor) => Promise<boolean>
  /** The newest first. */
  deliveries: (id: string, filter: DeliveryFilter) => Promise<{ deliveries: Delivery[]; total: number }>
  hasDelivery: (id: string, deliveryId: string) => Promise<boolean>
  /** Makes deliveries pending again that are not; their ids. */
  revive: (id: string, which: Replay, most: number, actor: Actor) => Promise<string[]>
}

interface Parts {
  rowsOf: (tenantId: string) => WebhookRows
  send: Send
  /** Private hosts and ranges that webhooks may lead to. */
  allow: readonly string[]
  /** Has deliveries made, which are pending. */
  deliver: (tenantId: string, deliveryIds: readonly string[]) => Promise<void>
  /** Called when there may be the first enabled webhook, or none any more. */
  changed: () => Promise<void>
}

const mostWebhooks = 50
const mostReplayed = 1_000
const hourMs = 3_600_000

const notFound = (id: string) => new MeshError('NOT_FOUND', 'error.not_found', { kind: 'webhook', id })

/** Whether an address is one that the whole world may be sent to. */
const isPublic = (url: string): boolean => {
  try {
    return checkPublicUrl(url) !== undefined
  } catch {
    return false
  }
}

export const createWebhookUseCases = ({ rowsOf, send, allow, deliver, changed }: Parts) => {
  /** @throws INVALID_REQUEST */
  const check = ({ url, events = [] }: Pick<WebhookChanges, 'url' | 'events'>): void => {
    if (url !== undefined) {
      const { protocol } = checkPublicUrl(url, { allow })
      // What is said on the way is read by whoever carries it, unless the way is the operator's own.
      if (protocol !== 'https:' && isPublic(url))
        throw new MeshError('INVALID_REQUEST', 'error.url_blocked', { reason: 'only https is allowed' })
    }
    if (!events.every(matchesSomeEvent))
      throw new MeshError('INVALID_REQUEST', 'error.invalid_request', { field: 'events', reason: 'matches no event' })
  }

  /** @throws NOT_FOUND */
  const get = async ({ tenantId }: Caller, id: string): Promise<Webhook> => {
    const webhook = await rowsOf(tenantId).find(id)
    if (webhook === undefined) throw notFound(id)
    return webhook
  }

  return {
    get,

    list: async ({ tenantId }: Caller, page: Page) => ({ ...page, ...(await rowsOf(tenantId).list(page)) }),

    /** @throws INVALID_REQUEST, ALREADY_EXISTS */
    create: async (call: Call, webhook: NewWebhook): Promise<Webhook & { secret: string }> => {
      check(webhook)
      const { tenantId, userId } = call.caller
      const secret = newSecret()
      const created = await rowsOf(tenantId).insert(
        { ...webhook, createdBy: userId },
        secret,
        mostWebhooks,
        actorOf(call),
      )
      await changed()
      return { ...created, secret }
    },

    /** @throws NOT_FOUND, INVALID_REQUEST */
    update: async (call: Call, id: string, changes: WebhookChanges): Promise<Webhook> => {
      const known = await get(call.caller, id)
      check(changes)
      const given = Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined))
      if (Object.keys(given).length === 0) return known
      const updated = await rowsOf(call.caller.tenantId).update(id, given, actorOf(call))
      if (updated === undefined) throw notFound(id)
      await changed()
      return updated
    },

    /** @throws NOT_FOUND */
    remove: async (call: Call, id: string): Promise<void> => {
      if (!(await rowsOf(call.caller.tenantId).remove(id, actorOf(call)))) throw notFound(id)
      await changed()
    },

    /** @throws NOT_FOUND */
    rotate: async (call: Call, id: string, overlapHours: number) => {
      const secret = newSecret()
      const overlapUntil = overlapHours === 0 ? null : new Date(Date.now() + overlapHours * hourMs)
      if (!(await rowsOf(call.caller.tenantId).rotate(id, secret, overlapUntil, actorOf(call)))) throw notFound(id)
      return { secret, previousSecretExpiresAt: overlapUntil }
    },

    /** Sends an event of no meaning at once. @throws NOT_FOUND */
    test: async ({ caller: { tenantId }, signal }: Call, id: string) => {
      const receiver = await rowsOf(tenantId).receiver(id)
      if (receiver === undefined) throw notFound(id)
      const event = {
        specversion: '1.0',
        id: newId(),
        source: '/clawmesh/channels',
        type: 'clawmesh.webhook.test',
        time: new Date().toISOString(),
        datacontenttype: 'application/json',
        tenantid: tenantId,
        data: { id },
      }
      const startedAt = performance.now()
      const { delivered, status, error } = await send(receiver, { id: event.id, body: JSON.stringify(event) }, signal)
      return { delivered, status, error, durationMs: Math.round(performance.now() - startedAt) }
    },

    /** @throws NOT_FOUND */
    deliveries: async (caller: Caller, id: string, filter: DeliveryFilter) => {
      await get(caller, id)
      return rowsOf(caller.tenantId).deliveries(id, filter)
    },

    /** How many deliveries are sent again. @throws NOT_FOUND, FAILED_PRECONDITION while the webhook is off */
    replay: async (call: Call, id: string, which: Replay): Promise<number> => {
      const { tenantId } = call.caller
      const rows = rowsOf(tenantId)
      const { enabled } = await get(call.caller, id)
      if (!enabled) throw new MeshError('FAILED_PRECONDITION', 'error.webhook_off')
      const { deliveryId } = which
      if (deliveryId !== undefined && !(await rows.hasDelivery(id, deliveryId)))
        throw new MeshError('NOT_FOUND', 'error.not_found', { kind: 'webhook delivery', id: deliveryId })
      const revived = await rows.revive(id, which, mostReplayed, actorOf(call))
      await deliver(tenantId, revived)
      return revived.length
    },
  }
}

export type WebhookUseCases = ReturnType<typeof createWebhookUseCases>
