/** Work at set times: what people decide, and what does it when its time has come. */
import { ChannelsServiceService } from '@clawmesh/contracts/gen/clawmesh/channels/v1/channels.ts'
import type { ConfigOf, Feature, Mesh, ServiceDb } from '@clawmesh/chassis'
import type { AgentLookup } from '../agents/lookup.ts'
import type { Agent } from '../agents/types.ts'
import type { PrismaClient } from '../db/client/client.ts'
import type { runSettings } from '../runs/settings.ts'
import type { Run } from '../runs/use-cases.ts'
import type { SessionRows } from '../sessions/use-cases.ts'
import { createClaims } from './claims.ts'
import { createPerformJob } from './perform.ts'
import { createCronRows } from './rows.ts'
import { rowsOfAgent } from './rows-of-agent.ts'
import { createScheduler } from './scheduler.ts'
import type { cronSettings } from './settings.ts'
import { createCronUseCases } from './use-cases.ts'
import { createCronWs } from './ws.ts'

interface Parts {
  run: Run
  lookup: Pick<AgentLookup, 'find' | 'runnable'>
  sessionsOf: (tenantId: string) => SessionRows
  /** Has the heartbeat of an agent run at once, where it is on. */
  wakeHeartbeat: (tenantId: string, agentId: string) => Promise<void>
}

type CronConfig = ConfigOf<{ name: string; settings: typeof cronSettings & Pick<typeof runSettings, 'laneCron'> }>

export const createCron = (
  mesh: Mesh,
  db: ServiceDb<PrismaClient>,
  config: CronConfig,
  { run, lookup, sessionsOf, wakeHeartbeat }: Parts,
) => {
  const log = mesh.log.child({ service: 'agents', part: 'cron' })
  const channels = mesh.client(ChannelsServiceService)
  const scheduler = createScheduler({
    name: 'cron',
    claims: createClaims(db),
    perform: createPerformJob({
      run,
      lookup,
      sessionsOf,
      sendText: channels.sendText,
      wakeHeartbeat,
      maxRetries: config.cronMaxRetries,
      retryMs: config.cronRetryMs,
      log,
    }),
    log,
    places: config.laneCron,
    tickMs: config.cronTickMs,
    leaseMs: config.cronLeaseMs,
    drainMs: mesh.config.drainTimeoutMs,
  })
  const rowsOf = createCronRows(db)
  const cron = {
    runnable: lookup.runnable,
    findAgent: lookup.find,
    defaultZone: config.cronDefaultTimezone,
    wake: scheduler.wake,
  }
  return {
    ws: createCronWs(createCronUseCases({ ...cron, rowsOf })),
    parts: [scheduler.part],
    lameDuck: scheduler.lameDuck,
    /** The same methods, of the jobs alone that an agent has for a user. */
    jobsOf: (agent: Agent, userId: string) =>
      createCronWs(
        createCronUseCases({
          ...cron,
          runnable: async () => agent,
          findAgent: async () => agent,
          rowsOf: (tenantId) => rowsOfAgent(rowsOf(tenantId), agent.id, userId),
        }),
      ),
  } satisfies Feature & { lameDuck: () => void; jobsOf: object }
}
