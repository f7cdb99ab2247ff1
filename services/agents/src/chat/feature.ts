/** Chat: the HTTP routes that run agents, as clients of others' APIs and webhooks call them. */
import type { Feature, Mesh, ServiceDb } from '@clawmesh/chassis'
import type { AgentLookup } from '../agents/lookup.ts'
import type { PrismaClient } from '../db/client/client.ts'
import { createEarlierTurns } from '../runs/earlier-turns.ts'
import type { Run } from '../runs/use-cases.ts'
import { createForeignRuns } from './foreign-runs.ts'
import { createChatHttp } from './http.ts'

interface Parts {
  run: Run
  lookup: Pick<AgentLookup, 'runnable'>
}

export const createChat = (mesh: Mesh, db: ServiceDb<PrismaClient>, { run, lookup }: Parts) => {
  const runForeign = createForeignRuns({
    run,
    lookup,
    earlierTurns: createEarlierTurns(db),
    fetchAllow: mesh.config.fetchAllow.split(',').filter(Boolean),
  })
  return { http: createChatHttp({ run, runForeign, lookup }) } satisfies Feature
}
