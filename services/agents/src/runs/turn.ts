/** One turn: everything between the begin of a run and its stored end. */
import type { ChatMessage } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import { costTagTexts, MeshError, toMeshError } from '@clawmesh/contracts'
import { type Call, cutText, databaseError, event, type Logger } from '@clawmesh/chassis'
import type { NewMessage } from '../sessions/types.ts'
import type { DeliverTo } from '../sessions/delivery.ts'
import type { ActiveRuns } from './active-runs.ts'
import { costTagsOf } from './agent-tags.ts'
import { inputOf, SessionNameTaken, type BeginRun } from './begin.ts'
import type { Meet } from './first-meeting.ts'
import { createNotOurs, RunGone } from './gone.ts'
import { createGrace } from './grace.ts'
import { createLiveEvents } from './live-events.ts'
import type { Chat } from './model-call.ts'
import { createInbox } from './inbox.ts'
import { partialAnswer, textMessage } from './model-messages.ts'
import { promptFiles } from './prompt-files.ts'
import { promptModeOf, systemPrompt } from './prompt.ts'
import type { CreateRunContext } from './run-context.ts'
import { addUsage, noUsage, runAgentLoop } from './run-loop.ts'
import type { PublishRunEvent } from './run-feed.ts'
import { startTrace } from './spans.ts'
import { toolPolicyOf } from './tool-policy.ts'
import { createTranscript } from './transcript.ts'
import type { InvokeTool } from './tool-turn.ts'
import type { ClientTools, ListTools, RunObserver, RunRequest, RunResult, RunRows, Usage } from './types.ts'

interface Parts {
  rows: Pick<RunRows, 'append' | 'end' | 'keepText' | 'outcome'>
  begin: BeginRun
  active: ActiveRuns
  publish: PublishRunEvent
  log: Logger
  chat: Chat
  invokeTool: InvokeTool
  listTools: ListTools
  /** What the turn knows of its user. */
  meet: Meet
  contextOf: CreateRunContext
  deliverTo: DeliverTo
}

const ownMessage = ({ message, parts, cacheMark }: RunRequest): ChatMessage => ({
  ...textMessage('user', message, parts),
  cacheMark,
})

const noClientTools: ClientTools = { tools: [], choice: 'auto' }

/** Runs one turn to its end. @throws the error that ended it; the turn is then kept as failed or cancelled */
export type RunTurn = (call: Call, request: RunRequest, observer: RunObserver) => Promise<RunResult>

export const createTurn = ({
  rows,
  begin,
  active,
  publish,
  log,
  chat,
  invokeTool,
  listTools,
  meet,
  contextOf,
  deliverTo,
}: Parts): RunTurn => {
  const notOurs = createNotOurs(rows)
  return async (outer, request, observer) => {
    const { caller, agent, origin, userId, opening = [] } = request
    const { tenantId } = caller
    if (outer.signal.aborted) throw new MeshError('CANCELLED', 'error.cancelled')
    const { run, session, kept } = await begin(outer, request)
    const { runId, sessionKey } = run
    const abort = new AbortController()
    kept.catch((thrown: unknown) => abort.abort(thrown))
    const forward = () => abort.abort(outer.signal.reason)
    outer.signal.addEventListener('abort', forward, { once: true })
    if (outer.signal.aborted) forward()
    const inbox = createInbox((said) => rows.append(tenantId, runId, [said]))
    const transcript = createTranscript()
    const leave = () => abort.abort(new MeshError('CANCELLED', 'error.cancelled'))
    const grace = request.graceMs === undefined ? undefined : createGrace(request.graceMs, leave)
    let isFollowed = false
    const entry = {
      controller: abort,
      inbox,
      transcript,
      followed: () => {
        isFollowed = true
        grace?.renew()
      },
      isStored: false,
      taken: async () => abort.abort(await notOurs(tenantId, runId)),
    }
    active.add(runId, entry)
    void kept.then(
      () => (entry.isStored = true),
      () => undefined,
    )
    const call: Call = { ...outer, signal: abort.signal }

    const base = { runId, agentId: agent.id, agentKey: agent.agentKey, sessionKey, userId, channel: origin.channel }
    let iteration = 1
    let position = 0
    /** What was shown of the answer that is not stored yet. */
    let shown = ''
    const keep = async (content: string) => {
      const text = { runId, tenantId, iteration, position: position++, content }
      await rows.keepText(text).catch((err: unknown) => log.warn({ err, runId }, 'what a run shows could not be kept'))
    }
    // Events are for the user of the session, whoever asks.
    const reader = session.userId || userId
    const live = createLiveEvents(
      (event) => publish({ tenantId, runId, isFollowed }, event),
      { ...base, userId: reader },
      {
        delivery: deliverTo({ tenantId, userId: reader }),
        record: transcript.record,
        ...(request.keepsText === true ? { keep } : {}),
      },
    )
    const { metadata, traceAs } = request
    const tags = [...(traceAs?.tags ?? []), ...costTagTexts(caller.keyTags, costTagsOf(agent), metadata)]
    const trace = startTrace({ ...base, ...traceAs, apiKeyId: caller.keyId, input: inputOf(request), metadata, tags })
    let usage: Usage | undefined
    let servedBy = { provider: agent.provider, model: agent.model }
    const context = contextOf({ request, session, call, live, trace })
    live.send({ type: 'run.started', message: run.inputPreview })
    observer.started?.(runId)

    const end = async (
      status: 'completed' | 'failed' | 'cancelled',
      messages: readonly NewMessage[],
      error?: string,
    ) => {
      const output = messages.at(0)?.content ?? ''
      const recorded = trace.finish({ status: status === 'failed' ? 'error' : status, output, error })
      const reason = error === undefined ? undefined : cutText(error, 2_000)
      const outcome = { runId, agentId: agent.id, sessionKey, userId, status, error: reason, usage: usage ?? noUsage }
      await kept
      const ours = await rows.end({
        runId,
        tenantId,
        status,
        messages,
        usage: usage ?? noUsage,
        ...servedBy,
        error: reason,
        events: [event('runEnded', { ...outcome, ...recorded })],
      })
      if (!ours) throw await notOurs(tenantId, runId)
    }

    try {
      const { clientTools = noClientTools, requestSystem } = request
      const [{ files, tools, ...met }, history] = await Promise.all([
        meet({ ...request, sessionKey }, listTools(call, agent, userId)),
        context.read(),
      ])
      const offered = [...tools, ...clientTools.tools]
      const prompt = systemPrompt(
        {
          agent,
          files: request.withoutFiles === true ? new Map() : promptFiles(agent, files),
          toolNames: offered.map(({ name }) => name),
          origin,
          userId,
          requestSystem,
          now: new Date(),
          ...met,
        },
        promptModeOf({ channel: origin.channel, sessionKey }),
      )
      const { ending, content, thinking, finishReason, toolCalls, media } = await runAgentLoop({
        call,
        agent,
        tools,
        moreTools: () => listTools(call, agent, userId, { isFresh: true }),
        live,
        trace,
        context: context.turn,
        guardsResults: request.guardsResults ?? true,
        messages: [
          textMessage('system', prompt),
          ...context.before(history, { prompt, tools: offered, opening }),
          ...(run.messages.length > opening.length ? [ownMessage(request)] : []),
        ],
        toolContext: {
          agentId: agent.id,
          agentKey: agent.agentKey,
          userId,
          sessionKey,
          ...origin,
          runId,
          workspace: agent.workspace,
          toolsConfigJson: toolPolicyOf(agent).json,
        },
        stream: request.stream,
        options: request.options ?? {},
        clientTools,
        chat,
        invokeTool: async (toolCall, tool) => {
          await kept
          observer.busy?.()
          return invokeTool(toolCall, tool)
        },
        inbox,
        onText: async (delta) => {
          shown += delta
          await kept
          await observer.text?.(delta)
        },
        onThinking: async (delta) => {
          await kept
          await observer.thinking?.(delta)
        },
        onToolCall: async (piece) => {
          await kept
          await observer.toolCall?.(piece)
        },
        store: async (messages) => {
          await kept
          if (!(await rows.append(tenantId, runId, messages))) throw await notOurs(tenantId, runId)
          iteration++
          shown = ''
        },
        used: (more, provider, model) => {
          if (more !== noUsage) usage = addUsage(usage ?? noUsage, more)
          servedBy = { provider, model }
        },
      })
      await end('completed', ending)
      void context.ended()
      live.send({
        type: 'run.completed',
        content,
        usage: usage ?? noUsage,
        finishReason,
        ...(media.length === 0 ? {} : { media: [...media] }),
      })
      await live.settled()
      return { runId, content, thinking, finishReason, toolCalls, media, usage }
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
      if (isKept && !(error instanceof RunGone) && error.key !== 'error.run_lost')
        await end(status, partialAnswer(shown), error.message).catch((err: unknown) =>
          log.error({ err, runId }, 'the end of a run could not be stored'),
        )
      live.send(
        status === 'cancelled'
          ? { type: 'run.cancelled' }
          : { type: 'run.failed', error: error.message, content: shown },
      )
      await live.settled()
      throw error
    } finally {
      inbox.close()
      grace?.stop()
      outer.signal.removeEventListener('abort', forward)
      active.remove(runId)
    }
  }
}
