import { z } from 'zod'
import { smallRecord } from '../../small-record.ts'
import { idParams, json, slug, statusIs, timestamp, userId, uuid } from '../common.ts'
import { defineHttpTable } from '../operation.ts'

export const mcpTransports = ['streamable-http', 'sse', 'stdio'] as const

const secretText = z.string().max(8_192)
/** Values by name. They hold secrets, so answers show `***` for each. */
export const mcpSecretMap = smallRecord(200, 'entries', z.record(z.string().min(1).max(256), secretText))
const args = z.array(z.string().max(4_096)).max(256)
export const toolNames = z.array(z.string().max(255)).max(1_000)
const text = z.string().max(2_048)

const mcpServer = z
  .object({
    id: uuid,
    created_at: timestamp,
    updated_at: timestamp,
    name: z.string().max(255),
    display_name: z.string().optional(),
    transport: z.enum(mcpTransports),
    command: z.string().optional(),
    args: z.array(z.string()),
    url: z.string().optional(),
    headers: z.record(z.string(), z.literal('***')),
    env: z.record(z.string(), z.literal('***')),
    api_key: z.literal('***').optional().describe('There while one is stored'),
    tool_prefix: z.string().optional(),
    timeout_sec: z.number().int(),
    settings: json,
    enabled: z.boolean(),
    created_by: z.string(),
  })
  .meta({ id: 'McpServer', description: 'An MCP server whose tools agents may be granted; secrets are masked' })

/** How a server is reached: what is tried without being stored, too. */
const reached = {
  command: text.optional(),
  args: args.optional(),
  url: text.optional(),
  headers: mcpSecretMap.optional(),
  env: mcpSecretMap.optional(),
  api_key: secretText.optional().describe('Sent as a bearer token unless there is an Authorization header'),
}

const oauthClientSecret = secretText.describe('Of the client `settings.oauth.client_id`; write-only')

const settings = json.describe(
  '`require_user_credentials`: only users with credentials of their own get its tools. `auth`: `oauth` where users sign in, which is found out by itself, or `none`. `oauth`: `client_id` and `scope` where the authorization server takes no registrations; with `token_exchange` the API keys of users are tokens that are exchanged for others (RFC 8693). `network`: false for a program that runs in the sandbox without it',
)
const timeout = z.number().int().min(0).max(3_600)

export const mcpServers = defineHttpTable('tools', {
  listMcpServers: {
    method: 'GET',
    path: '/v1/mcp/servers',
    role: 'viewer',
    summary: 'MCP servers of the tenant, secrets masked',
    rules: {
      ordersByName: 'Servers come in the order of their names, all of them the tenant’s own',
      countsAgents: '`agent_count` counts the agents that a server is granted to, grants that are off included',
      masksSecrets: 'The API key and the values of headers and of the environment are `***`, for everybody',
    },
    response: { 200: z.object({ servers: z.array(mcpServer.extend({ agent_count: z.number().int().min(0) })) }) },
    errors: [],
  },
  createMcpServer: {
    method: 'POST',
    path: '/v1/mcp/servers',
    role: 'admin',
    summary: 'Register an MCP server; nothing is connected yet',
    rules: {
      requiresNameAndTransport: 'Name and transport are required, the name is a slug',
      needsAWayIn:
        'A program (stdio) needs a command, sse and streamable-http an address; without one, or with an unknown transport, it is refused',
      hasDefaults: 'A server is enabled and has 60 seconds for a call unless said otherwise',
      remembersTheCreator: '`created_by` is the calling user, and the one of the body where the request names none',
      keepsNamesUnique: 'A name that is taken in the tenant is answered 409',
      masksSecrets: 'The answer is the stored server, secrets masked; they are sealed at rest',
      guardsAddresses: 'An address that leads inside is refused',
      guardsPrograms:
        'Programs (stdio) are for the master tenant, unless the operator opens them to all or closes them',
      isAudited: 'It is an entry of the audit log, mcp_server.created',
    },
    body: z.object({
      name: slug(255),
      display_name: z.string().max(255).default(''),
      transport: z.enum(mcpTransports),
      ...reached,
      oauth_client_secret: oauthClientSecret.optional(),
      tool_prefix: z.string().max(50).default(''),
      timeout_sec: timeout.default(60),
      settings: settings.default({}),
      enabled: z.boolean().default(true),
      created_by: userId.optional(),
    }),
    response: { 201: mcpServer },
    errors: [400, 403, 409],
  },
  getMcpServer: {
    method: 'GET',
    path: '/v1/mcp/servers/{id}',
    role: 'viewer',
    summary: 'One MCP server, secrets masked',
    rules: {
      masksSecrets: 'Secrets are masked as in the list, and what is empty is left out',
    },
    params: idParams,
    response: { 200: mcpServer },
    errors: [400, 404],
  },
  updateMcpServer: {
    method: 'PUT',
    path: '/v1/mcp/servers/{id}',
    role: 'admin',
    summary: 'Change some fields of an MCP server',
    rules: {
      writesWhatIsGiven:
        'Only fields that are given are written; headers, environment, arguments and settings are replaced as a whole',
      keepsMaskedSecrets:
        'An API key of `***` or `` keeps the stored one, a header or variable of `***` its stored value; null clears',
      dropsSecretsWithTheAddress:
        'Where transport, address or command change, secrets that the request does not bring are dropped, those of users too: nobody else gets to see them',
      ignoresUnknownFields: 'Fields that do not exist are ignored',
      staysReachable: 'What results is checked as at the creation',
      refusesTakenNames: 'An unknown server is answered 404, a name that is taken 409',
      isAudited: 'A change is an entry of the audit log, mcp_server.updated; where nothing is given there is none',
    },
    params: idParams,
    body: z.object({
      name: slug(255).optional(),
      display_name: z.string().max(255).optional(),
      transport: z.enum(mcpTransports).optional(),
      command: text.optional(),
      args: args.optional(),
      url: text.optional(),
      headers: mcpSecretMap.nullish(),
      env: mcpSecretMap.nullish(),
      api_key: secretText.nullish(),
      oauth_client_secret: oauthClientSecret.nullish(),
      tool_prefix: z.string().max(50).optional(),
      timeout_sec: timeout.optional(),
      settings: settings.optional(),
      enabled: z.boolean().optional(),
    }),
    response: { 200: statusIs('updated') },
    errors: [400, 403, 404, 409],
  },
  deleteMcpServer: {
    method: 'DELETE',
    path: '/v1/mcp/servers/{id}',
    role: 'admin',
    summary: 'Delete an MCP server and all that belongs to it',
    rules: {
      isIdempotent: 'An unknown server is answered 200 as well, and nothing is recorded',
      takesAllWithIt: 'Grants, access requests and credentials go with it',
      endsItsConnections: 'Its connections end at once, on every replica, a program with all that it has started',
      isAudited: 'It is an entry of the audit log, mcp_server.deleted',
    },
    params: idParams,
    response: { 200: statusIs('deleted') },
    errors: [400],
  },
  testMcpConnection: {
    method: 'POST',
    path: '/v1/mcp/servers/test',
    role: 'admin',
    summary: 'Connect to an MCP server once, without storing it',
    rules: {
      tellsBothOutcomes:
        'Both outcomes are answered 200: `tool_count` only where it succeeded, `error` only where it failed',
      givesUp: 'Connecting and listing take 15 seconds at most, and nothing stays connected',
      requiresATransport: 'Without a transport it is refused; an unknown one fails',
      guardsAddresses: 'Addresses that lead inside are refused, those that a name leads to as well',
      guardsPrograms: 'Programs are for those who may register them',
    },
    body: z.object({ transport: z.string().min(1).max(50), ...reached }),
    response: {
      200: z.object({ success: z.boolean(), tool_count: z.number().int().optional(), error: z.string().optional() }),
    },
    errors: [400, 403],
  },
  reconnectMcpServer: {
    method: 'POST',
    path: '/v1/mcp/servers/{id}/reconnect',
    role: 'admin',
    summary: 'Drop the connections to an MCP server, so that they are opened afresh',
    rules: {
      opensAfresh: 'It does not wait for a new connection; the next use opens one',
      refusesUnknownServers: 'An unknown server is answered 404',
      isAudited: 'It is an entry of the audit log, mcp_server.reconnected',
    },
    params: idParams,
    response: { 200: statusIs('reconnected') },
    errors: [400, 404],
  },
  listMcpServerTools: {
    method: 'GET',
    path: '/v1/mcp/servers/{id}/tools',
    role: 'viewer',
    summary: 'The tools that an MCP server offers',
    rules: {
      asksTheServer: 'The server is asked; tools have their own names, and descriptions where there are any',
      bringsItsSecrets:
        'It is asked as when a tool runs: with the stored key as the bearer, the stored headers, and variables of ours for `env:` values that the operator opened',
      isEmptyWithoutAnAnswer: 'A server that cannot be reached has no tools: 200 with `[]`',
    },
    params: idParams,
    response: {
      200: z.object({ tools: z.array(z.object({ name: z.string(), description: z.string().optional() })) }),
    },
    errors: [400, 404],
  },
})
