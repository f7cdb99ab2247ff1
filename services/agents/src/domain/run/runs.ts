/** Runs: one turn of one session, from the message that starts it to the event that says how it ended. */
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Image, ToolSpec } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import { MeshError, toMeshError, type Caller } from '@clawmesh/contracts'
import { databaseError, outboxRow, type Call, type Logger } from '@clawmesh/chassis'
import type { AgentsConfig } from '../../config.ts'
import type { AgentsStore } from '../../store/store.ts'
import type { HeldSession, NewMessage, NewRun } from '../../store/runs.ts'
import { seesAllSessions } from '../access.ts'
import { httpSessionKey } from '../session-keys.ts'
import { storable } from '../storable.ts'
import type { Agent, Usage } from '../types.ts'
import { deliveredText } from './finish.ts'
import { fitHistory } from './history.ts'
import { suspicions } from './input-guard.ts'
import { createLiveEvents, type Signal } from './live-events.ts'
import type { Chat } from './model-call.ts'
import type { MessageRules, MessageRulesOf } from './message-rules.ts'
import { modelMessage, textMessage } from './model-messages.ts'
import { systemPrompt, type ContextFile } from './prompt.ts'
import { addUsage, noUsage, runAgentLoop } from './run-loop.ts'
import { startTrace } from './spans.ts'
import type { InvokeTool } from './tool-turn.ts'

/** Messages of a session that a run reads at most; older ones are beyond any window. */
const historyLimit = 1_000
const previewChars = 2_000
const busyPauseMs = { first: 20, most: 500 }

export interface RunRequest {
  caller: Caller
  agent: Agent
  /** Continues this session; without it the run gets a new one. */
  sessionKey?: string | undefined
  message: string
  images: Image[]
  /** Turns that the request brings along; shown to the model, not stored. */
  priorTurns: readonly NewMessage[]
  /** System text of the request, after the agent's own. */
  requestSystem: string
  channel: string
  userId: string
  stream: boolean
  maxTokens?: number | undefined
}

export interface RunResult {
  runId: string
  content: string
  finishReason: 'stop' | 'length'
  /** Absent when the provider reported none. */
  usage: Usage | undefined
}

export interface RunObserver {
  /** The run has begun and has this id. */
  started?: (runId: string) => void
  /** A piece of text for the reader; a promise is waited for. */
  text?: (delta: string) => Promise<void> | void
  /** Something happens that takes time, so that a waiting reader can be told. */
  busy?: () => void
}

/** The session that is made for a run: it has the run's id, and nothing came before. */
const freshSession = ({ runId, agentId, userId }: NewRun): HeldSession => ({
  sessionId: runId,
  agentId,
  userId,
  summary: '',
  seq: 0,
  firstSeq: 0,
})

/** The name made up for a run's session exists already: eight hexadecimal digits meet again in a busy agent's lifetime. */
class SessionNameTaken extends Error {}

/** A run and the session it holds. */
interface Begun {
  run: NewRun
  session: HeldSession
  /** Settles when the run is stored; until then no text is delivered and no tool is called. */
  kept: Promise<void>
}

interface Parts {
  store: AgentsStore
  /** Publishes live events. */
  signal: Signal
  log: Logger
  config: AgentsConfig
  messageRules: MessageRulesOf
  chat: Chat
  invokeTool: InvokeTool
  listTools: (call: Call, agent: Agent) => Promise<ToolSpec[]>
  contextFiles: (agent: Agent, userId: string) => Promise<ContextFile[]>
  /** US dollars an agent has cost this month. */
  monthCost: (call: Call, agent: Agent) => Promise<number>
}

export interface Runs {
  /** Runs one turn to its end. @throws the error that ended it; the turn is then kept as failed or cancelled */
  run: (call: Call, request: RunRequest, observer?: RunObserver) => Promise<RunResult>
  /** Ids of the runs that this replica works on. */
  active: () => string[]
  /** Ends all runs with an error that says that this replica is leaving. */
  abort: () => void
  /** Waits until all runs have ended; aborts what is left after `timeoutMs`. */
  drain: (timeoutMs: number) => Promise<void>
}

/** The turns of sessions that this replica works on. */
export const createRuns = (parts: Parts): Runs => {
  const { store, signal, log, config } = parts
  const active = new Map<string, AbortController>()
  /** Turns of one session on this replica queue here, in order; other replicas are met at the lease. */
  const queues = new Map<string, Promise<unknown>>()

  const inTurn = async <T>(key: string, work: () => Promise<T>): Promise<T> => {
    const before = queues.get(key) ?? Promise.resolve()
    const mine = before.then(work, work)
    queues.set(key, mine)
    try {
      return await mine
    } finally {
      if (queues.get(key) === mine) queues.delete(key)
    }
  }

  const checkBudget = async (call: Call, agent: Agent): Promise<void> => {
    const cents = agent.budgetMonthlyCents
    if (cents === null || cents === 0) return
    if ((await parts.monthCost(call, agent)) * 100 >= cents)
      throw new MeshError('RESOURCE_EXHAUSTED', 'error.budget_exceeded', { agent: agent.agentKey })
  }

  const guardInput = (request: RunRequest, { injectionAction: action }: MessageRules): void => {
    if (action === 'off') return
    const found = suspicions(request.message)
    if (found.length === 0) return
    const { agent, caller } = request
    log[action === 'log' ? 'info' : 'warn'](
      { found, agent: agent.agentKey, tenant: caller.tenantId },
      'a message looks like a prompt injection',
    )
    if (action === 'block')
      throw new MeshError('INVALID_REQUEST', 'error.invalid_request', { field: 'message', reason: found.join(', ') })
  }

  const cutMessage = (message: string, { maxChars: limit }: MessageRules): string => {
    if (message.length <= limit) return message
    return `${message.slice(0, limit).toWellFormed()}\n[The message had ${message.length} characters; only the first ${limit} are here.]`
  }

  const checkSession = async ({ caller, agent }: RunRequest, sessionKey: string): Promise<void> => {
    const owner = await store.runs.sessionOwner(caller.tenantId, sessionKey)
    if (owner === undefined) return
    if (owner.agentId !== agent.id)
      throw new MeshError('INVALID_REQUEST', 'error.invalid_request', {
        field: 'session_key',
        reason: 'belongs to another agent',
      })
    if (owner.userId !== caller.userId && !seesAllSessions(caller))
      throw new MeshError('FORBIDDEN', 'error.no_access', { kind: 'session' })
  }

  const newRun = ({ caller, agent, channel, userId, ...request }: RunRequest, message: string): NewRun => {
    const runId = randomUUID()
    return {
      runId,
      sessionKey: request.sessionKey ?? httpSessionKey(agent.agentKey, userId, runId),
      tenantId: caller.tenantId,
      agentId: agent.id,
      agentKey: agent.agentKey,
      userId,
      channel,
      message,
      inputPreview: message.slice(0, previewChars).toWellFormed(),
      leaseMs: config.runLeaseMs,
    }
  }

  /**
   * Begins a run in a session of its own. Nobody can hold that, so the model is asked while it is being written; what
   * the model says waits for it. While runs cannot be stored, none is asked in vain.
   */
  let canStore = true
  const beginFresh = async (run: NewRun): Promise<Begun> => {
    const kept = store.runs.beginFresh(run).then(
      (ours) => {
        canStore = true
        if (!ours) throw new SessionNameTaken()
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
  const beginNamed = async (call: Call, request: RunRequest, message: string): Promise<Begun> => {
    const deadline = Date.now() + config.sessionWaitMs
    for (let pauseMs = busyPauseMs.first; ; pauseMs = Math.min(pauseMs * 2, busyPauseMs.most)) {
      if (call.signal.aborted) throw new MeshError('CANCELLED', 'error.cancelled')
      const run = newRun(request, message)
      const session = await store.runs.begin(run)
      if (session !== undefined) return { run, session, kept: Promise.resolve() }
      if (Date.now() > deadline) throw new MeshError('UNAVAILABLE', 'error.session_busy', { key: run.sessionKey })
      await sleep(pauseMs, undefined, { signal: call.signal }).catch(() => undefined)
    }
  }

  const turn = async (outer: Call, request: RunRequest, observer: RunObserver): Promise<RunResult> => {
    const { caller, agent, channel, userId } = request
    const { message } = request
    if (outer.signal.aborted) throw new MeshError('CANCELLED', 'error.cancelled')
    const begun = await (request.sessionKey === undefined
      ? beginFresh(newRun(request, message))
      : beginNamed(outer, request, message))
    const { session, kept } = begun
    const { runId, sessionKey } = begun.run
    const abort = new AbortController()
    kept.catch((thrown: unknown) => abort.abort(thrown))
    const forward = () => abort.abort(outer.signal.reason)
    outer.signal.addEventListener('abort', forward, { once: true })
    if (outer.signal.aborted) forward()
    active.set(runId, abort)
    const call: Call = { ...outer, signal: abort.signal }

    const base = { runId, agentId: agent.id, agentKey: agent.agentKey, sessionKey, userId, channel }
    const live = createLiveEvents(signal, caller.tenantId, base)
    const trace = startTrace({ ...base, input: message })
    let usage: Usage | undefined
    let servedBy = { provider: agent.provider, model: agent.model }
    live.send({ type: 'run.started' })
    observer.started?.(runId)

    const end = async (
      status: 'completed' | 'failed' | 'cancelled',
      messages: readonly NewMessage[],
      error?: string,
    ) => {
      const output = messages.at(-1)?.content ?? ''
      const recorded = trace.finish({ status: status === 'failed' ? 'error' : status, output, error })
      const finished = {
        runId,
        agentId: agent.id,
        sessionKey,
        userId,
        status,
        ...(error === undefined ? {} : { error }),
        usage: usage ?? noUsage,
      }
      await kept
      const ours = await store.runs.end({
        runId,
        status,
        messages,
        usage: usage ?? noUsage,
        ...servedBy,
        ...(error === undefined ? {} : { error: error.slice(0, 2_000) }),
        outbox: [
          outboxRow('traceRecorded', caller.tenantId, recorded),
          outboxRow('runFinished', caller.tenantId, finished),
        ],
      })
      if (!ours) throw new MeshError('UNAVAILABLE', 'error.run_lost')
    }

    try {
      const [files, tools, history] = await Promise.all([
        parts.contextFiles(agent, userId),
        parts.listTools(call, agent),
        session.seq > session.firstSeq ? store.runs.history(caller.tenantId, session, historyLimit) : [],
      ])
      const { answer, finishReason } = await runAgentLoop({
        call,
        agent,
        tools,
        live,
        trace,
        messages: [
          textMessage('system', promptOf(request, session, files, tools)),
          ...fitHistory([...history, ...request.priorTurns], agent.contextWindow).map(modelMessage),
          textMessage('user', message, request.images),
        ],
        toolContext: {
          agentId: agent.id,
          agentKey: agent.agentKey,
          userId,
          sessionKey,
          channel,
          chatId: 'api',
          peerKind: 'direct',
          runId,
          workspace: agent.workspace,
          toolsConfigJson: JSON.stringify(agent.toolsConfig),
        },
        stream: request.stream,
        maxTokens: request.maxTokens,
        chat: parts.chat,
        invokeTool: async (toolCall, tool) => {
          await kept
          observer.busy?.()
          return parts.invokeTool(toolCall, tool)
        },
        onText: async (delta) => {
          await kept
          await observer.text?.(delta)
        },
        store: async (messages) => {
          await kept
          if (!(await store.runs.append(caller.tenantId, runId, messages)))
            throw new MeshError('UNAVAILABLE', 'error.run_lost')
        },
        used: (more, provider, model) => {
          if (more !== noUsage) usage = addUsage(usage ?? noUsage, more)
          servedBy = { provider, model }
        },
      })
      await end('completed', [answer])
      const content = deliveredText(answer.content)
      live.send({ type: 'run.completed', content, usage: usage ?? noUsage })
      return { runId, content, finishReason, usage }
    } catch (thrown) {
      if (abort.signal.reason instanceof SessionNameTaken) {
        live.send({ type: 'run.cancelled' })
        throw abort.signal.reason
      }
      // Cancelled by its requester, ended by us, or failed by itself.
      const error = outer.signal.aborted
        ? new MeshError('CANCELLED', 'error.cancelled')
        : toMeshError(abort.signal.aborted ? abort.signal.reason : databaseError(thrown))
      const status = error.code === 'CANCELLED' ? 'cancelled' : 'failed'
      const isKept = await kept.then(
        () => true,
        () => false,
      )
      if (isKept && error.key !== 'error.run_lost')
        await end(status, [], error.message).catch((err: unknown) =>
          log.error({ err, runId }, 'the end of a run could not be stored'),
        )
      live.send(status === 'cancelled' ? { type: 'run.cancelled' } : { type: 'run.failed', error: error.message })
      throw error
    } finally {
      outer.signal.removeEventListener('abort', forward)
      active.delete(runId)
    }
  }

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

  const promptOf = (
    request: RunRequest,
    session: HeldSession,
    files: readonly ContextFile[],
    tools: readonly ToolSpec[],
  ) =>
    systemPrompt({
      agent: request.agent,
      files,
      toolNames: tools.map(({ name }) => name),
      channel: request.channel,
      requestSystem: request.requestSystem,
      summary: session.summary,
    })

  const abortAll = () => {
    for (const abort of active.values()) abort.abort(new MeshError('UNAVAILABLE', 'error.shutting_down'))
  }

  return {
    run: async (call, asked, observer = {}) => {
      const rules = await parts.messageRules(call)
      guardInput(asked, rules)
      const request = { ...asked, message: cutMessage(storable(asked.message), rules) }
      await checkBudget(call, request.agent)
      const { sessionKey, caller } = request
      if (sessionKey === undefined) return freshTurn(call, request, observer)
      await checkSession(request, sessionKey)
      return inTurn(`${caller.tenantId} ${sessionKey}`, () => turn(call, request, observer))
    },
    active: () => [...active.keys()],
    abort: abortAll,
    drain: async (timeoutMs) => {
      const deadline = Date.now() + timeoutMs
      while (active.size > 0 && Date.now() < deadline) await sleep(50)
      abortAll()
      const lastCall = Date.now() + 5_000
      while (active.size > 0 && Date.now() < lastCall) await sleep(20)
    },
  }
}
