import { http } from '@clawmesh/contracts'
import { implementHttp } from '@clawmesh/chassis'
import type { DeliverTo } from './delivery.ts'
import { toResponse, toSummary } from './shown.ts'
import type { SessionUseCases } from './use-cases.ts'

export const createSessionHttp = (sessions: SessionUseCases, deliverTo: DeliverTo) =>
  implementHttp(http.sessions)({
    listSessions: async ({ caller, query }) => {
      const page = await sessions.list(caller, query)
      return { ...query, sessions: page.sessions.map(toSummary), total: page.total }
    },
    getSession: async ({ caller, params, query }) => {
      const { session, messages } = await sessions.get(caller, params.key, query)
      return {
        ...toResponse(session),
        agentUUID: session.agentId,
        messages: messages.map(deliverTo(caller).message),
        total: session.messageCount,
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
    branchSession: async ({ call, params, body }) => ({
      ok: true,
      ...(await sessions.branch(call, params.key, body)),
    }),
    deleteSession: async ({ call, params }) => {
      await sessions.remove(call, params.key)
      return { ok: true }
    },
  })
