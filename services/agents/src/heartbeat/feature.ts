/** Agents that look after a checklist by themselves. */
import { ChannelsServiceService } from '@clawmesh/contracts/gen/clawmesh/channels/v1/channels.ts'
import { MeshError } from '@clawmesh/contracts'
import type { ConfigOf, Feature, Mesh, ServiceDb } from '@clawmesh/chassis'
import type { AgentLookup } from '../agents/lookup.ts'
import type { Agent } from '../agents/types.ts'
import { agentNotFound, type RequireOwned } from '../agents/owned.ts'
import type { ContextFileUseCases } from '../context-files/use-cases.ts'
import { createScheduler } from '../cron/scheduler.ts'
import type { cronSettings } from '../cron/settings.ts'
import type { PrismaClient } from '../db/client/client.ts'
import type { runSettings } from '../runs/settings.ts'
import type { Run } from '../runs/use-cases.ts'
import type { SessionRows } from '../sessions/use-cases.ts'
import { createHeartbeatClaims } from './claims.ts'
import { createPerformHeartbeat } from './perform.ts'
import { createHeartbeatRows } from './rows.ts'
import { createHeartbeatUseCases } from './use-cases.ts'
import { createHeartbeatWs } from './ws.ts'

interface Parts {
  run: Run
  lookup: AgentLookup
  sessionsOf: (tenantId: string) => SessionRows
  files: Pick<ContextFileUseCases, 'shared' | 'write'>
  requireOwned: RequireOwned
}

type HeartbeatConfig = ConfigOf<{ name: string; settings: typeof cronSettings & Pick<typeof runSettings, 'laneCron'> }>

export const createHeartbeats = (
  mesh: Mesh,
  db: ServiceDb<PrismaClient>,
  config: HeartbeatConfig,
  { run, lookup, sessionsOf, files, requireOwned }: Parts,
) => {
  const log = mesh.log.child({ service: 'agents', part: 'heartbeat' })
  const rowsOf = createHeartbeatRows(db)
  const scheduler = createScheduler({
    name: 'heartbeat',
    claims: createHeartbeatClaims(db),
    perform: createPerformHeartbeat({
      run,
      lookup,
      files,
      rowsOf,
      sessionsOf,
      sendText: mesh.client(ChannelsServiceService).sendText,
      retryMs: config.cronRetryMs,
      log,
    }),
    log,
    places: config.laneCron,
    tickMs: config.cronTickMs,
    leaseMs: config.cronLeaseMs,
    drainMs: mesh.config.drainTimeoutMs,
  })
  const heartbeats = createHeartbeatUseCases({
    rowsOf,
    files,
    requireOwned,
    wake: scheduler.wake,
    readable: async (caller, ref) => {
      const agent = await lookup.fromRows.find(caller.tenantId, ref)
      if (agent === undefined) throw agentNotFound(ref)
      if (!(await lookup.fromRows.hasAccess(caller, agent)))
        throw new MeshError('FORBIDDEN', 'error.no_access', { kind: 'agent' })
      return agent
    },
  })
  return {
    ws: createHeartbeatWs(heartbeats),
    parts: [scheduler.part],
    lameDuck: scheduler.lameDuck,
    /** The same methods, of the heartbeat of an agent alone. Whether it may be changed is for who asks to know. */
    heartbeatOf: (agent: Agent) => {
      const itself = async () => agent
      const parts = { rowsOf, files, wake: scheduler.wake, readable: itself, requireOwned: itself }
      return createHeartbeatWs(createHeartbeatUseCases(parts))
    },
    wakeHeartbeat: async (tenantId: string, agentId: string): Promise<void> => {
      await rowsOf(tenantId).wake(agentId)
      scheduler.wake()
    },
  } satisfies Feature & { lameDuck: () => void; heartbeatOf: object; wakeHeartbeat: object }
}
