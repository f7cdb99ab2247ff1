/** Conversations over a WebSocket. The edge sends the events of a run; here it is begun, followed and ended. */
import { MeshError, agentEventOf, agentOfKey, ws, type Caller } from '@clawmesh/contracts'
import { detached, implementWs } from '@clawmesh/chassis'
import type { AgentLookup } from '../agents/lookup.ts'
import type { RunFilter, RunningRuns } from '../runs/running.ts'
import type { Send } from '../runs/send.ts'
import type { RunResult } from '../runs/types.ts'
import { wsSessionKey } from '../sessions/session-keys.ts'
import type { DeliverTo } from '../sessions/delivery.ts'
import type { SessionUseCases } from '../sessions/use-cases.ts'
import { withMedia, type Uploads } from './media.ts'

const labelBytes = 100
const isCancelled = (thrown: unknown): boolean => thrown instanceof MeshError && thrown.code === 'CANCELLED'

const toUsage = ({ usage }: RunResult) => ({
  prompt_tokens: usage?.inputTokens ?? 0,
  completion_tokens: usage?.outputTokens ?? 0,
  total_tokens: (usage?.inputTokens ?? 0) + (usage?.outputTokens ?? 0),
  cache_creation_input_tokens: usage?.cacheCreationTokens ?? 0,
  cache_read_input_tokens: usage?.cacheReadTokens ?? 0,
  thinking_tokens: usage?.thinkingTokens ?? 0,
})

/** A label cut to so many bytes, at the end of a character. */
const shortLabel = (label: string): string => {
  const kept = Buffer.from(label).subarray(0, labelBytes).toString()
  return kept.length < label.length ? kept.replace(/\uFFFD$/, '') : kept
}

interface Parts {
  send: Send
  running: RunningRuns
  sessions: Pick<SessionUseCases, 'get' | 'exists' | 'inject'>
  lookup: Pick<AgentLookup, 'find' | 'runnable'>
  deliverTo: DeliverTo
  /** Private hosts that an image may be fetched from. */
  fetchAllow: readonly string[]
  uploads: Uploads
}

export const createChatWs = ({ send, running, sessions, lookup, deliverTo, fetchAllow, uploads }: Parts) => {
  /** The agent that a request names, by itself or by a session key. @throws NOT_FOUND, FORBIDDEN */
  const agentFor = (caller: Caller, named: string | undefined, sessionKey = '') =>
    lookup.runnable(caller, (named || agentOfKey(sessionKey)) ?? 'default')

  /** The runs that a request to abort means. @throws FORBIDDEN */
  const runsMeant = async (caller: Caller, { runId, sessionKey, agentId }: Record<string, string | undefined>) => {
    const { tenantId } = caller
    const filter: RunFilter = {
      ...(runId === undefined ? {} : { runId: runId.toLowerCase() }),
      ...(sessionKey === undefined ? {} : { sessionKey }),
    }
    if (runId === undefined && sessionKey === undefined) {
      const agent = await lookup.find(tenantId, agentId!)
      const own = agent === undefined ? [] : await running.find(tenantId, { agentId: agent.id })
      return own.filter(({ userId }) => userId === caller.userId)
    }
    const found = await running.find(tenantId, filter)
    for (const run of found)
      if (run.userId !== caller.userId || sessionKey !== undefined) await sessions.exists(caller, run.sessionKey)
    return found
  }

  return implementWs(ws.chat)({
    'chat.send': async ({ caller, call, params }) => {
      if (caller.userId === '') throw new MeshError('INVALID_REQUEST', 'error.user_id_required', { field: 'user_id' })
      if (params.message.trim() === '' && !params.media?.length)
        throw new MeshError('INVALID_REQUEST', 'error.no_user_message', { field: 'message' })
      const agent = await agentFor(caller, params.agentId, params.sessionKey)
      const sessionKey = params.sessionKey ?? wsSessionKey(agent.agentKey)
      const { requestId: runId } = call
      const { message, media: given = [] } = params
      // Nothing is kept with somebody else's.
      if (given.length > 0) await sessions.exists(caller, sessionKey)
      try {
        const sent = await send(detached(call), {
          ...(await withMedia(message, given, { call, uploads, sessionKey, agentId: agent.id, allow: fetchAllow })),
          runId,
          keepsText: true,
          caller,
          agent,
          sessionKey,
          userId: caller.userId,
          priorTurns: [],
          requestSystem: '',
          origin: { channel: 'ws', chatId: sessionKey.slice(sessionKey.lastIndexOf(':') + 1), peerKind: 'direct' },
          stream: params.stream,
        })
        if (sent.injectedInto !== undefined) return { injected: true, runId: sent.injectedInto, sessionKey }
        const { text, files } = deliverTo(caller)
        const { content, media } = sent.result
        return {
          runId,
          content: text(content),
          usage: toUsage(sent.result),
          ...(media.length === 0
            ? {}
            : { media: files(media).map(({ path, contentType }) => ({ path, content_type: contentType })) }),
          sessionKey,
        }
      } catch (thrown) {
        if (isCancelled(thrown)) return { cancelled: true, runId, sessionKey }
        throw thrown
      }
    },

    'chat.history': async ({ caller, params: { sessionKey, ...window } }) => {
      if (sessionKey === '' || !(await sessions.exists(caller, sessionKey))) return { messages: [], total: 0 }
      const { session, messages } = await sessions.get(caller, sessionKey, window)
      return { messages: messages.map(deliverTo(caller).message), total: session.messageCount }
    },

    'chat.session.status': async ({ caller, params: { sessionKey, after } }) => {
      const { tenantId } = caller
      const isThere = await sessions.exists(caller, sessionKey)
      const [run] = isThere ? await running.find(tenantId, { sessionKey }) : []
      if (run === undefined) return { isRunning: false, running: false, runId: '', activity: null }
      const { activity, events } = await running.progress(tenantId, run.runId, after)
      return {
        isRunning: true,
        running: true,
        runId: run.runId,
        activity: activity ?? null,
        ...(after === undefined ? {} : { events: events.map(agentEventOf) }),
      }
    },

    'chat.abort': async ({ caller, params }) => {
      const runIds = await running.abort(caller.tenantId, await runsMeant(caller, params))
      return { ok: true, aborted: runIds.length > 0, runIds }
    },

    'chat.inject': async ({ caller, params: { sessionKey, message, label } }) => {
      const agent = await agentFor(caller, undefined, sessionKey)
      const content = label ? `[${shortLabel(label)}]\n\n${message}` : message
      return { ok: true, messageId: await sessions.inject(caller, agent.id, sessionKey, content) }
    },
  })
}
