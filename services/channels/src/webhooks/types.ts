/** What channels knows of webhooks, as their use cases speak of them. */
import type { http } from '@clawmesh/contracts'
import type { BodyShape, QueryShape, ResponseShape } from '@clawmesh/chassis'

type Operations = typeof http.webhooks.operations

export type Webhook = ResponseShape<Operations['getWebhook']['response'][200]>
export type OffReason = NonNullable<Webhook['disabledReason']>
export type NewWebhook = BodyShape<Operations['createWebhook']>
export type WebhookChanges = BodyShape<Operations['updateWebhook']>
export type Delivery = ResponseShape<Operations['listWebhookDeliveries']['response'][200]>['deliveries'][number]
export type DeliveryFilter = QueryShape<Operations['listWebhookDeliveries']>
export type Replay = BodyShape<Operations['replayWebhook']>

/** Where something is sent, and what signs it: one secret, or two while the one before is still good. */
export interface Receiver {
  url: string
  secrets: readonly string[]
}

/** A delivery whose time has come. */
export interface DueDelivery {
  id: string
  eventId: string
  body: string
  /** That failed so far. */
  attempts: number
  webhook: { id: string; enabled: boolean; failingSince: Date | null }
  /** @throws Error when the secrets cannot be opened */
  receiver: () => Receiver
}

/** How a receiver answered. */
export interface Answer {
  delivered: boolean
  /** Null where there was none. */
  status: number | null
  /** Why it was not delivered. */
  error: string | null
  /** The pause that it asked for. */
  retryAfterMs: number
}
