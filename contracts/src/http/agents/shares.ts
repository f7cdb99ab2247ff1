import { z } from 'zod'
import { okString, timestamp, userId, uuid } from '../common.ts'
import { defineHttpTable } from '../operation.ts'
import { agentParams } from './agents.ts'

const agentShare = z
  .object({
    id: uuid,
    created_at: timestamp,
    agent_id: uuid,
    user_id: userId,
    role: z.string().max(20),
    granted_by: userId.describe('User who granted it last; empty where the request named none'),
  })
  .meta({ id: 'AgentShare', description: 'The permission of a user to use an agent that is not theirs' })

const alias = (id: string, suffix = '') => [{ path: `/v1/agents/{id}/sharing${suffix}`, id }] as const

export const shares = defineHttpTable('agents', {
  listAgentShares: {
    method: 'GET',
    path: '/v1/agents/{id}/shares',
    aliases: alias('listAgentSharing'),
    role: 'viewer',
    ownerOnly: true,
    summary: 'The users an agent is shared with, in the order in which they came',
    rules: {
      requiresOwnership:
        'Only the owner of the agent or a system owner may see its shares; without a user id the role alone decides',
      takesIdOrKey: 'The agent is named by its id or by its key; an unknown one is answered 404',
      ordersByArrival: 'All shares come at once, the oldest first; without any the list is empty',
    },
    params: agentParams,
    response: { 200: z.object({ shares: z.array(agentShare) }) },
    errors: [404],
  },
  shareAgent: {
    method: 'POST',
    path: '/v1/agents/{id}/shares',
    aliases: alias('shareAgentAlias'),
    role: 'admin',
    ownerOnly: true,
    summary: 'Share an agent with a user, or change the role of a share',
    rules: {
      requiresOwnership:
        'Only admins who own the agent, or a system owner, may share it; without a user id the role alone decides',
      takesIdOrKey: 'The agent is named by its id or by its key; an unknown one is answered 404',
      changesRoles: 'A user who is named again gets the new role and granter, and the answer is 201 as before',
      checksTheUser: 'A user id is required and has at most 255 characters',
      takesAnyRole: 'The role is `user` where it is left out or empty, and any text of at most 20 characters otherwise',
      remembersTheGranter: '`granted_by` is the calling user, empty where the request names none',
      actsAtOnce: 'The user may use the agent from the next request on, whatever the role of the share',
      isAudited: 'It is an event and an entry of the audit log, agent.shared',
    },
    params: agentParams,
    body: z.object({
      user_id: userId.min(1),
      role: z
        .string()
        .max(20)
        .overwrite((role) => role || 'user')
        .default('user'),
    }),
    response: { 201: okString },
    errors: [404],
  },
  revokeAgentShare: {
    method: 'DELETE',
    path: '/v1/agents/{id}/shares/{userID}',
    aliases: alias('revokeAgentSharing', '/{userID}'),
    role: 'admin',
    ownerOnly: true,
    summary: "End a user's share of an agent; fine where there is none",
    rules: {
      requiresOwnership:
        'Only admins who own the agent, or a system owner, may end a share; without a user id the role alone decides',
      takesIdOrKey: 'The agent is named by its id or by its key; an unknown one is answered 404',
      actsAtOnce: 'The user may not use the agent from the next request on',
      isFineForStrangers: 'A user without a share is answered 200 as well, and nothing is recorded',
      isAudited: 'It is an event and an entry of the audit log, agent.share_revoked',
    },
    params: agentParams.extend({ userID: userId.min(1).describe('Id of the user') }),
    response: { 200: okString },
    errors: [404],
  },
})
