import { ws } from '@clawmesh/contracts'
import { implementWs } from '@clawmesh/chassis'
import { toSummary } from './shown.ts'
import type { SessionUseCases } from './use-cases.ts'

export const createSessionWs = (sessions: SessionUseCases) =>
  implementWs(ws.sessions)({
    'sessions.list': async ({ caller, params }) => {
      const page = await sessions.list(caller, params)
      return { ...params, sessions: page.sessions.map(toSummary), total: page.total }
    },
  })
