/** The runs that this replica works on. */
import { setTimeout as sleep } from 'node:timers/promises'
import { MeshError } from '@clawmesh/contracts'
import type { Inbox } from './inbox.ts'
import type { Transcript } from './transcript.ts'

/** Runs that are aborted get so long to store their end. */
const lastWordMs = 5_000

export interface ActiveRun {
  controller: AbortController
  /** What is said to the run while it is on. */
  inbox: Inbox
  /** What it has shown so far. */
  transcript: Transcript
  /** Somebody follows it. */
  followed: () => void
  /** Its row is there: it is written while the model is already asked. */
  isStored: boolean
  /** Ends it, as its rows take nothing more. */
  taken: () => Promise<void>
}

export const createActiveRuns = () => {
  const active = new Map<string, ActiveRun>()

  /** Ends all runs with an error that says that this replica is leaving. */
  let isLeaving = false
  const abort = () => {
    isLeaving = true
    for (const { controller } of active.values()) controller.abort(new MeshError('UNAVAILABLE', 'error.shutting_down'))
  }

  return {
    add: (runId: string, run: ActiveRun) => void active.set(runId, run),
    get: (runId: string) => active.get(runId),
    remove: (runId: string) => void active.delete(runId),
    storedIds: () => [...active].flatMap(([runId, { isStored }]) => (isStored ? [runId] : [])),
    abort,
    isLeaving: () => isLeaving,
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
