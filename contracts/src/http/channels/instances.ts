import { z } from 'zod'
import { idParams, json, page, statusIs, timestamp, uuid } from '../common.ts'
import { defineHttpTable } from '../operation.ts'

export const channelTypes = ['telegram', 'discord', 'slack', 'whatsapp', 'zalo_oa', 'zalo_personal', 'feishu'] as const

export const channelInstance = z
  .object({
    id: uuid,
    name: z.string(),
    display_name: z.string(),
    channel_type: z.enum(channelTypes),
    agent_id: uuid,
    config: json,
    enabled: z.boolean(),
    is_default: z.boolean(),
    has_credentials: z.boolean(),
    credentials: z.record(z.string(), z.literal('***')).describe('Every stored key with the value "***"'),
    created_by: z.string(),
    created_at: timestamp,
    updated_at: timestamp,
  })
  .meta({ id: 'ChannelInstance', description: 'A chat channel that an agent answers in' })

const alias = (id: string, suffix = '') => [{ path: `/v1/channel-instances${suffix}`, id }] as const

export const channelInstances = defineHttpTable('channels', {
  listChannelInstances: {
    method: 'GET',
    path: '/v1/channels/instances',
    aliases: alias('listChannelInstancesAlias'),
    role: 'viewer',
    summary: 'Channel instances, secrets masked',
    rules: {
      ordersByName: 'Instances come in the order of their names',
      countsAllMatches: '`total` counts all that match, whatever the page',
      searchesLiterally:
        '`search` finds a part of name, display name or channel type in any case; `%` and `_` stand for themselves',
      filtersByType: '`channel_type` keeps one type; dashes count as underscores',
      capsThePage:
        'A limit above 200 is 200; zero, a negative or an unreadable one is refused, an offset that makes no sense is 0',
    },
    query: z.object({
      search: z.string().max(200).optional().describe('Text that the name contains'),
      channel_type: z.string().max(50).optional().describe('Only instances of this type'),
      ...page(50, 200),
    }),
    response: {
      200: z.object({
        instances: z.array(channelInstance),
        total: z.number().int(),
        limit: z.number().int(),
        offset: z.number().int(),
      }),
    },
    errors: [],
  },
  createChannelInstance: {
    method: 'POST',
    path: '/v1/channels/instances',
    aliases: alias('createChannelInstanceAlias'),
    role: 'admin',
    summary: 'Create a channel instance',
    rules: {
      isForAdmins: 'An operator may not create instances',
      requiresNameTypeAndAgent: 'Name, channel type and agent are required, and a name has at most 100 characters',
      refusesUnknownTypes: 'A channel type that is not one of the known is refused',
      takesAgentKeys: 'The agent may be named by its id or by its key; an unknown one is answered 404',
      defaultsToEnabled: 'An instance is enabled unless said otherwise, and remembers the user who created it',
      sealsCredentials: 'Credentials are stored encrypted and show as their names with a mask',
      showsAnEmptyConfig: 'A config that is left out is an empty object',
      keepsNamesUnique: 'A name that is taken in the tenant is answered 409; names may contain a slash',
      recordsTheCreation: 'The creation is an event and an entry of the audit log',
      checksSettings:
        'Where the channel type is run here, `config` and `credentials` are checked as that type has them',
      needsNoCredentials: 'An instance may be created without credentials, which come later',
    },
    body: z.object({
      name: z.string().trim().min(1).max(100),
      display_name: z.string().max(255).default(''),
      channel_type: z.enum(channelTypes),
      agent_id: z.string().min(1).max(100).describe('Id or key of the agent'),
      credentials: json.nullish(),
      config: json.nullish(),
      enabled: z.boolean().default(true),
    }),
    response: { 201: channelInstance },
    errors: [400, 404, 409],
  },
  getChannelInstance: {
    method: 'GET',
    path: '/v1/channels/instances/{id}',
    aliases: alias('getChannelInstanceAlias', '/{id}'),
    role: 'viewer',
    summary: 'One channel instance, secrets masked',
    rules: {
      answersTheInstanceAlone:
        'The answer is the instance itself; what is no id is refused, an unknown one and one of another tenant are answered 404',
    },
    params: idParams,
    response: { 200: channelInstance },
    errors: [400, 404],
  },
  updateChannelInstance: {
    method: 'PUT',
    path: '/v1/channels/instances/{id}',
    aliases: alias('updateChannelInstanceAlias', '/{id}'),
    role: 'admin',
    summary: 'Change some fields; config is replaced, credentials are merged key by key',
    rules: {
      isForAdmins: 'An operator may not change instances',
      writesWhatIsGiven: 'Only fields that are given are written, and fields that do not exist are ignored',
      foldsFieldsIntoConfig:
        '`group_policy`, `allow_from` and `metadata` become entries of the config, `webhook_secret` one of the credentials',
      replacesTheConfig: '`config` replaces the stored one as a whole',
      mergesCredentials: '`credentials` are laid over the stored ones key by key, also by several requests at once',
      clearsCredentials: '`credentials` of `{}` or null clear what is stored',
      keepsMaskedCredentials: 'A value of `***` keeps what is stored, so that a shown instance can be sent back',
      refusesUnknownInstances: 'An unknown instance is answered 404',
      checksWhatIsGiven: 'Name, type and agent are checked as at the creation',
      keepsNamesUnique: 'A name that another instance of the tenant has is answered 409',
      answersAStatus: 'The answer is a status alone',
      recordsTheChange: 'A change is an event and an entry of the audit log; where nothing changes there is none',
      checksSettings:
        'Where the channel type is run here, the resulting config and credentials are checked as that type has them',
    },
    params: idParams,
    body: z.object({
      name: z.string().trim().min(1).max(100).optional(),
      display_name: z.string().max(255).optional(),
      channel_type: z.enum(channelTypes).optional(),
      agent_id: z.string().min(1).max(100).optional(),
      credentials: json.nullish(),
      config: json.nullish(),
      enabled: z.boolean().optional(),
      group_policy: z.string().max(50).optional().describe('Folded into config'),
      allow_from: z.array(z.string()).optional().describe('Folded into config'),
      metadata: json.optional().describe('Folded into config'),
      webhook_secret: z.string().max(1000).optional().describe('Folded into credentials'),
    }),
    response: { 200: statusIs('updated') },
    errors: [400, 404, 409],
  },
  deleteChannelInstance: {
    method: 'DELETE',
    path: '/v1/channels/instances/{id}',
    aliases: alias('deleteChannelInstanceAlias', '/{id}'),
    role: 'admin',
    summary: 'Delete a channel instance that is not a default one',
    rules: {
      isForAdmins: 'An operator may not delete instances',
      keepsDefaultInstances:
        'An instance by the name of telegram, discord, feishu, zalo_oa or whatsapp, or one that ends in `/default`, stays: 403',
      recordsTheDeletion: 'The deletion is an event and an entry of the audit log, and ends the running channel',
      makesItUnknown: 'What is deleted, or was never there, is answered 404',
    },
    params: idParams,
    response: { 200: statusIs('deleted') },
    errors: [400, 404],
  },
})
