/** What channels knows of an instance, as its use cases speak of it. */
import type { http } from '@clawmesh/contracts'
import type { BodyShape, QueryShape, ResponseShape } from '@clawmesh/chassis'

type Operations = typeof http.channelInstances.operations

export type JsonObject = Record<string, unknown>
/** Secret values by name, in plain. They exist only while they are being changed. */
export type Credentials = Record<string, unknown>

export type ChannelInstance = Omit<
  ResponseShape<Operations['getChannelInstance']['response'][200]>,
  'isDefault' | 'hasCredentials' | 'credentials'
> & {
  /** Names of the stored credentials; their values stay in the rows. */
  credentialKeys: string[]
}

/** What of an instance can be written. */
export type InstanceFields = Pick<
  ChannelInstance,
  'name' | 'displayName' | 'channelType' | 'agentId' | 'config' | 'enabled'
> & { credentials: Credentials }

/** As clients send it; `agentId` is the id or key of an agent. */
export type NewInstance = BodyShape<Operations['createChannelInstance']>
export type InstanceChanges = BodyShape<Operations['updateChannelInstance']>
export type InstanceFilter = QueryShape<Operations['listChannelInstances']>
