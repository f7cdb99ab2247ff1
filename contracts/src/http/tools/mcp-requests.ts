import { z } from 'zod'
import { idParams, timestamp, userId, uuid } from '../common.ts'
import { defineHttpTable } from '../operation.ts'
import { toolNames } from './mcp-servers.ts'

const states = ['pending', 'approved', 'rejected'] as const
const scopes = ['agent', 'user'] as const

const accessRequest = z
  .object({
    id: uuid,
    server_id: uuid,
    agent_id: uuid.optional(),
    user_id: z.string().optional(),
    scope: z.enum(scopes),
    status: z.enum(states),
    reason: z.string().optional(),
    tool_allow: z.array(z.string()).nullable(),
    requested_by: z.string(),
    reviewed_by: z.string().optional(),
    reviewed_at: timestamp.optional(),
    review_note: z.string().optional(),
    created_at: timestamp,
  })
  .meta({ id: 'McpAccessRequest', description: 'That somebody asks for access to an MCP server' })

export const mcpRequests = defineHttpTable('tools', {
  listMcpAccessRequests: {
    method: 'GET',
    path: '/v1/mcp/requests',
    role: 'viewer',
    summary: 'Requests for access to MCP servers',
    rules: {
      ordersByArrival: 'Requests of the tenant come oldest first, those that wait unless another `status` is asked for',
      listsEveryRequest: 'A request is listed whatever of it is set: without a reason or a list of tools, too',
      isAnEmptyList: 'Without any the list is `[]`',
    },
    query: z.object({ status: z.enum(states).default('pending').describe('Which requests') }),
    response: { 200: z.object({ requests: z.array(accessRequest) }) },
    errors: [400],
  },
  createMcpAccessRequest: {
    method: 'POST',
    path: '/v1/mcp/requests',
    role: 'operator',
    summary: 'Ask for access to an MCP server, for an agent or for a user',
    rules: {
      isForOperators: 'A viewer may not ask',
      requiresAServer: 'A server of the tenant is required; an unknown one is answered 404',
      startsPending: 'Who asks, when, and that it waits is set by the server, whatever the body says of it',
      guessesTheScope:
        'Without a scope it is `agent` where an agent is named, and `user` else, for the caller unless another is named',
      takesItTwice: 'The same may be asked for twice',
      needsNoAgentYet: 'A scope of `agent` needs no agent yet; approval does',
      isAudited: 'It is an entry of the audit log, mcp_request.created',
    },
    body: z.object({
      server_id: uuid,
      scope: z.enum(scopes).optional(),
      agent_id: uuid.optional(),
      user_id: userId.optional(),
      reason: z.string().max(10_000).optional(),
      tool_allow: toolNames.nullish(),
    }),
    response: { 201: accessRequest },
    errors: [400, 404],
  },
  reviewMcpAccessRequest: {
    method: 'POST',
    path: '/v1/mcp/requests/{id}/review',
    role: 'admin',
    summary: 'Approve or reject a request for access',
    rules: {
      grantsOnApproval:
        'Approval grants, in the same transaction, the tools that were asked for, and leaves denied ones denied',
      rejectsUnlessApproved: 'Without `approved` it is rejected, unless `action` says approve',
      keepsTheDecision: 'Who decided, when, and the note are kept',
      needsWhomToGrant:
        'Approval of a request without the agent or user that it is for is refused, and the request waits on',
      isDecidedOnce: 'An unknown request is answered 404, a decided one 409',
      isAudited: 'It is an entry of the audit log, mcp_request.reviewed',
    },
    params: idParams,
    body: z.object({
      approved: z.boolean().optional(),
      note: z.string().max(10_000).optional(),
      action: z.enum(['approve', 'reject']).optional(),
    }),
    response: { 200: z.object({ status: z.enum(['approved', 'rejected']) }) },
    errors: [400, 404, 409],
  },
})
