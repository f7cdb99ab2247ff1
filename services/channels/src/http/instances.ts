import type { BodyOf, http } from '@clawmesh/contracts'
import type { Handlers } from '@clawmesh/chassis'
import { masked, type CredentialChanges } from '../domain/credentials.ts'
import { isDefault, type ChannelInstanceUseCases, type InstanceChanges } from '../domain/instances.ts'
import type { ChannelInstance, JsonObject } from '../domain/types.ts'

type UpdateBody = BodyOf<typeof http.channels.operations.updateChannelInstance>

const toResponse = (instance: ChannelInstance) => ({
  id: instance.id,
  name: instance.name,
  display_name: instance.displayName,
  channel_type: instance.channelType,
  agent_id: instance.agentId,
  config: instance.config,
  enabled: instance.enabled,
  is_default: isDefault(instance),
  has_credentials: instance.credentialKeys.length > 0,
  credentials: masked(instance.credentialKeys),
  created_by: instance.createdBy,
  created_at: instance.createdAt.toISOString(),
  updated_at: instance.updatedAt.toISOString(),
})

/** The entries that are given. */
const present = <T extends object>(entries: T): { [K in keyof T]?: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(entries).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>
  }
const unlessEmpty = <T extends JsonObject>(entries: T): T | undefined =>
  Object.keys(entries).length === 0 ? undefined : entries

/** An empty object or null clears, as clients of the contract expect; the secret beside it is one more entry. */
const toCredentialChanges = ({ credentials, webhook_secret }: UpdateBody): CredentialChanges | undefined => {
  if (credentials === undefined && webhook_secret === undefined) return undefined
  return {
    clear: credentials === null || (credentials !== undefined && Object.keys(credentials).length === 0),
    entries: { ...credentials, ...present({ webhook_secret }) },
  }
}

/** Fields without a place of their own are folded into config and credentials. */
const toChanges = (body: UpdateBody): InstanceChanges => {
  const { name, display_name, channel_type, agent_id, config, enabled, group_policy, allow_from, metadata } = body
  return present({
    name,
    displayName: display_name,
    channelType: channel_type,
    agent: agent_id,
    enabled,
    config: config === null ? {} : config,
    configEntries: unlessEmpty(present({ group_policy, allow_from, metadata })),
    credentials: toCredentialChanges(body),
  })
}

export const createChannelInstanceHandlers = (instances: ChannelInstanceUseCases): Handlers<typeof http.channels> => ({
  listChannelInstances: async ({ caller, query }) => {
    const { search, channel_type, limit, offset } = query
    const page = await instances.list(caller, {
      search,
      // The command line writes types with dashes.
      channelType: channel_type?.replaceAll('-', '_'),
      limit,
      offset,
    })
    return { instances: page.instances.map(toResponse), total: page.total, limit, offset }
  },
  createChannelInstance: async ({ call, body }) =>
    toResponse(
      await instances.create(call, {
        name: body.name,
        displayName: body.display_name,
        channelType: body.channel_type,
        agent: body.agent_id,
        config: body.config ?? {},
        credentials: body.credentials ?? {},
        enabled: body.enabled,
      }),
    ),
  getChannelInstance: async ({ caller, params }) => toResponse(await instances.get(caller, params.id)),
  updateChannelInstance: async ({ call, params, body }) => {
    await instances.update(call, params.id, toChanges(body))
    return { status: 'updated' }
  },
  deleteChannelInstance: async ({ call, params }) => {
    await instances.remove(call, params.id)
    return { status: 'deleted' }
  },
})
