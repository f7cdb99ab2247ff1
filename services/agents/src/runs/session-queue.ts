/** The messages that wait for their turn in a session, and no more of them than may. */
import { MeshError } from '@clawmesh/contracts'
import type { QueueDrop } from './queue-modes.ts'

interface Options {
  cap: number
  drop: QueueDrop
  /** Messages that wait, each within so many milliseconds after the one before, have one turn. */
  debounceMs: number
}

/** What waits. */
interface Said {
  userId: string
  text: string
  /** It is all there is to the message, so that it may become part of another. */
  isText: boolean
}

interface Place {
  /** Tells the work that its message was dropped, or is part of another's turn. */
  signal: AbortSignal
  /** Called when its turn comes: the texts of the messages behind it that have the turn with it. */
  gather: () => string[]
  /** Called when its run has begun. */
  begun: (runId: string) => void
}

/** The message had its turn, or is part of the turn of this run. */
type Outcome<T> = { result: T } | { joined: string }

/** @throws RESOURCE_EXHAUSTED when too many wait and this one, or this one by now the oldest, gives way */
export type SessionQueue = <T>(
  key: { tenantId: string; sessionKey: string },
  said: Said,
  work: (place: Place) => Promise<T>,
) => Promise<Outcome<T>>

interface Waiting extends Said {
  at: number
  controller: AbortController
  /** Rejects when it is dropped, resolves with the run that it became part of. */
  other: PromiseWithResolvers<string>
}

export const createSessionQueue = ({ cap, drop, debounceMs }: Options): SessionQueue => {
  const queues = new Map<string, Set<Waiting>>()

  /** Those behind the first that came right after it, each right after the other. */
  const followersOf = (first: Waiting, waiting: ReadonlySet<Waiting>): Waiting[] => {
    const followers: Waiting[] = []
    let last = first
    for (const next of waiting) {
      if (next === first || next.at < first.at) continue
      const follows = last.isText && next.isText && next.userId === first.userId && next.at - last.at < debounceMs
      if (!follows) break
      followers.push(next)
      last = next
    }
    return followers
  }

  return async ({ tenantId, sessionKey }, said, work) => {
    const key = `${tenantId} ${sessionKey}`
    const waiting = queues.get(key) ?? new Set()
    if (waiting.size >= cap) {
      const full = new MeshError('RESOURCE_EXHAUSTED', 'error.queue_full', { key: sessionKey })
      if (drop === 'new') throw full
      const [oldest] = waiting
      waiting.delete(oldest!)
      oldest!.other.reject(full)
      oldest!.controller.abort()
    }
    const own: Waiting = {
      ...said,
      at: performance.now(),
      controller: new AbortController(),
      other: Promise.withResolvers(),
    }
    own.other.promise.catch(() => undefined)
    waiting.add(own)
    queues.set(key, waiting)
    const leave = () => {
      waiting.delete(own)
      if (waiting.size === 0 && queues.get(key) === waiting) queues.delete(key)
    }
    let joined: Waiting[] = []
    const place: Place = {
      signal: own.controller.signal,
      gather: () => {
        joined = followersOf(own, waiting)
        for (const each of joined) {
          waiting.delete(each)
          each.controller.abort()
        }
        return joined.map(({ text }) => text)
      },
      begun: (runId) => {
        leave()
        for (const { other } of joined) other.resolve(runId)
      },
    }
    try {
      return await Promise.race([
        own.other.promise.then((runId) => ({ joined: runId })),
        work(place).then(
          (result) => ({ result }),
          async (thrown: unknown) => {
            // As part of another's turn it has none of its own: what becomes of that is its answer.
            if (own.controller.signal.aborted) return { joined: await own.other.promise }
            for (const { other } of joined) other.reject(thrown)
            throw thrown
          },
        ),
      ])
    } finally {
      leave()
    }
  }
}
