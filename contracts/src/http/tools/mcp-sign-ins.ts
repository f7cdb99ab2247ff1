import { z } from 'zod'
import { idParams, statusIs, timestamp, userId } from '../common.ts'
import { defineHttpTable } from '../operation.ts'

const query = z.object({ user_id: userId.optional().describe('Meant is this user instead of the caller') })
const authUrl = z.string().describe('What the user opens in a browser')
const isForOneself = 'Only admins name another user, and a request that names no user is refused'
const refusesUnknownServers = 'A server that the tenant does not have is answered 404'

export const mcpSignIns = defineHttpTable('tools', {
  getMcpSignIn: {
    method: 'GET',
    path: '/v1/mcp/servers/{id}/sign-in',
    role: 'viewer',
    summary: 'Whether a user is signed in to an MCP server that is protected by OAuth',
    rules: {
      tellsHowItStands:
        '`wants_sign_in` says whether users sign in to the server, `signed_in` whether this user is, with the granted scope and the end of the token where they are known; tokens are shown to nobody',
      showsTheOpenOne: 'An open sign-in is shown with its address, to the user alone',
      isForOneself,
      refusesUnknownServers,
    },
    params: idParams,
    query,
    response: {
      200: z.object({
        wants_sign_in: z.boolean(),
        signed_in: z.boolean(),
        scope: z.string().optional(),
        token_expires_at: timestamp.optional(),
        auth_url: authUrl.optional(),
      }),
    },
    errors: [400, 404],
  },
  beginMcpSignIn: {
    method: 'POST',
    path: '/v1/mcp/servers/{id}/sign-in',
    role: 'operator',
    summary: 'Begin to sign the calling user in to an MCP server',
    rules: {
      findsTheAuthorizationServer:
        'The server is asked for its authorization server (RFC 9728), that one for its metadata; we register there unless the settings have a `client_id`, and ask for a code with PKCE (S256) for this server as the resource',
      isOpenForTenMinutes:
        'A sign-in is open for 10 minutes and good once; while it is open the same address is answered',
      isToldToTheUser: 'The event `mcp.sign_in.requested` tells the user of a new one, and nobody else but admins',
      saysWhyNot:
        'A server that says nothing of where its users sign in, or an authorization server without PKCE, is answered 400 with the reason',
      reachesNothingInside: 'Addresses that lead inside are asked for nothing, whoever names them',
      needsAUser: 'A request that names no user is refused',
      refusesUnknownServers,
    },
    params: idParams,
    response: { 200: z.object({ auth_url: authUrl, expires_at: timestamp }) },
    errors: [400, 404],
  },
  endMcpSignIn: {
    method: 'DELETE',
    path: '/v1/mcp/servers/{id}/sign-in',
    role: 'operator',
    summary: 'Sign a user out of an MCP server',
    rules: {
      forgetsTheTokens:
        'The tokens are forgotten, and revoked where the authorization server takes that (RFC 7009); where there are none it is answered 200 as well',
      isForOneself,
    },
    params: idParams,
    query,
    response: { 200: statusIs('signed_out') },
    errors: [400],
  },
  finishMcpSignIn: {
    method: 'GET',
    path: '/v1/mcp/oauth/callback',
    role: 'public',
    summary: 'Where a browser comes back to after a sign-in at an MCP server',
    rules: {
      isForWhoeverWasAsked:
        'The state, good once, says for whom it is: the tokens are that user’s, who is told by the event `mcp.sign_in.completed`',
      showsAPage: 'The answer is a page that says how it ended, without scripts and without the code',
      refusesOtherAnswers:
        'Nobody is signed in by a state that is unknown, spent or over, by an answer of another authorization server (RFC 9207) or by one without a code, and the page says so',
    },
    query: z.object({
      state: z.string().max(2_048).optional().describe('Which sign-in it answers'),
      code: z.string().max(8_192).optional().describe('What is exchanged for tokens'),
      iss: z.string().max(2_048).optional().describe('Which authorization server answers'),
      error: z.string().max(2_048).optional().describe('Why there is no code'),
      error_description: z.string().max(8_192).optional().describe('The same in words'),
    }),
    response: { 200: z.string() },
    produces: 'text/html',
    producesExample: '<!doctype html>',
    errors: [400],
  },
  getMcpClientMetadata: {
    method: 'GET',
    path: '/v1/mcp/oauth/client.json',
    role: 'public',
    summary: 'What we are to authorization servers that read it instead of taking registrations',
    rules: {
      namesUs:
        'It is a client ID metadata document: its own address is the `client_id`, and the callback the only address to come back to',
    },
    response: { 200: z.looseObject({ client_id: z.string(), redirect_uris: z.array(z.string()) }) },
    errors: [],
  },
})
