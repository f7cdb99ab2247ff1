/** The runs that this replica works on. */
import { setTimeout as sleep } from 'node:timers/promises'
import { MeshError } from '@clawmesh/contracts'

/** Runs that are aborted get so long to store their end. */
const lastWordMs = 5_000

export const createActiveRuns = () => {
  const active = new Map<string, AbortController>()

  /** Ends all runs with an error that says that this replica is leaving. */
  const abort = () => {
    for (const controller of active.values()) controller.abort(new MeshError('UNAVAILABLE', 'error.shutting_down'))
  }

  return {
    add: (runId: string, controller: AbortController) => void active.set(runId, controller),
    remove: (runId: string) => void active.delete(runId),
    ids: () => [...active.keys()],
    abort,
    /** Waits until all runs have ended; aborts what is left after `timeoutMs`. */
    drain: async (timeoutMs: number): Promise<void> => {
      const deadline = Date.now() + timeoutMs
      while (active.size > 0 && Date.now() < deadline) await sleep(50)
      abort()
      const lastCall = Date.now() + lastWordMs
      while (active.size > 0 && Date.now() < lastCall) await sleep(20)
    },
  }
}

export type ActiveRuns = ReturnType<typeof createActiveRuns>
