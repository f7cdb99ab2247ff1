/** The messages that wait for their turn in a session, and no more of them than may. */
import { MeshError } from '@clawmesh/contracts'
import type { QueueDrop } from './queue-modes.ts'

interface Options {
  cap: number
  drop: QueueDrop
}

/** Work that has its turn once it calls `begun`; the signal tells it that it was dropped before that. */
type Work<T> = (signal: AbortSignal, begun: () => void) => Promise<T>
/** @throws RESOURCE_EXHAUSTED when too many wait and this one, or this one by now the oldest, gives way */
export type SessionQueue = <T>(key: { tenantId: string; sessionKey: string }, work: Work<T>) => Promise<T>

export const createSessionQueue = ({ cap, drop }: Options): SessionQueue => {
  const queues = new Map<string, Set<AbortController>>()

  return async ({ tenantId, sessionKey }, work) => {
    const key = `${tenantId} ${sessionKey}`
    const full = () => new MeshError('RESOURCE_EXHAUSTED', 'error.queue_full', { key: sessionKey })
    const waiting = queues.get(key) ?? new Set()
    if (waiting.size >= cap) {
      if (drop === 'new') throw full()
      const [oldest] = waiting
      waiting.delete(oldest!)
      oldest!.abort(full())
    }
    const place = new AbortController()
    waiting.add(place)
    queues.set(key, waiting)
    const leave = () => {
      waiting.delete(place)
      if (waiting.size === 0 && queues.get(key) === waiting) queues.delete(key)
    }
    const dropped = Promise.withResolvers<never>()
    place.signal.addEventListener('abort', () => dropped.reject(place.signal.reason as MeshError), { once: true })
    try {
      return await Promise.race([work(place.signal, leave), dropped.promise])
    } finally {
      leave()
    }
  }
}
