import { MeshError, type Caller } from '@clawmesh/contracts'
import { actorOf, type Call } from '@clawmesh/chassis'
import type { AgentsStore } from '../store/store.ts'
import { seesAllSessions } from './access.ts'
import type { Message, Session } from './types.ts'

interface ListInput {
  agentRef?: string | undefined
  channel?: string | undefined
  userId?: string | undefined
  limit: number
  offset: number
}

/** Sessions as people see them. Admins see all of their tenant, others their own. */
export const createSessionUseCases = (store: AgentsStore) => {
  /** @throws NOT_FOUND, or FORBIDDEN for somebody else's */
  const require = async (caller: Caller, key: string): Promise<Session> => {
    const session = await store.forTenant(caller.tenantId).sessions.find(key)
    if (session === undefined)
      throw new MeshError('NOT_FOUND', 'error.not_found', { kind: 'session', id: key.slice(0, 200) })
    if (!seesAllSessions(caller) && session.userId !== caller.userId)
      throw new MeshError('FORBIDDEN', 'error.no_access', { kind: 'session' })
    return session
  }
  const rows = (caller: Caller) => store.forTenant(caller.tenantId).sessions

  return {
    /** One page, most recently updated first. @throws INVALID_REQUEST when a caller who sees only their own names no user */
    list: async (caller: Caller, input: ListInput): Promise<{ sessions: Session[]; total: number }> => {
      const seesAll = seesAllSessions(caller)
      if (!seesAll && caller.userId === '') throw new MeshError('INVALID_REQUEST', 'error.user_id_required')
      const agent =
        input.agentRef === undefined ? undefined : await store.forTenant(caller.tenantId).agents.find(input.agentRef)
      if (input.agentRef !== undefined && agent === undefined) return { sessions: [], total: 0 }
      return rows(caller).page({
        agentId: agent?.id,
        channel: input.channel,
        userId: seesAll ? input.userId : caller.userId,
        limit: input.limit,
        offset: input.offset,
      })
    },

    /** @throws NOT_FOUND, FORBIDDEN */
    get: async (caller: Caller, key: string): Promise<{ session: Session; messages: Message[] }> => {
      const session = await require(caller, key)
      return { session, messages: await rows(caller).messages(session) }
    },

    /** Sets label and model where given; metadata are merged key by key. @throws NOT_FOUND, FORBIDDEN */
    patch: async (
      call: Call,
      key: string,
      input: { label?: string | undefined; model?: string | undefined; metadata?: Record<string, string> | undefined },
    ): Promise<void> => {
      const { caller } = call
      const session = await require(caller, key)
      await rows(caller).patch(
        session,
        {
          ...(input.label === undefined ? {} : { label: input.label }),
          ...(input.model ? { model: input.model } : {}),
          ...(input.metadata === undefined ? {} : { metadata: { ...session.metadata, ...input.metadata } }),
        },
        actorOf(call),
      )
    },

    /** Empties messages and summary; counters, label and metadata stay. @throws NOT_FOUND, FORBIDDEN */
    reset: async (call: Call, key: string): Promise<void> =>
      rows(call.caller).reset(await require(call.caller, key), actorOf(call)),

    /** Deletes a session; for callers who see all, one that is gone already is fine. @throws NOT_FOUND, FORBIDDEN */
    remove: async (call: Call, key: string): Promise<void> => {
      const { caller } = call
      if (seesAllSessions(caller) && (await rows(caller).find(key)) === undefined) return
      await rows(caller).remove(await require(caller, key), actorOf(call))
    },
  }
}

export type SessionUseCases = ReturnType<typeof createSessionUseCases>
