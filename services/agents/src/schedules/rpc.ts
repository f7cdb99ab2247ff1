/** What agents do at set times, as their own tools manage it: with their jobs for a user, and their heartbeat, alone. */
import { MeshError, roleIncludes, type Caller } from '@clawmesh/contracts'
import type { SchedulesServiceService } from '@clawmesh/contracts/gen/clawmesh/agents/v1/schedules.ts'
import { createWsMethods, type Call, type RpcFunctions, type WsImplementation } from '@clawmesh/chassis'
import { isOwnerOf } from '../agents/access.ts'
import type { Agent } from '../agents/types.ts'
import { scopeOf, type Wish } from '../config-permissions/verdict.ts'

interface Parts {
  /** The agent that a caller may use. @throws NOT_FOUND, FORBIDDEN */
  runnable: (caller: Caller, ref: string) => Promise<Agent>
  jobsOf: (agent: Agent, userId: string) => WsImplementation
  heartbeatOf: (agent: Agent) => WsImplementation
  verdictOn: (tenantId: string, agentId: string, wish: Wish) => Promise<'allow' | 'deny' | undefined>
}

interface Operation {
  changes: boolean
  /** It makes turns come that would not, or at another time. */
  begins?: boolean
}

const reads: Operation = { changes: false }
const changes: Operation = { changes: true }
const begins: Operation = { changes: true, begins: true }

const operations: Readonly<Record<string, Operation>> = {
  'cron.list': reads,
  'cron.status': reads,
  'cron.runs': reads,
  'cron.create': begins,
  'cron.update': begins,
  'cron.delete': changes,
  'cron.run': begins,
  'heartbeat.get': reads,
  'heartbeat.logs': reads,
  'heartbeat.checklist.get': reads,
  'heartbeat.set': begins,
  'heartbeat.toggle': begins,
  'heartbeat.checklist.set': changes,
  'heartbeat.test': begins,
}

const scheduled: readonly string[] = ['cron', 'heartbeat']

export const createScheduleRpc = ({
  runnable,
  jobsOf,
  heartbeatOf,
  verdictOn,
}: Parts): RpcFunctions<typeof SchedulesServiceService> => {
  /** Jobs are their user's to make; a heartbeat is the agent's, so that its owner changes it, or whom a rule allows to. */
  const checkMayChange = async (caller: Caller, agent: Agent, wish: Wish): Promise<void> => {
    const verdict = await verdictOn(caller.tenantId, agent.id, wish)
    const isTheirs = wish.configType === 'cron' || isOwnerOf(caller, agent)
    if (verdict === 'deny' || (verdict === undefined && !isTheirs) || !roleIncludes(caller.role, 'operator'))
      throw new MeshError('FORBIDDEN', 'error.no_access', {
        kind: wish.configType === 'cron' ? 'cron job' : 'heartbeat',
      })
  }

  return {
    manageSchedule: async (call, { agentId, userId, channel, chatId, peerKind, operation: name, paramsJson }) => {
      const operation = Object.hasOwn(operations, name) ? operations[name]! : undefined
      if (operation === undefined) throw new MeshError('INVALID_REQUEST', 'error.unknown_method', { method: name })
      const caller: Caller = { ...call.caller, userId }
      const agent = await runnable(caller, agentId)
      const configType = name.startsWith('cron.') ? 'cron' : 'heartbeat'
      if (operation.begins === true && scheduled.includes(channel))
        throw new MeshError('FORBIDDEN', 'error.begun_by_schedule')
      const scope = scopeOf({ channel, chatId, peerKind })
      if (operation.changes) await checkMayChange(caller, agent, { configType, scope, userId })
      // What may be done is decided; that it is done to the agent's own things alone is what the methods are made of.
      const role = roleIncludes(caller.role, 'admin') ? caller.role : 'admin'
      const acting: Call = { ...call, caller: { ...caller, role, credential: 'service', scopes: [] } }
      const methods = createWsMethods([jobsOf(agent, userId), heartbeatOf(agent)], { checkResponses: false })
      const params = JSON.parse(paramsJson) as object
      const result = await methods(acting, name, configType === 'cron' ? params : { ...params, agentId: agent.id })
      return { resultJson: JSON.stringify(result) }
    },
  }
}
