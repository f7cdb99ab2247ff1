/** The runs that are on, wherever they are worked on: what they are at, what they have shown, and how to end them. */
import { setTimeout as sleep } from 'node:timers/promises'
import { MeshError, type RunEvent } from '@clawmesh/contracts'
import type { Call } from '@clawmesh/chassis'
import type { AskRun } from './run-asks.ts'
import type { Activity } from './transcript.ts'
import type { RunningRun, RunRows } from './types.ts'

export type RunFilter = Parameters<RunRows['running']>[1]

const lookEveryMs = 200
const endWithinMs = 5_000
/** Pages of events that are asked for at most; a transcript is never longer. */
const maxPages = 100

interface Progress {
  events: RunEvent[]
  activity: Activity | undefined
}

interface Parts {
  rows: Pick<RunRows, 'running'>
  ask: AskRun
}

export const createRunningRuns = ({ rows, ask }: Parts) => {
  const find = (tenantId: string, filter: RunFilter): Promise<RunningRun[]> => rows.running(tenantId, filter)

  const abort = async (tenantId: string, runs: readonly RunningRun[]): Promise<string[]> => {
    const answers = await Promise.all(runs.map(({ runId }) => ask(tenantId, runId, { kind: 'abort' })))
    return runs.flatMap(({ runId }, index) => (answers[index]?.done === true ? [runId] : []))
  }

  const waitUntilIdle = async ({ caller, signal }: Call, filter: RunFilter, timeoutMs: number): Promise<void> => {
    const deadline = performance.now() + timeoutMs
    while ((await find(caller.tenantId, filter)).length > 0) {
      const leftMs = deadline - performance.now()
      if (leftMs <= 0) throw new MeshError('AGENT_TIMEOUT', 'error.timeout', { what: 'agents' })
      await sleep(Math.min(lookEveryMs, leftMs), undefined, { signal }).catch(() => undefined)
      if (signal.aborted) throw new MeshError('CANCELLED', 'error.cancelled')
    }
  }

  return {
    find,

    /**
     * What a run is at, and its events after one, by its number; without a number no events. Both are unknown while the
     * replica that works on it does not answer.
     */
    progress: async (tenantId: string, runId: string, after?: number): Promise<Progress> => {
      const events: RunEvent[] = []
      for (let page = 1; ; page++) {
        const from = events.at(-1)?.seq ?? after ?? Number.MAX_SAFE_INTEGER
        const answer = await ask(tenantId, runId, { kind: 'events', after: from })
        events.push(...(answer?.events ?? []))
        if (answer?.more !== true || page === maxPages) return { events, activity: answer?.activity }
      }
    },

    /** Ends runs. Gives the ids of those whose replica has answered. */
    abort,

    /** Waits until no run fits a filter. @throws AGENT_TIMEOUT, CANCELLED */
    waitUntilIdle,

    /** Ends the run that is on in a session, and waits a moment for its end; a run of a dead replica is left to its lease. */
    endIn: async (call: Call, sessionKey: string): Promise<void> => {
      const runs = await find(call.caller.tenantId, { sessionKey })
      if ((await abort(call.caller.tenantId, runs)).length === 0) return
      await waitUntilIdle(call, { sessionKey }, endWithinMs).catch(() => undefined)
    },
  }
}

export type RunningRuns = ReturnType<typeof createRunningRuns>
