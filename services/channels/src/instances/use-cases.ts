/** The channel instances of a tenant: the chat accounts through which its users reach agents. */
import { MeshError, type Caller } from '@clawmesh/contracts'
import { actorOf, newId, present, type Actor, type Call } from '@clawmesh/chassis'
import { readSettings } from '../adapters/settings.ts'
import type { Adapters } from '../adapters/table.ts'
import { mergeCredentials } from './credentials.ts'
import type {
  ChannelInstance,
  Credentials,
  InstanceChanges,
  InstanceFields,
  InstanceFilter,
  JsonObject,
  NewInstance,
} from './types.ts'

/** The rows of one tenant. */
export interface InstanceRows {
  /** One page by name, and how many match in all. */
  list: (filter: InstanceFilter) => Promise<{ instances: ChannelInstance[]; total: number }>
  find: (id: string) => Promise<ChannelInstance | undefined>
  /** @throws ALREADY_EXISTS */
  insert: (
    instance: InstanceFields & Pick<ChannelInstance, 'id' | 'createdBy'>,
    actor: Actor,
  ) => Promise<ChannelInstance>
  /**
   * Writes what `change` makes of the stored instance, which nobody else changes meanwhile. False when there is none;
   * nothing is written, and there is no event, when nothing changes. @throws ALREADY_EXISTS
   */
  update: (
    id: string,
    actor: Actor,
    change: (stored: ChannelInstance, credentials: () => Credentials) => Promise<Partial<InstanceFields>>,
  ) => Promise<boolean>
  /** False when there is none. */
  remove: (id: string, actor: Actor) => Promise<boolean>
  /** There is one event for each removed row, whoever else removes them at the same time. */
  removeOfAgent: (agentId: string, actor: Actor) => Promise<void>
  /** There is one event for each instance that goes off. */
  switchOffOfAgent: (agentId: string, actor: Actor) => Promise<void>
  agentsOpenTo: (userId: string) => Promise<string[]>
}

/** The id of an agent of the caller's tenant, by id or key; undefined when there is none. */
export type FindAgentId = (call: Call, agent: string) => Promise<string | undefined>

/** Names of the instances that an installation comes with. */
const defaultNames: ReadonlySet<string> = new Set(['telegram', 'discord', 'feishu', 'zalo_oa', 'whatsapp'])

/** Whether an instance is one of those that an installation comes with, which its name alone tells. */
export const isDefault = ({ name }: Pick<ChannelInstance, 'name'>): boolean =>
  name.endsWith('/default') || defaultNames.has(name)

const notFound = (kind: string, id: string) => new MeshError('NOT_FOUND', 'error.not_found', { kind, id })

/** Fields without a place of their own are folded into the config, on top of what is given or stored. */
const configAfter = (
  { config, groupPolicy, allowFrom, metadata }: InstanceChanges,
  stored: JsonObject,
): JsonObject | undefined => {
  const folded = present({ group_policy: groupPolicy, allow_from: allowFrom, metadata })
  if (config === undefined && Object.keys(folded).length === 0) return undefined
  return { ...(config === undefined ? stored : config), ...folded }
}

/** An empty object or null clears, as clients of the contract expect; the secret beside it is one more entry. */
const credentialsAfter = (
  { credentials, webhookSecret }: InstanceChanges,
  stored: () => Credentials,
): Credentials | undefined => {
  if (credentials === undefined && webhookSecret === undefined) return undefined
  const clears = credentials === null || (credentials !== undefined && Object.keys(credentials).length === 0)
  // What is to be dropped need not be readable: a lost key can be mended by clearing.
  return mergeCredentials(clears ? {} : stored(), { ...credentials, ...present({ webhook_secret: webhookSecret }) })
}

export interface InstanceParts {
  rowsOf: (tenantId: string) => InstanceRows
  findAgentId: FindAgentId
  adapters: Pick<Adapters, 'find'>
}

export const createInstanceUseCases = ({ rowsOf, findAgentId, adapters }: InstanceParts) => {
  /** @throws INVALID_REQUEST when the channel type has an adapter and it cannot be run with these */
  const checkSettings = async (
    { locale }: Caller,
    type: ChannelInstance['channelType'],
    config: JsonObject,
    credentials: Credentials | undefined,
  ): Promise<void> => {
    const adapter = await adapters.find(type)
    const given = Object.keys(credentials ?? {}).length > 0 ? credentials : undefined
    if (adapter !== undefined) readSettings(adapter, { config, credentials: given }, locale)
  }

  /** @throws NOT_FOUND */
  const requireAgentId = async (call: Call, agent: string): Promise<string> => {
    const id = await findAgentId(call, agent)
    if (id === undefined) throw notFound('agent', agent)
    return id
  }

  /** @throws NOT_FOUND */
  const get = async ({ tenantId }: Caller, id: string): Promise<ChannelInstance> => {
    const instance = await rowsOf(tenantId).find(id)
    if (instance === undefined) throw notFound('channel instance', id)
    return instance
  }

  return {
    get,

    list: ({ tenantId }: Caller, filter: InstanceFilter) =>
      // The command line writes types with dashes.
      rowsOf(tenantId).list({ ...filter, channelType: filter.channelType?.replaceAll('-', '_') }),

    /** @throws NOT_FOUND for an unknown agent, ALREADY_EXISTS for a name that is taken */
    create: async (call: Call, { agentId: agent, config, credentials, ...fields }: NewInstance) => {
      const { tenantId, userId } = call.caller
      const settings = { config: config ?? {}, credentials: mergeCredentials({}, credentials ?? {}) }
      await checkSettings(call.caller, fields.channelType, settings.config, settings.credentials)
      const agentId = await requireAgentId(call, agent)
      return rowsOf(tenantId).insert({ ...fields, ...settings, id: newId(), agentId, createdBy: userId }, actorOf(call))
    },

    /** @throws NOT_FOUND for an unknown instance or agent, ALREADY_EXISTS for a name that is taken */
    update: async (call: Call, id: string, changes: InstanceChanges): Promise<void> => {
      const { caller } = call
      await get(caller, id)
      const { agentId: agent, name, displayName, channelType, enabled } = changes
      const agentId = agent === undefined ? undefined : await requireAgentId(call, agent)
      const updated = await rowsOf(caller.tenantId).update(id, actorOf(call), async (stored, storedCredentials) => {
        const config = configAfter(changes, stored.config)
        const credentials = credentialsAfter(changes, storedCredentials)
        const type = channelType ?? stored.channelType
        if (type !== stored.channelType)
          await checkSettings(caller, type, config ?? stored.config, credentials ?? storedCredentials())
        else if (config !== undefined || credentials !== undefined)
          await checkSettings(caller, type, config ?? stored.config, credentials)
        return { name, displayName, channelType, enabled, agentId, config, credentials }
      })
      if (!updated) throw notFound('channel instance', id)
    },

    /** @throws NOT_FOUND, FORBIDDEN for a default instance */
    remove: async (call: Call, id: string): Promise<void> => {
      const { caller } = call
      if (isDefault(await get(caller, id))) throw new MeshError('FORBIDDEN', 'error.cannot_delete_default_inst')
      if (!(await rowsOf(caller.tenantId).remove(id, actorOf(call)))) throw notFound('channel instance', id)
    },

    /** Removes what a deleted agent leaves behind, default instances too; again is fine. */
    removeOfAgent: (tenantId: string, agentId: string, actor: Actor): Promise<void> =>
      rowsOf(tenantId).removeOfAgent(agentId, actor),

    /** Switches off the instances of an agent that has become inactive; they stay off until somebody switches them on. */
    switchOffOfAgent: (tenantId: string, agentId: string, actor: Actor): Promise<void> =>
      rowsOf(tenantId).switchOffOfAgent(agentId, actor),

    /** Ids of the agents that a user may reach through an enabled instance, because its `allow_from` names them. */
    agentsOpenTo: async ({ tenantId }: Caller, userId: string): Promise<string[]> =>
      userId === '' ? [] : rowsOf(tenantId).agentsOpenTo(userId),
  }
}

export type InstanceUseCases = ReturnType<typeof createInstanceUseCases>
