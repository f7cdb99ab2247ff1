import { z } from 'zod'
import { json, okBool, timestamp, uuid } from '../../http/common.ts'
import { defineWsTable } from '../method.ts'

const agent = z.string().min(1).max(100).describe('Key or id of the agent')
export const linkDirections = ['outbound', 'inbound', 'bidirectional'] as const
export const linkStatuses = ['active', 'disabled'] as const
const direction = z.enum(linkDirections)
const description = z.string().max(2_000)
const mostConcurrent = 1_000

const link = z.object({
  id: uuid,
  created_at: timestamp,
  updated_at: timestamp,
  source_agent_id: uuid,
  target_agent_id: uuid,
  direction,
  description,
  max_concurrent: z.number().int(),
  settings: json,
  status: z.enum(linkStatuses),
  created_by: z.string(),
  source_agent_key: z.string(),
  target_agent_key: z.string(),
  target_display_name: z.string(),
  target_description: z.string(),
})

const ownership =
  'Only the owner of the agent that hands work out, or a system owner, may do it; without a user id the role alone decides'

export const agentLinks = defineWsTable('agents', {
  'agents.links.list': {
    role: 'admin',
    summary: 'To whom an agent may hand work, or who may hand work to it',
    rules: {
      looksBothWays: '`direction` is from (the links of the agent, by default), to (those that lead to it) or all',
      ordersByArrival: 'The oldest comes first, and `count` counts them',
    },
    params: z.object({ agentId: agent, direction: z.enum(['from', 'to', 'all']).default('from') }),
    aliases: { agentId: ['agent_id'] },
    result: z.object({ links: z.array(link), count: z.number().int() }),
    errors: ['NOT_FOUND'],
  },
  'agents.links.create': {
    role: 'admin',
    summary: 'Let an agent hand work to another',
    rules: {
      requiresOwnership: ownership,
      needsTwoAgents: 'Source and target differ, and the target is predefined; anything else is INVALID_REQUEST',
      linksOnce: 'Two agents that are linked already are answered ALREADY_EXISTS',
      hasDefaults: 'The direction is outbound and three runs may be under way at once, zero or less counts as left out',
      tellsAdmins:
        'Admins hear of it as `agent_link.created`, of changes as `agent_link.updated`, of the end as `agent_link.deleted`',
      isAudited: 'It is an entry of the audit log, agent_link.created',
    },
    params: z.object({
      sourceAgent: agent,
      targetAgent: agent,
      direction: direction.default('outbound'),
      description: description.default(''),
      maxConcurrent: z
        .number()
        .int()
        .max(mostConcurrent)
        .overwrite((most) => (most <= 0 ? 3 : most))
        .default(3),
      settings: json.default({}),
    }),
    aliases: {
      sourceAgent: ['source_agent', 'source', 'source_agent_id'],
      targetAgent: ['target_agent', 'target', 'target_agent_id'],
      maxConcurrent: ['max_concurrent'],
    },
    result: z.object({ link }),
    errors: ['NOT_FOUND', 'ALREADY_EXISTS'],
  },
  'agents.links.update': {
    role: 'admin',
    summary: 'Change a link',
    rules: {
      requiresOwnership: ownership,
      changesWhatIsGiven: 'What is not given stays as it is; without anything it is INVALID_REQUEST',
      isAudited: 'It is an entry of the audit log, agent_link.updated',
    },
    params: z.object({
      linkId: uuid,
      direction: direction.optional(),
      description: description.optional(),
      maxConcurrent: z.number().int().min(1).max(mostConcurrent).optional(),
      settings: json.optional(),
      status: z.enum(linkStatuses).optional(),
    }),
    aliases: { linkId: ['link_id', 'id'], maxConcurrent: ['max_concurrent'] },
    result: okBool,
    errors: ['NOT_FOUND'],
  },
  'agents.links.delete': {
    role: 'admin',
    summary: 'End a link',
    rules: {
      requiresOwnership: ownership,
      removesTheLink: 'The link is gone; one that is not there is NOT_FOUND',
      isAudited: 'It is an entry of the audit log, agent_link.deleted',
    },
    params: z.object({ linkId: uuid }),
    aliases: { linkId: ['link_id', 'id'] },
    result: okBool,
    errors: ['NOT_FOUND'],
  },
})
