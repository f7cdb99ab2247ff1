/** A message to a session that may be busy: it goes into the run that is on, waits for its turn, or ends that run. */
import type { Call } from '@clawmesh/chassis'
import type { QueueMode } from './queue-modes.ts'
import type { AskRun } from './run-asks.ts'
import type { SessionQueue } from './session-queue.ts'
import type { RunRequest, RunResult, RunRows } from './types.ts'
import type { PrepareRun, Run } from './use-cases.ts'

interface Parts {
  prepare: PrepareRun
  runPrepared: Run
  rows: Pick<RunRows, 'running'>
  ask: AskRun
  mode: () => QueueMode
  queue: SessionQueue
}

type Sent = { injectedInto: string } | { injectedInto?: undefined; result: RunResult }

/**
 * Runs a turn that outlives its requester, or tells the run into which the message has gone.
 * @throws what refuses the message, or the error that ended the run
 */
export type Send = (
  call: Call,
  request: RunRequest & {
    sessionKey: string
    /** The message waits for a turn of its own, whatever else is done with messages to a busy session. */
    isAlone?: boolean
  },
) => Promise<Sent>

export const createSend = ({ prepare, runPrepared, rows, ask, mode, queue }: Parts): Send => {
  /** The run that has taken the message, if one has. */
  const putIntoRun = async ({ caller, sessionKey, message, parts }: RunRequest): Promise<string | undefined> => {
    const behaviour = mode()
    // A run is told texts only.
    if (behaviour === 'queue' || (behaviour === 'followup' && parts.length > 0)) return undefined
    const { tenantId } = caller
    for (const { runId } of await rows.running(tenantId, { sessionKey: sessionKey! })) {
      const answer = await ask(
        tenantId,
        runId,
        behaviour === 'interrupt' ? { kind: 'abort' } : { kind: 'inject', message },
      )
      if (behaviour === 'followup' && answer?.done === true) return runId
    }
    return undefined
  }

  return async (call, { isAlone = false, ...asked }) => {
    const request = await prepare(call, asked)
    const injectedInto = isAlone ? undefined : await putIntoRun(request)
    if (injectedInto !== undefined) return { injectedInto }
    const { tenantId, userId } = request.caller
    const said = { userId, text: request.message, isText: request.parts.length === 0 && !isAlone }
    const outcome = await queue({ tenantId, sessionKey: asked.sessionKey }, said, ({ signal, gather, begun }) =>
      runPrepared({ ...call, signal }, { ...request, gather }, { started: begun }),
    )
    return 'joined' in outcome ? { injectedInto: outcome.joined } : outcome
  }
}
