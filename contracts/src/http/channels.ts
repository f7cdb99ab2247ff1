import { z } from 'zod'
import { idParams, json, page, statusIs, timestamp, uuid } from './common.ts'
import { defineHttpService } from './operation.ts'

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

export const channels = defineHttpService('channels', {
  listChannelInstances: {
    method: 'GET',
    path: '/v1/channels/instances',
    aliases: alias('listChannelInstancesAlias'),
    role: 'viewer',
    summary: 'Channel instances, secrets masked',
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
    params: idParams,
    response: { 200: statusIs('deleted') },
    errors: [400, 404],
  },
})
