import { type ChannelsServiceService } from '@clawmesh/contracts/gen/clawmesh/channels/v1/channels.ts'
import type { RpcFunctions } from '@clawmesh/chassis'
import type { ChannelInstanceUseCases } from '../domain/instances.ts'

export const createChannelsRpc = (instances: ChannelInstanceUseCases): RpcFunctions<typeof ChannelsServiceService> => ({
  listAgentsOpenTo: async ({ caller }, { userId }) => ({ agentIds: await instances.agentsOpenTo(caller, userId) }),
})
