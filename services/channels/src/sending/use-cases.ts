/** Texts to chats that did not ask for them just now: from an operator, or from a scheduled run. */
import { MeshError, type Caller } from '@clawmesh/contracts'
import type { ChannelAccount, ChannelType, OutgoingMessage } from '../adapters/adapter.ts'
import { readSettings } from '../adapters/settings.ts'
import type { Adapters } from '../adapters/table.ts'
import type { Credentials, JsonObject } from '../instances/types.ts'

type SendingInstance = ChannelAccount['instance'] & {
  channelType: ChannelType
  enabled: boolean
  config: JsonObject
  /** @throws Error when they cannot be opened */
  credentials: () => Credentials
}

export interface SendingRows {
  find: (name: string) => Promise<SendingInstance | undefined>
}

interface Parts {
  rowsOf: (tenantId: string) => SendingRows
  adapters: Pick<Adapters, 'find'>
}

export const createSendingUseCases = ({ rowsOf, adapters }: Parts) => ({
  /**
   * What sends texts through an instance of the caller's tenant.
   * @throws NOT_FOUND; FAILED_PRECONDITION for one that is off or whose platform has no adapter
   */
  through: async ({ tenantId }: Caller, channel: string): Promise<(message: OutgoingMessage) => Promise<void>> => {
    const found = await rowsOf(tenantId).find(channel)
    if (found === undefined) throw new MeshError('NOT_FOUND', 'error.not_found', { kind: 'channel', id: channel })
    const { id, name, agentId, channelType, enabled, config, credentials } = found
    if (!enabled) throw new MeshError('FAILED_PRECONDITION', 'error.channel_off', { id: channel })
    const adapter = await adapters.find(channelType)
    if (adapter === undefined) throw new MeshError('FAILED_PRECONDITION', 'error.no_adapter', { id: channelType })
    return (message) => {
      const settings = readSettings(adapter, { config, credentials: credentials() }, 'en')
      const { config: adapterConfig, credentials: adapterCredentials } = settings
      const instance = { id, tenantId, name, agentId }
      return adapter.send({ instance, config: adapterConfig, credentials: adapterCredentials }, message)
    }
  },
})

export type SendingUseCases = ReturnType<typeof createSendingUseCases>
