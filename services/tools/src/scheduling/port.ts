/** What an agent does at set times, as the agents service keeps it. */
import type { SchedulesServiceService } from '@clawmesh/contracts/gen/clawmesh/agents/v1/schedules.ts'
import { MeshError } from '@clawmesh/contracts'
import type { RpcFunctions } from '@clawmesh/chassis'
import type { CallScope } from '../invoke/types.ts'
import type { PortMakers } from '../tool/ports.ts'
import { toolError } from '../tool/tool-error.ts'

/** What the model can do something about. */
const ofTheModel: readonly string[] = ['INVALID_REQUEST', 'NOT_FOUND', 'FORBIDDEN', 'ALREADY_EXISTS']

export const createSchedulesPort = (schedules: RpcFunctions<typeof SchedulesServiceService>) =>
  ({
    schedules: ({ call, agent, userId, channel, chatId, peerKind }) =>
      agent && {
        manage: async (operation, params) => {
          const asked = { agentId: agent.id, userId, channel, chatId, peerKind, operation }
          try {
            const { resultJson } = await schedules.manageSchedule(call, {
              ...asked,
              paramsJson: JSON.stringify(params),
            })
            return JSON.parse(resultJson) as unknown
          } catch (thrown) {
            if (thrown instanceof MeshError && ofTheModel.includes(thrown.code)) throw toolError(thrown.message)
            throw thrown
          }
        },
      },
  }) satisfies PortMakers<CallScope>
