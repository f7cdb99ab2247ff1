import { z } from 'zod'
import { idParams, json, statusIs, timestamp, userId, uuid } from '../common.ts'
import { defineHttpTable } from '../operation.ts'
import { toolNames } from './mcp-servers.ts'

const grant = z
  .object({
    id: uuid,
    server_id: uuid,
    agent_id: uuid,
    enabled: z.boolean(),
    tool_allow: z.array(z.string()),
    tool_deny: z.array(z.string()),
    config_overrides: json,
    granted_by: z.string(),
    created_at: timestamp,
  })
  .meta({ id: 'McpAgentGrant', description: 'That an agent may use an MCP server, all its tools or some' })

const lists = {
  tool_allow: toolNames.nullish().describe('Names as the server has them; none means all'),
  tool_deny: toolNames.nullish().describe('Wins over tool_allow'),
}
const namedUser = userId.min(1)
const agentRef = z.string().min(1).max(100).describe('Id or key of the agent')

export const mcpGrants = defineHttpTable('tools', {
  listMcpServerGrants: {
    method: 'GET',
    path: '/v1/mcp/servers/{id}/grants',
    role: 'viewer',
    summary: 'The agents that an MCP server is granted to',
    rules: {
      ordersByArrival: 'Grants of agents come oldest first; those of users are not among them',
      showsEmptyLists: 'Lists that are not set are `[]`, overrides `{}`',
      isEmptyForUnknownServers: 'Of an unknown server, or of another tenant’s, the list is empty',
    },
    params: idParams,
    response: { 200: z.object({ grants: z.array(grant) }) },
    errors: [400],
  },
  grantMcpServerToAgent: {
    method: 'POST',
    path: '/v1/mcp/servers/{id}/grants/agent',
    role: 'admin',
    summary: 'Let an agent use an MCP server, all its tools or some',
    rules: {
      replacesTheGrant:
        'A grant that is there is switched on and gets the new lists; its time stays, and the answer is 201 as before',
      remembersTheGranter: '`granted_by` is the calling user',
      requiresAnAgentId: 'The agent is named by its id',
      refusesUnknown: 'A server or an agent that the tenant does not have is answered 404',
      isAudited: 'It is an entry of the audit log, mcp_server.agent_granted',
    },
    params: idParams,
    body: z.object({ agent_id: uuid, ...lists }),
    response: { 201: statusIs('granted') },
    errors: [400, 404],
  },
  revokeMcpServerFromAgent: {
    method: 'DELETE',
    path: '/v1/mcp/servers/{id}/grants/agent/{agentID}',
    role: 'admin',
    summary: 'Take an MCP server away from an agent',
    rules: {
      isIdempotent:
        'Without a grant it is answered 200 as well, and nothing is recorded; an unknown server is answered 404',
      isAudited: 'It is an entry of the audit log, mcp_server.agent_revoked',
    },
    params: idParams.extend({ agentID: agentRef }),
    response: { 200: statusIs('revoked') },
    errors: [400, 404],
  },
  listMcpGrantsOfAgent: {
    method: 'GET',
    path: '/v1/mcp/grants/agent/{agentID}',
    role: 'viewer',
    summary: 'The MCP servers that an agent is granted',
    rules: {
      listsEveryGrant: 'Every grant of the agent is listed, oldest first, whatever of it is set; without any `[]`',
      takesIdOrKey: 'The agent is named by its id or by its key; an unknown one is answered 404',
    },
    params: z.object({ agentID: agentRef }),
    response: { 200: z.object({ grants: z.array(grant) }) },
    errors: [400, 404],
  },
  grantMcpServerToUser: {
    method: 'POST',
    path: '/v1/mcp/servers/{id}/grants/user',
    role: 'admin',
    summary: 'Say which tools of an MCP server a user may use',
    rules: {
      replacesTheGrant: 'A grant that is there gets the new lists',
      checksTheUser: 'A user id is required and has at most 255 characters',
      refusesUnknown: 'A server that the tenant does not have is answered 404',
      isAudited: 'It is an entry of the audit log, mcp_server.user_granted',
    },
    params: idParams,
    body: z.object({ user_id: namedUser, ...lists }),
    response: { 201: statusIs('granted') },
    errors: [400, 404],
  },
  revokeMcpServerFromUser: {
    method: 'DELETE',
    path: '/v1/mcp/servers/{id}/grants/user/{userID}',
    role: 'admin',
    summary: 'Remove what was said of a user and an MCP server',
    rules: {
      isIdempotent:
        'Without a grant it is answered 200 as well, and nothing is recorded; an unknown server is answered 404',
      checksTheUser: 'A user id of more than 255 characters is refused',
      isAudited: 'It is an entry of the audit log, mcp_server.user_revoked',
    },
    params: idParams.extend({ userID: namedUser.describe('Id of the user') }),
    response: { 200: statusIs('revoked') },
    errors: [400, 404],
  },
})
