/** What an agent does at set times, as the agents service keeps it. */
import type { SchedulesServiceService } from '@clawmesh/contracts/gen/clawmesh/agents/v1/schedules.ts'
import type { RpcFunctions } from '@clawmesh/chassis'
import type { CallScope } from '../invoke/types.ts'
import type { PortMakers } from '../tool/ports.ts'
import { toldToModel } from '../tool/tool-error.ts'

export const createSchedulesPort = (schedules: RpcFunctions<typeof SchedulesServiceService>) =>
  ({
    schedules: ({ call, agent, userId, channel, chatId, peerKind }) =>
      agent && {
        manage: async (operation, params) => {
          const asked = { agentId: agent.id, userId, channel, chatId, peerKind, operation }
          const paramsJson = JSON.stringify(params)
          const { resultJson } = await toldToModel(() => schedules.manageSchedule(call, { ...asked, paramsJson }))
          return JSON.parse(resultJson) as unknown
        },
      },
  }) satisfies PortMakers<CallScope>
