/** What is done for a delivery whose time has come: one attempt, and what follows from its answer. */
import type { JobAgain, JobAttempt } from '@clawmesh/chassis'
import { givenUpAfterMs, pauseAfter } from './retries.ts'
import type { Send } from './sender.ts'
import type { Answer, DueDelivery, OffReason } from './types.ts'

/** The rows of one tenant. */
export interface DeliveryRows {
  /** Undefined when it is gone, or pending no more. */
  findDue: (id: string) => Promise<DueDelivery | undefined>
  succeed: (due: DueDelivery, answer: Answer) => Promise<void>
  /** @param nextAt null when it is dead */
  fail: (due: DueDelivery, answer: Answer, nextAt: Date | null) => Promise<void>
  /** Dead without an attempt. */
  bury: (due: DueDelivery, error: string) => Promise<void>
  /** Switches a webhook off, with its event; false when it was off. */
  disable: (webhookId: string, reason: OffReason) => Promise<boolean>
}

interface Parts {
  rowsOf: (tenantId: string) => DeliveryRows
  send: Send
  /** Called when a webhook was switched off. */
  changed: () => void
  pauses?: readonly number[] | undefined
  now?: () => Date
}

const goneStatus = 410

export const createDeliver = ({ rowsOf, send, changed, pauses, now = () => new Date() }: Parts) => {
  const offReason = ({ webhook: { failingSince } }: DueDelivery, { status }: Answer): OffReason | undefined => {
    if (status === goneStatus) return 'gone'
    if (failingSince !== null && now().getTime() - failingSince.getTime() > givenUpAfterMs) return 'failing'
    return undefined
  }

  return async ({ tenantId, data, call }: JobAttempt<{ deliveryId: string }>): Promise<JobAgain | void> => {
    const rows = rowsOf(tenantId)
    const due = await rows.findDue(data.deliveryId)
    if (due === undefined) return
    if (!due.webhook.enabled) return rows.bury(due, 'the webhook is switched off')
    const answer = await send(due.receiver(), { id: due.eventId, body: due.body }, call.signal)
    if (answer.delivered) return rows.succeed(due, answer)

    const reason = offReason(due, answer)
    const pauseMs =
      reason === undefined
        ? pauseAfter(due.attempts + 1, answer.retryAfterMs, pauses === undefined ? {} : { pauses })
        : undefined
    await rows.fail(due, answer, pauseMs === undefined ? null : new Date(now().getTime() + pauseMs))
    if (reason !== undefined && (await rows.disable(due.webhook.id, reason))) changed()
    if (pauseMs !== undefined) return { afterMs: pauseMs, reason: 'the receiver did not take it' }
  }
}
