import { ws } from '@clawmesh/contracts'
import { implementWs } from '@clawmesh/chassis'
import type { DeliverTo } from './delivery.ts'
import { toSummary } from './shown.ts'
import type { SessionUseCases } from './use-cases.ts'

export const createSessionWs = (sessions: SessionUseCases, deliverTo: DeliverTo) =>
  implementWs(ws.sessions)({
    'sessions.list': async ({ caller, params }) => {
      const page = await sessions.list(caller, params)
      return { ...params, sessions: page.sessions.map(toSummary), total: page.total }
    },
    'sessions.preview': async ({ caller, params: { key, ...window } }) => {
      const { session, messages } = await sessions.get(caller, key, window)
      const { summary, messageCount: total } = session
      const { message, text } = deliverTo(caller)
      return { key, messages: messages.map(message), summary: text(summary), total }
    },
    'sessions.patch': async ({ call, params: { key, ...changes } }) => {
      await sessions.patch(call, key, changes)
      return { ok: true, key }
    },
    'sessions.label': async ({ call, params: { key, label } }) => {
      await sessions.patch(call, key, { label })
      return { ok: true, key }
    },
    'sessions.reset': async ({ call, params }) => {
      await sessions.reset(call, params.key)
      return { ok: true }
    },
    'sessions.delete': async ({ call, params }) => {
      await sessions.remove(call, params.key)
      return { ok: true }
    },
    'sessions.branch': async ({ call, params: { key, ...branch } }) => ({
      ok: true,
      ...(await sessions.branch(call, key, branch)),
    }),
  })
