import { MeshError, type Caller } from '@clawmesh/contracts'
import { actorOf, newId, type Actor, type Call } from '@clawmesh/chassis'
import type { ChannelStore } from '../store/store.ts'
import { mergeCredentials, type CredentialChanges } from './credentials.ts'
import type { ChannelInstance, Credentials, InstanceFields, InstanceFilter, JsonObject } from './types.ts'

/** Names of the instances that an installation comes with. */
const defaultNames: ReadonlySet<string> = new Set(['telegram', 'discord', 'feishu', 'zalo_oa', 'whatsapp'])

/** Whether an instance is one of those that an installation comes with, which its name alone tells. */
export const isDefault = ({ name }: Pick<ChannelInstance, 'name'>): boolean =>
  name.endsWith('/default') || defaultNames.has(name)

export interface NewInstance extends Omit<InstanceFields, 'agentId'> {
  /** Id or key of the agent. */
  agent: string
}

/** Absent fields stay as they are. */
export type InstanceChanges = Partial<Omit<NewInstance, 'credentials'>> & {
  /** Set in the config after `config` has replaced it, or in the stored one. */
  configEntries?: JsonObject
  credentials?: CredentialChanges
}

/** The id of an agent of the caller's tenant, by id or key; undefined when there is none. */
export type FindAgentId = (call: Call, agent: string) => Promise<string | undefined>

const notFound = (id: string) => new MeshError('NOT_FOUND', 'error.not_found', { kind: 'channel instance', id })

/** What to write for the changes, given what is stored. */
const applied = (
  { config, configEntries, credentials, agent: _agent, ...plain }: InstanceChanges,
  agentId: string | undefined,
  stored: ChannelInstance,
  storedCredentials: () => Credentials,
): Partial<InstanceFields> => ({
  ...plain,
  ...(agentId === undefined ? {} : { agentId }),
  ...(config === undefined && configEntries === undefined
    ? {}
    : { config: { ...(config ?? stored.config), ...configEntries } }),
  ...(credentials === undefined
    ? {}
    : // What is to be dropped need not be readable: a lost key can be mended by clearing.
      { credentials: mergeCredentials(credentials.clear ? {} : storedCredentials(), credentials) }),
})

/** The channel instances of the caller's tenant. */
export const createChannelInstanceUseCases = (store: ChannelStore, findAgentId: FindAgentId) => {
  /** @throws NOT_FOUND */
  const requireAgentId = async (call: Call, agent: string): Promise<string> => {
    const id = await findAgentId(call, agent)
    if (id === undefined) throw new MeshError('NOT_FOUND', 'error.not_found', { kind: 'agent', id: agent })
    return id
  }

  /** @throws NOT_FOUND */
  const get = async (caller: Caller, id: string): Promise<ChannelInstance> => {
    const instance = await store.instances(caller.tenantId).find(id)
    if (instance === undefined) throw notFound(id)
    return instance
  }

  return {
    get,

    /** One page by name, and how many match in all. */
    list: (caller: Caller, filter: InstanceFilter): Promise<{ instances: ChannelInstance[]; total: number }> =>
      store.instances(caller.tenantId).list(filter),

    /** @throws NOT_FOUND for an unknown agent, ALREADY_EXISTS for a name that is taken */
    create: async (call: Call, { agent, credentials, ...fields }: NewInstance): Promise<ChannelInstance> => {
      const { caller } = call
      const agentId = await requireAgentId(call, agent)
      return store.instances(caller.tenantId).insert(
        {
          ...fields,
          id: newId(),
          agentId,
          credentials: mergeCredentials({}, { clear: true, entries: credentials }),
          createdBy: caller.userId,
        },
        actorOf(call),
      )
    },

    /** @throws NOT_FOUND for an unknown instance or agent, ALREADY_EXISTS for a name that is taken */
    update: async (call: Call, id: string, changes: InstanceChanges): Promise<void> => {
      const { caller } = call
      await get(caller, id)
      const agentId = changes.agent === undefined ? undefined : await requireAgentId(call, changes.agent)
      const updated = await store
        .instances(caller.tenantId)
        .update(id, actorOf(call), (stored, credentials) => applied(changes, agentId, stored, credentials))
      if (!updated) throw notFound(id)
    },

    /** @throws NOT_FOUND, FORBIDDEN for a default instance */
    remove: async (call: Call, id: string): Promise<void> => {
      const { caller } = call
      if (isDefault(await get(caller, id))) throw new MeshError('FORBIDDEN', 'error.cannot_delete_default_inst')
      if (!(await store.instances(caller.tenantId).remove(id, actorOf(call)))) throw notFound(id)
    },

    /** Removes what a deleted agent leaves behind, default instances too; again is fine. */
    removeOfAgent: (tenantId: string, agentId: string, actor: Actor): Promise<void> =>
      store.instances(tenantId).removeOfAgent(agentId, actor),

    /** Ids of the agents that a user may reach through an enabled instance, because its `allow_from` names them. */
    agentsOpenTo: async (caller: Caller, userId: string): Promise<string[]> =>
      userId === '' ? [] : store.instances(caller.tenantId).agentsOpenTo(userId),
  }
}

export type ChannelInstanceUseCases = ReturnType<typeof createChannelInstanceUseCases>
