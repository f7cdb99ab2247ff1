/** Sessions: the conversations that agents have, as lists and pages. */
import type { Feature, ServiceDb } from '@clawmesh/chassis'
import type { AgentLookup } from '../agents/lookup.ts'
import type { PrismaClient } from '../db/client/client.ts'
import type { DeliverTo } from './delivery.ts'
import { createSessionEvents } from './events.ts'
import { createSessionHttp } from './http.ts'
import { createSessionRows } from './rows.ts'
import { createSessionUseCases, type SessionRows, type SessionUseCases } from './use-cases.ts'
import { createSessionWs } from './ws.ts'

type EndRun = Parameters<typeof createSessionUseCases>[0]['endRun']

interface Parts {
  lookup: Pick<AgentLookup, 'find'>
  endRun: EndRun
  deliverTo: DeliverTo
}

export const createSessions = (db: ServiceDb<PrismaClient>, { lookup: { find }, endRun, deliverTo }: Parts) => {
  const rowsOf = createSessionRows(db)
  const sessions = createSessionUseCases({ rowsOf, findAgent: find, endRun })
  return {
    http: createSessionHttp(sessions, deliverTo),
    ws: createSessionWs(sessions, deliverTo),
    events: createSessionEvents(rowsOf),
    sessions,
    sessionsOf: rowsOf,
  } satisfies Feature & {
    sessions: SessionUseCases
    sessionsOf: (tenantId: string) => SessionRows
  }
}
