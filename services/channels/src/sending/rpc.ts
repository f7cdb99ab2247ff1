import type { RpcFunctions } from '@clawmesh/chassis'
import type { ChannelsServiceService } from '@clawmesh/contracts/gen/clawmesh/channels/v1/channels.ts'
import type { Adapters } from '../adapters/table.ts'
import type { SendingUseCases } from './use-cases.ts'

export const createSendingRpc = (sending: SendingUseCases, adapters: Pick<Adapters, 'types'>) =>
  ({
    sendText: async ({ caller }, { channel, chatId, text }) => {
      const send = await sending.through(caller, channel)
      await send({ chatId, text })
      return {}
    },
    listPlatforms: async () => ({ channelTypes: [...adapters.types].sort() }),
  }) satisfies Partial<RpcFunctions<typeof ChannelsServiceService>>
