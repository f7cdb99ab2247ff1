/** Summoning: agents whose context files a model writes, from a description or as their owner asks. */
import { ProvidersServiceService } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import { createJobQueue, type Feature, type Mesh, type ServiceDb } from '@clawmesh/chassis'
import type { RequireOwned } from '../agents/owned.ts'
import type { PrismaClient } from '../db/client/client.ts'
import { createAskModel } from '../runs/ask-model.ts'
import { createTraced } from '../runs/background-trace.ts'
import { createSessionWorkRows } from '../runs/session-rows.ts'
import { createSummoningHttp } from './http.ts'
import { summoningJobs, summonWithinMs } from './jobs.ts'
import { createOpenSummonings, createSummoningRows } from './rows.ts'
import { createSummon, type AskForFiles } from './summon.ts'
import { createTakeUp } from './take-up.ts'
import { createSummoningUseCases, type StartSummoning } from './use-cases.ts'

const maxTokens = 8_192
const temperature = 0.7
const watchMs = 2_000

/** The queue of the work, which creating an agent needs too. */
export const createSummoningQueue = (db: ServiceDb<PrismaClient>) => {
  const jobs = createJobQueue(db.database, summoningJobs)
  const start: StartSummoning = (tenantId, agentId, summoningId) =>
    jobs.add(tenantId, 'summonAgent', { agentId, summoningId }, { key: summoningId })
  return { jobs, start }
}

export const createSummoning = (
  mesh: Mesh,
  db: ServiceDb<PrismaClient>,
  { summonCallMs: withinMs }: { summonCallMs: number },
  { jobs, start }: ReturnType<typeof createSummoningQueue>,
  requireOwned: RequireOwned,
) => {
  const log = mesh.log.child({ service: 'agents' })
  const { chat } = mesh.client(ProvidersServiceService)
  const traced = createTraced({ rows: createSessionWorkRows(db), log })
  const rowsOf = createSummoningRows(db)

  const askOf =
    (call: Parameters<typeof createAskModel>[1]): AskForFiles =>
    ({ agent, userId }, { system, text }, signal) => {
      const session = { sessionKey: `agent:${agent.agentKey}:summoning`, userId, channel: 'summoning' }
      return traced(call, {
        name: 'summoning',
        agent,
        session,
        work: async (trace) => {
          const ask = createAskModel(chat, { ...call, signal }, trace)
          const result = await ask({ agent, name: 'summoning', system, text, maxTokens, temperature, withinMs })
          return { result, output: result }
        },
      })
    }

  return {
    http: createSummoningHttp(createSummoningUseCases({ rowsOf, start, requireOwned })),
    jobs: jobs.implementedBy({
      summonAgent: (attempt) =>
        createSummon({ rowsOf, ask: askOf(attempt.call), log, withinMs: summonWithinMs, watchMs })(attempt),
    }),
    parts: [createTakeUp({ open: createOpenSummonings(db), start, log })],
  } satisfies Feature
}
