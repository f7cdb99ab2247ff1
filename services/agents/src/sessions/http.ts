import { http } from '@clawmesh/contracts'
import { implementHttp } from '@clawmesh/chassis'
import type { Session } from './types.ts'
import type { SessionUseCases } from './use-cases.ts'

/** What a conversation costs besides its messages: prompt and tools, roughly. */
const promptOverheadTokens = 12_000

/** In both naming styles, as the contract has them: the command-line client reads the second. */
const toResponse = (session: Session) => ({
  ...session,
  key: session.sessionKey,
  created: session.createdAt,
  updated: session.updatedAt,
  userID: session.userId,
  metadata: Object.keys(session.metadata).length === 0 ? undefined : session.metadata,
})

export const createSessionHttp = (sessions: SessionUseCases) =>
  implementHttp(http.sessions)({
    listSessions: async ({ caller, query }) => {
      const page = await sessions.list(caller, query)
      const summaries = page.sessions.map((session) => ({
        ...toResponse(session),
        estimatedTokens: Math.floor(session.messageBytes / 4) + promptOverheadTokens,
      }))
      return { ...query, sessions: summaries, total: page.total }
    },
    getSession: async ({ caller, params }) => {
      const { session, messages } = await sessions.get(caller, params.key)
      return {
        ...toResponse(session),
        agentUUID: session.agentId,
        messages: messages.map((message) => ({ ...message, ...message.extra })),
      }
    },
    patchSession: async ({ call, params, body }) => {
      await sessions.patch(call, params.key, body)
      return { ok: true, key: params.key }
    },
    resetSession: async ({ call, params }) => {
      await sessions.reset(call, params.key)
      return { ok: true }
    },
    deleteSession: async ({ call, params }) => {
      await sessions.remove(call, params.key)
      return { ok: true }
    },
  })
