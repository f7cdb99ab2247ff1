/** How a run begins: its row is written and its session taken. */
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { MeshError } from '@clawmesh/contracts'
import { type Call, cutText, databaseError } from '@clawmesh/chassis'
import { agentNotFound } from '../agents/owned.ts'
import { httpSessionKey } from '../sessions/session-keys.ts'
import type { NewMessage } from '../sessions/types.ts'
import type { HeldSession, NewRun, RunRequest, RunRows } from './types.ts'

const previewChars = 2_000
const busyPauseMs = { first: 20, most: 500 }

/** All that begins the turn, oldest first. */
const openingOf = ({ opening = [], message, parts, attached }: RunRequest): NewMessage[] => [
  ...opening,
  ...(message === '' && parts.length === 0 && opening.length > 0
    ? []
    : [
        {
          role: 'user',
          content: message,
          parts,
          ...(attached === undefined ? {} : { extra: { mediaRefs: attached } }),
        } as const,
      ]),
]

/** What a turn is begun with, as one text. */
export const inputOf = ({ message, opening = [] }: RunRequest): string => message || (opening.at(-1)?.content ?? '')

/** The session that is made for a run: it has the run's id, and nothing came before. */
const freshSession = ({ runId, agentId, userId }: NewRun): HeldSession => ({
  sessionId: runId,
  agentId,
  userId,
  summary: '',
  compactionCount: 0,
  label: '',
  seq: 0,
  firstSeq: 0,
})

/** The name made up for a run's session exists already: eight hexadecimal digits meet again in a busy agent's lifetime. */
export class SessionNameTaken extends Error {}

/** A run and the session it holds. */
interface Begun {
  run: NewRun
  session: HeldSession
  /** Settles when the run is stored; until then no text is delivered and no tool is called. */
  kept: Promise<void>
}

interface BeginParts {
  rows: Pick<RunRows, 'begin' | 'beginFresh'>
  /** A run whose replica is silent this long is declared failed. */
  leaseMs: number
  /** How long a message waits for the turn before it in the same session. */
  sessionWaitMs: number
}

export const createBeginRun = ({ rows, leaseMs, sessionWaitMs }: BeginParts) => {
  const newRun = (request: RunRequest): NewRun => {
    const { runId = randomUUID(), caller, agent, origin, userId, sessionKey } = request
    return {
      runId,
      sessionKey: sessionKey ?? httpSessionKey(agent.agentKey, userId, runId, request.sessionName),
      tenantId: caller.tenantId,
      agentId: agent.id,
      agentKey: agent.agentKey,
      userId,
      channel: origin.channel,
      messages: openingOf(request).map(({ role, content, extra }) => ({ role, content, extra })),
      inputPreview: cutText(inputOf(request), previewChars),
      leaseMs,
    }
  }

  /**
   * Begins a run in a session of its own. Nobody can hold that, so the model is asked while it is being written; what
   * the model says waits for it. While runs cannot be stored, none is asked in vain.
   */
  let canStore = true
  const beginFresh = async (run: NewRun): Promise<Begun> => {
    const kept = rows.beginFresh(run).then(
      (begin) => {
        canStore = true
        if (begin === 'taken') throw new SessionNameTaken()
        if (begin === 'gone') throw agentNotFound(run.agentKey)
      },
      (thrown: unknown) => {
        canStore = false
        throw databaseError(thrown)
      },
    )
    if (!canStore) await kept
    return { run, session: freshSession(run), kept }
  }

  /** Takes a named session for a new run, waiting while another run holds it. */
  const beginNamed = async (call: Call, request: RunRequest): Promise<Begun> => {
    const deadline = Date.now() + sessionWaitMs
    for (let pauseMs = busyPauseMs.first; ; pauseMs = Math.min(pauseMs * 2, busyPauseMs.most)) {
      if (call.signal.aborted) throw new MeshError('CANCELLED', 'error.cancelled')
      const run = newRun(request)
      const session = await rows.begin(run)
      if (session === 'gone') throw agentNotFound(run.agentKey)
      if (session !== 'held') return { run, session, kept: Promise.resolve() }
      if (Date.now() > deadline) throw new MeshError('UNAVAILABLE', 'error.session_busy', { key: run.sessionKey })
      await sleep(pauseMs, undefined, { signal: call.signal }).catch(() => undefined)
    }
  }

  /** Begins the run that a request asks for. @throws UNAVAILABLE when its session stays busy, NOT_FOUND for an agent that is gone, CANCELLED */
  return (call: Call, request: RunRequest): Promise<Begun> =>
    request.sessionKey === undefined ? beginFresh(newRun(request)) : beginNamed(call, request)
}

export type BeginRun = ReturnType<typeof createBeginRun>
