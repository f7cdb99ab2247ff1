/**
 * Publishes the events of runs for whoever watches: what comes within a moment together, as each packet by itself would cost
 * more than its event, and only while somebody in the tenant listens. Whether anybody does is asked with the first event of a
 * moment; what came before it is told that nobody listened is for nobody, and left out.
 */
import type { Bus, Logger, Part } from '@clawmesh/chassis'
import { runSubject, type RunEvent } from '@clawmesh/contracts'

/** Events of a tenant that come within this time leave together. */
const gatherMs = 5
/** Events of a tenant that nobody listened to lately wait for this long: each question whether somebody does costs two packets. */
const gatherUnheardMs = 25
/** Who was heard by somebody is taken to be heard for this long, and who was not, not to be. */
const knownMs = 1_000
/** Tenants of whom it is known; beyond that all of them are asked about again. */
const maxKnown = 10_000
/** Events of a tenant that wait while it is asked who listens; what is beyond is lost to whoever watches. */
const maxHeld = 10_000

/** Of which run events are. */
interface FeedOf {
  readonly tenantId: string
  readonly runId: string
  /** Somebody follows this run by name, of whom nothing is known by asking about the tenant. */
  readonly isFollowed?: boolean
}

export type PublishRunEvent = (of: FeedOf, event: RunEvent) => void

interface Held {
  readonly subject: string
  readonly event: RunEvent
  readonly isFollowed: boolean
}

interface Queue {
  held: Held[]
  timer: NodeJS.Timeout | undefined
  publishing: Promise<void> | undefined
}

interface Parts {
  bus: Pick<Bus, 'signal' | 'signalHeard'>
  log: Logger
}

export const createRunFeed = ({ bus, log }: Parts): { publish: PublishRunEvent; part: Part } => {
  const queues = new Map<string, Queue>()
  /** Whether tenants were heard when that was asked last, and until when that counts. */
  const known = new Map<string, { isHeard: boolean; untilMs: number }>()
  const wasHeard = (tenantId: string): boolean | undefined => {
    const asked = known.get(tenantId)
    return asked !== undefined && asked.untilMs > performance.now() ? asked.isHeard : undefined
  }
  const ask = async (tenantId: string, { subject, event }: Held): Promise<boolean> => {
    const isHeard = await bus.signalHeard(subject, event)
    if (known.size >= maxKnown) known.clear()
    known.set(tenantId, { isHeard, untilMs: performance.now() + knownMs })
    return isHeard
  }

  const send = async (tenantId: string, held: readonly Held[]): Promise<void> => {
    let rest = held
    const [first] = held
    if (first !== undefined && wasHeard(tenantId) !== true && !held.some(({ isFollowed }) => isFollowed)) {
      if (!(await ask(tenantId, first))) return
      rest = held.slice(1)
    }
    for (const { subject, event } of rest) bus.signal(subject, event)
  }

  const flush = (tenantId: string, queue: Queue): void => {
    queue.timer = undefined
    const { held } = queue
    queue.held = []
    queue.publishing = send(tenantId, held)
      .catch((err: unknown) => log.warn({ err, tenant: tenantId }, 'live events of runs were not published'))
      .finally(() => {
        queue.publishing = undefined
        if (queue.held.length === 0) queues.delete(tenantId)
        else schedule(tenantId, queue)
      })
  }
  const schedule = (tenantId: string, queue: Queue): void => {
    if (queue.timer !== undefined || queue.publishing !== undefined) return
    const isUnheard = wasHeard(tenantId) === false && !queue.held.some(({ isFollowed }) => isFollowed)
    queue.timer = setTimeout(() => flush(tenantId, queue), isUnheard ? gatherUnheardMs : gatherMs)
  }

  return {
    publish: ({ tenantId, runId, isFollowed = false }, event) => {
      const queue = queues.get(tenantId) ?? { held: [], timer: undefined, publishing: undefined }
      queues.set(tenantId, queue)
      if (queue.held.length >= maxHeld) return
      queue.held.push({ subject: runSubject(tenantId, runId), event, isFollowed })
      schedule(tenantId, queue)
    },
    part: {
      name: 'run events',
      stop: async () => {
        for (const [tenantId, queue] of queues) {
          await queue.publishing
          clearTimeout(queue.timer)
          await send(tenantId, queue.held.splice(0))
        }
      },
    },
  }
}
