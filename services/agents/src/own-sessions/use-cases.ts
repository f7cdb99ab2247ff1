/** Sessions as the agent itself may see them: its own, with the user of the call. */
import { MeshError, passedMessages } from '@clawmesh/contracts'
import { createPlaces, cutText, detached, type Call, type Logger } from '@clawmesh/chassis'
import type { AgentLookup } from '../agents/lookup.ts'
import type { Agent } from '../agents/types.ts'
import type { RunningRuns } from '../runs/running.ts'
import type { Send } from '../runs/send.ts'
import type { Session } from '../sessions/types.ts'
import type { SessionRows } from '../sessions/use-cases.ts'

interface Excerpt {
  role: string
  content: string
  createdAt: Date
}

export interface SessionExcerptRows {
  /** The newest messages, newest first, each cut to so many characters. */
  newest: (sessionId: string, window: { limit: number; chars: number; includeTools: boolean }) => Promise<Excerpt[]>
}

interface Parts {
  sessionsOf: (tenantId: string) => Pick<SessionRows, 'page' | 'find'>
  excerptsOf: (tenantId: string) => SessionExcerptRows
  lookup: Pick<AgentLookup, 'runnable'>
  running: Pick<RunningRuns, 'find'>
  send: Send
  log: Logger
}

interface Owner {
  /** Id or key. */
  agentId: string
  userId: string
}

interface Passed extends Owner {
  sessionKey: string
  label: string
  message: string
  fromSessionKey: string
  depth: number
}

/** Messages of one agent and user that are being answered by this replica at a time; fewer than wait in a session, where people want a place, too. */
const mostUnderWay = 4

const mostSessions = 200
const mostMessages = 100
const longestMessage = 4_000
const mostBytes = 80 * 1024

/** The newest that fit, oldest first. */
const bounded = (newestFirst: readonly Excerpt[]): Excerpt[] => {
  const kept: Excerpt[] = []
  let bytes = 0
  for (const message of newestFirst) {
    const content = cutText(message.content, longestMessage)
    bytes += Buffer.byteLength(content)
    if (bytes > mostBytes) break
    kept.push({ ...message, content })
  }
  return kept.reverse()
}

/** As the session keeps it: whoever reads it there, later too, sees that no person has written it. */
const marked = (message: string, fromSessionKey: string): string =>
  `[From: yourself, in your session ${cutText(fromSessionKey, 500)}. No person has written this.]\n${message}`

export const createOwnSessions = ({ sessionsOf, excerptsOf, lookup, running, send, log }: Parts) => {
  const takePlace = createPlaces(mostUnderWay)

  /** The agent, if the user may still use it. @throws NOT_FOUND, FORBIDDEN */
  const usable = ({ caller }: Call, { agentId, userId }: Owner): Promise<Agent> =>
    lookup.runnable({ ...caller, userId }, agentId)

  const page = async ({ caller }: Call, agent: Agent, userId: string, limit: number): Promise<Session[]> => {
    if (userId === '') return []
    const filter = { agentId: agent.id, channel: undefined, userId, limit: Math.min(limit, mostSessions), offset: 0 }
    return (await sessionsOf(caller.tenantId).page(filter)).sessions
  }

  const find = async ({ caller }: Call, agent: Agent, userId: string, key: string): Promise<Session | undefined> => {
    const session = await sessionsOf(caller.tenantId).find(key)
    return userId !== '' && session?.agentId === agent.id && session.userId === userId ? session : undefined
  }

  return {
    /** The one used last first. @throws NOT_FOUND, FORBIDDEN */
    list: async (call: Call, owner: Owner & { limit: number; activeMinutes: number }): Promise<Session[]> => {
      const { userId, limit, activeMinutes } = owner
      const sessions = await page(call, await usable(call, owner), userId, limit)
      const since = activeMinutes === 0 ? 0 : Date.now() - activeMinutes * 60_000
      return sessions.filter(({ updatedAt }) => updatedAt.getTime() >= since)
    },

    /** A session with its newest messages; undefined where the user has none such with the agent. @throws NOT_FOUND, FORBIDDEN */
    read: async (
      call: Call,
      owner: Owner & { sessionKey: string; limit: number; includeTools: boolean },
    ): Promise<{ session: Session; messages: Excerpt[]; isRunning: boolean } | undefined> => {
      const { tenantId } = call.caller
      const session = await find(call, await usable(call, owner), owner.userId, owner.sessionKey)
      if (session === undefined) return undefined
      const limit = Math.min(owner.limit, mostMessages)
      const window = { limit, chars: longestMessage, includeTools: owner.includeTools }
      const [runs, newest] = await Promise.all([
        running.find(tenantId, { sessionKey: session.sessionKey }),
        limit > 0 ? excerptsOf(tenantId).newest(session.id, window) : [],
      ])
      return { session, messages: bounded(newest), isRunning: runs.length > 0 }
    },

    /**
     * Begins a turn with the message in one of the sessions, and does not wait for it. Undefined where there is none such.
     * @throws NOT_FOUND, FORBIDDEN; INVALID_REQUEST for the session that sends, and for what was passed on too often;
     *   RESOURCE_EXHAUSTED where too many are being answered
     */
    send: async (call: Call, passed: Passed): Promise<string | undefined> => {
      const { userId, label, message, fromSessionKey, depth } = passed
      const agent = await usable(call, passed)
      const session =
        passed.sessionKey === ''
          ? (await page(call, agent, userId, mostSessions)).find((each) => each.label === label)
          : await find(call, agent, userId, passed.sessionKey)
      if (session === undefined) return undefined
      const { sessionKey } = session
      const fault = (field: string, reason: string) =>
        new MeshError('INVALID_REQUEST', 'error.invalid_request', { field, reason })
      if (sessionKey === fromSessionKey) throw fault('session_key', 'that is this session')
      if (depth > passedMessages.longestChain) throw fault('message', 'passed on too often')
      const { tenantId } = call.caller
      const request = {
        ...{ caller: call.caller, agent, sessionKey, userId, parts: [], priorTurns: [], stream: false, isAlone: true },
        message: marked(message, fromSessionKey),
        requestSystem: '',
        origin: { channel: passedMessages.channel, chatId: String(depth), peerKind: 'direct' as const },
      }
      const leave = takePlace(JSON.stringify([tenantId, agent.id, userId]))
      if (leave === undefined) throw new MeshError('RESOURCE_EXHAUSTED', 'error.queue_full', { key: sessionKey })
      void send(detached(call), request)
        .catch((err: unknown) => log.warn({ err, tenantId, sessionKey }, 'a message to a session was not answered'))
        .finally(leave)
      return sessionKey
    },
  }
}

export type OwnSessions = ReturnType<typeof createOwnSessions>
