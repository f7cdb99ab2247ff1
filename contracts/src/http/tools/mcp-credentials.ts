import { z } from 'zod'
import { idParams, statusIs, userId } from '../common.ts'
import { defineHttpTable } from '../operation.ts'
import { mcpSecretMap } from './mcp-servers.ts'

const query = z.object({ user_id: userId.optional().describe('Act for this user instead of the caller') })

export const mcpCredentials = defineHttpTable('tools', {
  setMcpUserCredentials: {
    method: 'PUT',
    path: '/v1/mcp/servers/{id}/user-credentials',
    role: 'operator',
    summary: "Store a user's own secrets for an MCP server",
    rules: {
      needsAUser: 'A request that names no user is refused',
      isForOneself: 'Only admins name another user',
      replacesAll: 'All three parts are replaced; one that is left out is cleared',
      refusesUnknownServers: 'A server that the tenant does not have is answered 404',
      sealsSecrets: 'They are sealed at rest, and no answer shows them',
    },
    params: idParams,
    query,
    body: z.object({
      api_key: z.string().max(8_192).optional(),
      headers: mcpSecretMap.optional(),
      env: mcpSecretMap.optional(),
    }),
    bodyLimitBytes: 65_536,
    response: { 200: statusIs('updated') },
    errors: [400, 404],
  },
  getMcpUserCredentialStatus: {
    method: 'GET',
    path: '/v1/mcp/servers/{id}/user-credentials',
    role: 'viewer',
    summary: 'Which secrets a user has stored, never their values',
    rules: {
      showsPresence: 'It tells which parts are stored; where nothing is, all four flags are false',
      isForOneself: 'Only admins name another user, and a request that names no user is refused',
    },
    params: idParams,
    query,
    response: {
      200: z.object({
        has_credentials: z.boolean(),
        has_api_key: z.boolean(),
        has_headers: z.boolean(),
        has_env: z.boolean(),
      }),
    },
    errors: [400],
  },
  deleteMcpUserCredentials: {
    method: 'DELETE',
    path: '/v1/mcp/servers/{id}/user-credentials',
    role: 'operator',
    summary: "Delete a user's own secrets for an MCP server",
    rules: {
      isIdempotent: 'Where nothing is stored it is answered 200 as well',
      endsTheirConnections:
        'Connections that were made with them end at once, on every replica, as they do where others take their place',
      isForOneself: 'Only admins name another user, and a request that names no user is refused',
    },
    params: idParams,
    query,
    response: { 200: statusIs('deleted') },
    errors: [400],
  },
})
