/** Chat: the HTTP routes that run agents, as clients of others' APIs and webhooks call them, and WebSocket conversations. */
import { WorkspacesServiceService } from '@clawmesh/contracts/gen/clawmesh/tools/v1/workspaces.ts'
import type { Feature, Mesh, ServiceDb } from '@clawmesh/chassis'
import type { AgentLookup } from '../agents/lookup.ts'
import type { PrismaClient } from '../db/client/client.ts'
import { createEarlierTurns } from '../runs/earlier-turns.ts'
import type { Run } from '../runs/use-cases.ts'
import type { SessionUseCases } from '../sessions/use-cases.ts'
import { createAgentWs } from './agent-ws.ts'
import { createForeignRuns } from './foreign-runs.ts'
import { createChatHttp } from './http.ts'
import { createMessagesHttp, type MessagesParts } from './messages/http.ts'
import { createResponsesHttp } from './responses/http.ts'
import { createResumable } from './resumable.ts'
import { createChatWs } from './ws.ts'

type Parts = Omit<Parameters<typeof createChatWs>[0], 'fetchAllow' | 'uploads'> &
  Parameters<typeof createAgentWs>[0] &
  Omit<Parameters<typeof createResumable>[0], 'runForeign'> &
  Pick<MessagesParts, 'promptTokens'> & {
    run: Run
    lookup: Pick<AgentLookup, 'runnable'>
    sessions: SessionUseCases
  }

export const createChat = (mesh: Mesh, db: ServiceDb<PrismaClient>, parts: Parts): Feature[] => {
  const { run, lookup, sessions, deliverTo } = parts
  const fetchAllow = mesh.config.fetchAllow.split(',').filter(Boolean)
  const runForeign = createForeignRuns({
    run,
    lookup,
    earlierTurns: createEarlierTurns(db),
    sessions,
    deliverTo,
    fetchAllow,
  })
  return [
    {
      http: createChatHttp({ run, runForeign, lookup, resumable: createResumable({ ...parts, runForeign }) }),
      ws: createChatWs({ ...parts, fetchAllow, uploads: mesh.client(WorkspacesServiceService) }),
    },
    { http: createResponsesHttp(runForeign), ws: createAgentWs(parts) },
    { http: createMessagesHttp({ ...parts, runForeign }) },
  ]
}
