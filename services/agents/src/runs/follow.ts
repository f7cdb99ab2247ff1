/** Follows a run, wherever it is worked on, from its first event to its last. */
import { setTimeout as sleep } from 'node:timers/promises'
import { endsRun, runEvent, runSubject, type RunEvent } from '@clawmesh/contracts'
import type { Bus } from '@clawmesh/chassis'
import type { AskRun } from './run-asks.ts'
import type { RunRows } from './types.ts'

/** Events that wait for a slow reader; what comes beyond is asked for again. */
const maxWaiting = 1_000

interface Parts {
  bus: Pick<Bus, 'subscribe'>
  ask: AskRun
  rows: Pick<RunRows, 'running'>
  /** How long a run goes on while nobody follows it. */
  graceMs: number
}

/**
 * The events of a run in order and without a gap, up to its end. It stops earlier when nobody works on the run any more:
 * what came of it is stored then.
 */
export type FollowRun = (tenantId: string, runId: string, signal: AbortSignal) => AsyncGenerator<RunEvent>

export const createFollowRun = ({ bus, ask, rows, graceMs }: Parts): FollowRun => {
  const lookEveryMs = graceMs / 3

  return async function* (tenantId, runId, signal) {
    const arrived = new Map<number, RunEvent>()
    let seq = 0
    /** Ended by another replica than that which worked on it, which knows no numbers. */
    let isLost = false
    let woken = Promise.withResolvers<void>()
    const take = (event: RunEvent) => {
      if (event.seq === undefined) isLost = true
      else if (event.seq > seq && arrived.size < maxWaiting) arrived.set(event.seq, event)
    }
    const stop = bus.subscribe(runSubject(tenantId, runId), (message) => {
      take(runEvent.parse(message))
      woken.resolve()
    })
    const gone = () => woken.resolve()
    signal.addEventListener('abort', gone, { once: true })
    let askedAtMs = -Infinity

    try {
      while (!signal.aborted) {
        const next = arrived.get(seq + 1)
        if (next !== undefined) {
          arrived.delete(++seq)
          yield next
          if (endsRun(next)) return
          continue
        }
        if (isLost) return
        const leftMs = arrived.size > 0 ? 0 : askedAtMs + lookEveryMs - performance.now()
        if (leftMs > 0) {
          woken = Promise.withResolvers()
          const timer = new AbortController()
          await Promise.race([woken.promise, sleep(leftMs, undefined, { signal: timer.signal }).catch(() => undefined)])
          timer.abort()
          continue
        }
        askedAtMs = performance.now()
        const answer = await ask(tenantId, runId, { kind: 'follow', after: seq })
        answer?.events.forEach(take)
        if (answer?.more === true) askedAtMs = -Infinity
        if (arrived.has(seq + 1)) continue
        if (answer === undefined && (await rows.running(tenantId, { runId })).length === 0) return
        // What lies beyond a gap that nobody fills is of no use.
        arrived.clear()
      }
    } finally {
      signal.removeEventListener('abort', gone)
      stop()
    }
  }
}
