import { type ChannelsServiceService } from '@clawmesh/contracts/gen/clawmesh/channels/v1/channels.ts'
import type { RpcFunctions } from '@clawmesh/chassis'
import type { InstanceUseCases } from './use-cases.ts'

export const createInstanceRpc = (instances: InstanceUseCases) =>
  ({
    listAgentsOpenTo: async ({ caller }, { userId }) => ({ agentIds: await instances.agentsOpenTo(caller, userId) }),
  }) satisfies Partial<RpcFunctions<typeof ChannelsServiceService>>
