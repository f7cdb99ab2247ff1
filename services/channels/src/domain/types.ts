/** The things channels knows, as its domain speaks of them. */
import type { channelTypes } from '@clawmesh/contracts'

export type ChannelType = (typeof channelTypes)[number]
export type JsonObject = Record<string, unknown>
/** Secret values by name, in plain. They exist only while they are being changed. */
export type Credentials = Record<string, unknown>

export interface ChannelInstance {
  id: string
  /** Unique within the tenant. */
  name: string
  displayName: string
  channelType: ChannelType
  agentId: string
  config: JsonObject
  /** Names of the stored credentials; their values stay in the store. */
  credentialKeys: string[]
  enabled: boolean
  createdBy: string
  createdAt: Date
  updatedAt: Date
}

/** What of an instance can be written. */
export type InstanceFields = Pick<
  ChannelInstance,
  'name' | 'displayName' | 'channelType' | 'agentId' | 'config' | 'enabled'
> & { credentials: Credentials }

export interface InstanceFilter {
  /** A part of name, display name or channel type, in any case. */
  search?: string | undefined
  channelType?: string | undefined
  limit: number
  offset: number
}
