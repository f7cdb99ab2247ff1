/** The agent's own sessions with the user of a call, as the agents service keeps them. */
import type { SessionsServiceService } from '@clawmesh/contracts/gen/clawmesh/agents/v1/sessions.ts'
import type { RpcFunctions } from '@clawmesh/chassis'
import { createCallLimit } from '../invoke/call-limit.ts'
import type { CallScope } from '../invoke/types.ts'
import type { PortMakers } from '../tool/ports.ts'
import { toldToModel, toolError } from '../tool/tool-error.ts'

/** Messages that an agent may send from session to session of one user, in an hour and on one replica. */
const mostSent = 60

export const createSessionsPort = (sessions: RpcFunctions<typeof SessionsServiceService>) => {
  const takeMessage = createCallLimit()
  return {
    sessions: ({ call, agent, userId }) => {
      if (agent === undefined) return undefined
      const owner = { agentId: agent.id, userId }
      return {
        list: (query) => toldToModel(() => sessions.listAgentSessions(call, { ...owner, ...query })),
        read: (query) => toldToModel(() => sessions.readAgentSession(call, { ...owner, ...query })),
        send: async (message) => {
          if (!takeMessage(call.caller.tenantId, `${agent.id} ${userId}`, mostSent))
            throw toolError('you have sent as many messages from session to session as you may within an hour')
          return toldToModel(() => sessions.sendToAgentSession(call, { ...owner, ...message }))
        },
      }
    },
  } satisfies PortMakers<CallScope>
}
