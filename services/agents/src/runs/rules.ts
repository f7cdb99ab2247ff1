/** What may keep a run from starting: one list of rules. */
import { MeshError } from '@clawmesh/contracts'
import type { Call, Logger } from '@clawmesh/chassis'
import type { Agent } from '../agents/types.ts'
import { seesAllSessions } from '../sessions/access.ts'
import { suspicions } from './input-guard.ts'
import type { MessageRules } from './message-rules.ts'
import type { MonthCost, RunRequest, RunRows } from './types.ts'

/** A request whose message is as the model will be shown it. */
interface StartingRun extends RunRequest {
  messageRules: MessageRules
}

type Refusal = MeshError | undefined

/** Asked once for a run, before it is stored and before any model is asked. */
export interface RunRule {
  readonly name: string
  /** What the run is refused with; nothing when it may go on. */
  readonly check: (call: Call, agent: Agent, request: StartingRun) => Refusal | Promise<Refusal>
}

interface Parts {
  log: Logger
  monthCost: MonthCost
  rows: Pick<RunRows, 'sessionOwner'>
}

/** The rules in the order in which they are asked; the first refusal counts. A new rule is an entry here. */
export const createRunRules = ({ log, monthCost, rows }: Parts): readonly RunRule[] => [
  {
    name: 'message guard',
    check: ({ caller }, agent, { message, messageRules: { injectionAction: action } }) => {
      const found = action === 'off' ? [] : suspicions(message)
      if (found.length === 0) return undefined
      log[action === 'log' ? 'info' : 'warn'](
        { found, agent: agent.agentKey, tenant: caller.tenantId },
        'a message looks like a prompt injection',
      )
      if (action !== 'block') return undefined
      return new MeshError('INVALID_REQUEST', 'error.invalid_request', { field: 'message', reason: found.join(', ') })
    },
  },
  {
    name: 'monthly budget',
    check: async (call, agent) => {
      const cents = agent.budgetMonthlyCents ?? 0
      if (cents === 0 || (await monthCost(call, agent)) * 100 < cents) return undefined
      return new MeshError('QUOTA_EXHAUSTED', 'error.budget_exceeded', { agent: agent.agentKey })
    },
  },
  {
    name: 'session',
    check: async (_call, agent, { caller, sessionKey }) => {
      if (sessionKey === undefined) return undefined
      const owner = await rows.sessionOwner(caller.tenantId, sessionKey)
      if (owner === undefined) return undefined
      if (owner.agentId !== agent.id)
        return new MeshError('INVALID_REQUEST', 'error.invalid_request', {
          field: 'session_key',
          reason: 'belongs to another agent',
        })
      if (owner.userId === caller.userId || seesAllSessions(caller)) return undefined
      return new MeshError('FORBIDDEN', 'error.no_access', { kind: 'session' })
    },
  },
]

/** @throws the refusal of the first rule that has one */
export const requireNoRefusal = async (rules: readonly RunRule[], call: Call, request: StartingRun): Promise<void> => {
  for (const { check } of rules) {
    const refusal = await check(call, request.agent, request)
    if (refusal !== undefined) throw refusal
  }
}
