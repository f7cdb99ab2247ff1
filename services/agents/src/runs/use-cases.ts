/** Runs: one turn of one session, from the message that starts it to the event that says how it ended. */
import { MeshError } from '@clawmesh/contracts'
import { type Call, createKeyedMutex, cutText } from '@clawmesh/chassis'
import { SessionNameTaken } from './begin.ts'
import type { InLane } from './lanes.ts'
import type { MessageRules, MessageRulesOf } from './message-rules.ts'
import { requireNoRefusal, type RunRule } from './rules.ts'
import { storable } from './storable.ts'
import type { RunTurn } from './turn.ts'
import type { RunObserver, RunRequest, RunResult } from './types.ts'

interface Parts {
  messageRules: MessageRulesOf
  rules: readonly RunRule[]
  inLane: InLane
  /** Whether this replica takes no more turns: those that still wait are refused. */
  isLeaving: () => boolean
  turn: RunTurn
}

/** Runs one turn to its end. @throws the error that ended it; the turn is then kept as failed or cancelled */
export type Run = (call: Call, request: RunRequest, observer?: RunObserver) => Promise<RunResult>

/** A request as the model will be shown it, which nothing keeps from starting. @throws what refuses it */
export type PrepareRun = (call: Call, request: RunRequest) => Promise<RunRequest>

const cutMessage = (message: string, { maxChars: limit }: MessageRules): string => {
  if (message.length <= limit) return message
  return `${cutText(message, limit)}\n[The message had ${message.length} characters; only the first ${limit} are here.]`
}

export const createRun = ({
  messageRules,
  rules,
  inLane,
  isLeaving,
  turn,
}: Parts): { prepare: PrepareRun; runPrepared: Run; run: Run } => {
  /** Turns of one session on this replica queue here, in order; other replicas are met at the lease. */
  const inSession = createKeyedMutex()

  /** A turn in a session of its own. Nothing was delivered under a name that turns out to be taken: another is made up. */
  const freshTurn = async (call: Call, request: RunRequest, observer: RunObserver): Promise<RunResult> => {
    for (;;) {
      try {
        return await turn(call, request, observer)
      } catch (thrown) {
        if (!(thrown instanceof SessionNameTaken)) throw thrown
      }
    }
  }

  const prepare: PrepareRun = async (call, asked) => {
    const limits = await messageRules(call)
    // The guard looks at what came: making it storable takes out what it looks for.
    const message = cutMessage(asked.message, limits)
    await requireNoRefusal(rules, call, { ...asked, message, messageRules: limits })
    return { ...asked, message: storable(message), guardsResults: limits.injectionAction !== 'off' }
  }

  const runPrepared: Run = async (call, request, observer = {}) => {
    const { sessionKey, caller } = request
    if (sessionKey === undefined) return inLane(request, () => freshTurn(call, request, observer))
    return inSession(`${caller.tenantId} ${sessionKey}`, () =>
      inLane(request, () => {
        if (isLeaving()) throw new MeshError('UNAVAILABLE', 'error.shutting_down')
        if (call.signal.aborted) throw new MeshError('CANCELLED', 'error.cancelled')
        const message = [request.message, ...(request.gather?.() ?? [])].join('\n')
        return turn(call, { ...request, message }, observer)
      }),
    )
  }

  return {
    prepare,
    runPrepared,
    run: async (call, request, observer) => runPrepared(call, await prepare(call, request), observer),
  }
}
