/**
 * The runs that a connection has asked for. The answer to such a request comes after the last event of its run, though
 * they come on different ways, and a connection that knows no newer protocol gets the events under their older names too.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { endsRun, type WsAgentEvent } from '@clawmesh/contracts'

/** How long an answer waits for the last event of its run, which a bus may have lost. */
const lastEventMs = 1_000

export interface OwnRuns {
  add: (runId: string) => void
  has: (runId: string) => boolean
  /** Takes note of an event that the connection was sent. */
  saw: (event: WsAgentEvent) => void
  /** Resolves after the last event of a run, at once where none began, and forgets the run. `didRun`: it did, for sure. */
  settled: (runId: string, didRun: boolean) => Promise<void>
}

interface OwnRun {
  hasBegun: boolean
  ended: PromiseWithResolvers<void>
}

export const createOwnRuns = (): OwnRuns => {
  const runs = new Map<string, OwnRun>()
  return {
    add: (runId) => void runs.set(runId, { hasBegun: false, ended: Promise.withResolvers() }),
    has: (runId) => runs.has(runId),
    saw: (event) => {
      const run = runs.get(event.runId)
      if (run === undefined) return
      run.hasBegun = true
      if (endsRun(event)) run.ended.resolve()
    },
    settled: async (runId, didRun) => {
      const run = runs.get(runId)
      if (run === undefined) return
      if (didRun || run.hasBegun) await Promise.race([run.ended.promise, sleep(lastEventMs, undefined, { ref: false })])
      runs.delete(runId)
    },
  }
}
