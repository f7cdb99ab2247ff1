import { randomUUID } from 'node:crypto'
import { MeshError, type Caller } from '@clawmesh/contracts'
import { type Actor, actorOf, type Call, cutText } from '@clawmesh/chassis'
import { seesAllSessions } from './access.ts'
import { wsSessionKey } from './session-keys.ts'
import type { Message, MessageWindow, Session, SessionBranch, SessionChanges, SessionQuery } from './types.ts'

interface SessionFilter extends Pick<SessionQuery, 'channel' | 'userId' | 'limit' | 'offset'> {
  agentId: string | undefined
}

interface InjectedMessage {
  messageId: string
  agentId: string
  sessionKey: string
  userId: string
  /** The sender may use sessions of all users. */
  mayUseAll: boolean
  content: string
}

/** The sessions of one tenant. */
export interface SessionRows {
  /** One page, most recently updated first, and how many match in all. */
  page: (filter: SessionFilter) => Promise<{ sessions: Session[]; total: number }>
  find: (sessionKey: string) => Promise<Session | undefined>
  /** The messages of a window, oldest first. */
  messages: (session: Session, window: MessageWindow) => Promise<Message[]>
  /**
   * Appends a message of the assistant; the session is made where there is none. False when it is somebody else's, or the
   * agent is gone.
   */
  inject: (message: InjectedMessage) => Promise<boolean>
  patch: (session: Session, changes: SessionChanges, actor: Actor) => Promise<void>
  /**
   * Drops messages and summary, and frees the session of a run that is still on: it writes nothing more. Nothing is
   * recorded without an actor: then it is no decision of anybody.
   */
  reset: (session: Session, actor?: Actor) => Promise<void>
  /** Nothing is recorded without an actor. */
  remove: (session: Session, actor?: Actor) => Promise<void>
  /**
   * Removes the sessions of a deleted agent that began while it was being deleted; does nothing to an agent that is there.
   * @throws Error when what was being written then takes too long
   */
  removeOrphans: (agentId: string) => Promise<void>
  /** Copies the messages up to one into a new session. Gives their number. @throws ALREADY_EXISTS, NOT_FOUND */
  branch: (session: Session, copy: { sessionKey: string; upTo: number }, actor: Actor) => Promise<number>
}

interface Parts {
  rowsOf: (tenantId: string) => SessionRows
  /** The agent that an id or key names. */
  findAgent: (tenantId: string, ref: string) => Promise<{ id: string; agentKey: string } | undefined>
  /** Ends the run that is on in a session, and waits until it has ended. */
  endRun: (call: Call, sessionKey: string) => Promise<void>
}

/** Metadata are merged key by key, so a bound of one request is none of what is stored. */
const metadataLimits = { keys: 64, bytes: 32_768 }

/** @throws INVALID_REQUEST when there would be too many metadata */
const mergedMetadata = (old: Readonly<Record<string, string>>, more: Readonly<Record<string, string>>) => {
  const metadata = { ...old, ...more }
  const { keys, bytes } = metadataLimits
  if (Object.keys(metadata).length > keys || Buffer.byteLength(JSON.stringify(metadata)) > bytes)
    throw new MeshError('INVALID_REQUEST', 'error.invalid_request', {
      field: 'metadata',
      reason: `at most ${keys} keys and ${bytes} bytes, what is stored already included`,
    })
  return metadata
}

const noAccess = () => new MeshError('FORBIDDEN', 'error.no_access', { kind: 'session' })

/** @throws FORBIDDEN for somebody else's */
const requireOwn = (caller: Caller, { userId }: Session): void => {
  if (!seesAllSessions(caller) && userId !== caller.userId) throw noAccess()
}

/** Sessions as people see them. Admins see all of their tenant, others their own. */
export const createSessionUseCases = ({ rowsOf, findAgent, endRun }: Parts) => {
  /** @throws NOT_FOUND, or FORBIDDEN for somebody else's */
  const require = async (caller: Caller, key: string): Promise<Session> => {
    const session = await rowsOf(caller.tenantId).find(key)
    if (session === undefined)
      throw new MeshError('NOT_FOUND', 'error.not_found', { kind: 'session', id: cutText(key, 200) })
    requireOwn(caller, session)
    return session
  }
  const rows = (caller: Caller) => rowsOf(caller.tenantId)

  return {
    /** One page, most recently updated first. @throws INVALID_REQUEST when a caller who sees only their own names no user */
    list: async (
      caller: Caller,
      { agentId: ref, channel, userId, limit, offset }: SessionQuery,
    ): Promise<{ sessions: Session[]; total: number }> => {
      const seesAll = seesAllSessions(caller)
      if (!seesAll && caller.userId === '') throw new MeshError('INVALID_REQUEST', 'error.user_id_required')
      const agent = ref ? await findAgent(caller.tenantId, ref) : undefined
      if (ref !== undefined && agent === undefined) return { sessions: [], total: 0 }
      const filter = { agentId: agent?.id, channel, userId: seesAll ? userId : caller.userId, limit, offset }
      return rows(caller).page(filter)
    },

    /** @throws NOT_FOUND, FORBIDDEN */
    get: async (
      caller: Caller,
      key: string,
      window: MessageWindow = {},
    ): Promise<{ session: Session; messages: Message[] }> => {
      const session = await require(caller, key)
      return { session, messages: await rows(caller).messages(session, window) }
    },

    /** Whether a session is there. @throws FORBIDDEN for somebody else's */
    exists: async (caller: Caller, key: string): Promise<boolean> => {
      const session = await rows(caller).find(key)
      if (session !== undefined) requireOwn(caller, session)
      return session !== undefined
    },

    /** Appends a message of the assistant, and gives it its id. @throws FORBIDDEN */
    inject: async (caller: Caller, agentId: string, sessionKey: string, content: string): Promise<string> => {
      const messageId = randomUUID()
      const mayUseAll = seesAllSessions(caller)
      const { userId } = caller
      const message = { messageId, agentId, sessionKey, userId, mayUseAll, content }
      if (!(await rows(caller).inject(message))) throw noAccess()
      return messageId
    },

    /** Sets label and model where given; metadata are merged key by key. @throws NOT_FOUND, FORBIDDEN, INVALID_REQUEST */
    patch: async (call: Call, key: string, { label, model, metadata }: SessionChanges): Promise<void> => {
      const { caller } = call
      const session = await require(caller, key)
      const changes = {
        label,
        model: model === '' ? undefined : model,
        metadata: metadata === undefined ? undefined : mergedMetadata(session.metadata, metadata),
      }
      await rows(caller).patch(session, changes, actorOf(call))
    },

    /** Ends the run that is on, then empties messages and summary; counters, label and metadata stay. @throws NOT_FOUND, FORBIDDEN */
    reset: async (call: Call, key: string): Promise<void> => {
      const session = await require(call.caller, key)
      await endRun(call, key)
      await rows(call.caller).reset(session, actorOf(call))
    },

    /** Deletes a session; for callers who see all, one that is gone already is fine. @throws NOT_FOUND, FORBIDDEN */
    remove: async (call: Call, key: string): Promise<void> => {
      const { caller } = call
      if (seesAllSessions(caller) && (await rows(caller).find(key)) === undefined) return
      const session = await require(caller, key)
      await endRun(call, key)
      await rows(caller).remove(session, actorOf(call))
    },

    /** Begins a session with the messages of another. @throws NOT_FOUND, FORBIDDEN, ALREADY_EXISTS */
    branch: async (
      call: Call,
      key: string,
      { seq, newKey }: SessionBranch,
    ): Promise<{ key: string; messageCount: number }> => {
      const { caller } = call
      const session = await require(caller, key)
      const agent = await findAgent(caller.tenantId, session.agentId)
      const sessionKey = newKey ?? wsSessionKey(agent?.agentKey ?? 'default')
      const copy = { sessionKey, upTo: seq ?? Number.MAX_SAFE_INTEGER }
      return { key: sessionKey, messageCount: await rows(caller).branch(session, copy, actorOf(call)) }
    },
  }
}

export type SessionUseCases = ReturnType<typeof createSessionUseCases>
