import { z } from 'zod'
import { json } from '../common.ts'
import { defineHttpTable } from '../operation.ts'

const message = json.describe('A message of the Model Context Protocol, as JSON-RPC 2.0 has it')

const answers = {
  200: message.describe('The answer to a request, as JSON or as one event of a stream'),
  202: z.object({}).describe('A notification was taken; nothing is answered'),
}

const bridgeHeaders = {
  'X-Agent-ID': 'Id or key of the agent whose tools are meant',
  'X-User-ID': 'The user for whom they are called',
  'X-Channel': 'The channel of the conversation',
  'X-Chat-ID': 'The chat on it',
  'X-Peer-Kind': '`direct` or `group`',
  'X-Workspace': 'The workspace of the run',
  'X-Tenant-ID': 'Id or slug of the tenant; the master tenant without it',
  'X-Bridge-Sig': 'Signature of the seven above',
}

export const mcpBridge = defineHttpTable('tools', {
  callMcpBridge: {
    method: 'POST',
    path: '/mcp/bridge',
    role: 'admin',
    summary: 'Our tools as an MCP server, for programs of this machine that work for an agent',
    description:
      'The signature is HMAC-SHA256 with the gateway token as key, in lower-case hexadecimal, over the values of X-Agent-ID, X-User-ID, X-Channel, X-Chat-ID, X-Peer-Kind, X-Workspace and X-Tenant-ID joined by `|`, empty where a header is absent.',
    rules: {
      isStateless:
        'It is streamable HTTP without sessions, so any replica answers any request; notifications are answered 202',
      namesItself: 'The server is goclaw-bridge 1.0.0; it has tools, and never says that they have changed',
      takesTheGatewayToken: 'Only the gateway token opens it: anything else, API keys and paired browsers too, is 401',
      isClosedWithoutAToken: 'Where no gateway token is configured every call is 403',
      isForThisMachine: 'Who does not connect from this machine is answered 403, a client behind a proxy too',
      wantsASignature:
        'As soon as one of the context headers is there they must be signed as a whole; what is not is 403. Older, shorter forms do not count',
      takesTheContext:
        'Tenant, agent, user, channel, chat and kind of peer are those of the signed headers; the workspace is the one that agent and user have in a run',
      offersOurTools:
        'Offered are those of a fixed list of built-in tools, and tools of MCP servers, that the agent and the user may use',
      evaluatesEachCall: 'Policies, grants and what the tenant has switched off are asked at each call',
      actsAsTheUser: 'With a user it may do what an operator may, for that user alone; an agent closed to them is 403',
      reportsFailures:
        'A tool that fails is a result with `isError`; one that does not exist, or may not be used, is an error of the protocol',
      boundsResults: 'A result has 250,000 characters at most; what is longer is cut, and says so',
    },
    headers: bridgeHeaders,
    body: message,
    response: answers,
    errors: [400, 401, 403],
    bridge: true,
  },
  openMcpBridgeStream: {
    method: 'GET',
    path: '/mcp/bridge',
    role: 'admin',
    summary: 'The stream from the server to its client, which there is not',
    rules: { hasNoStream: 'The server begins nothing by itself, so it is 405 for whoever may call the bridge' },
    headers: bridgeHeaders,
    response: { 200: z.object({}) },
    errors: [401, 403, 405],
    bridge: true,
  },
  closeMcpBridgeSession: {
    method: 'DELETE',
    path: '/mcp/bridge',
    role: 'admin',
    summary: 'End of a session',
    rules: { endsNothing: 'As there are no sessions it is 200 and does nothing, for whoever may call the bridge' },
    headers: bridgeHeaders,
    response: { 200: z.object({}) },
    errors: [401, 403],
    bridge: true,
  },
})

export const mcpEndpoint = defineHttpTable('tools', {
  callMcp: {
    method: 'POST',
    path: '/mcp',
    role: 'operator',
    summary: 'The tools of an agent as an MCP server, for editors and other MCP clients',
    rules: {
      isStateless: 'It is streamable HTTP without sessions, so any replica answers any request; GET is 405',
      takesAnyCredential: 'Whatever opens the API opens it, in the tenant of the credential, from the role operator on',
      findsTheAgent:
        'The agent is named by X-GoClaw-Agent-Id, else by X-GoClaw-Agent, else by the query `agent`, else it is the default one',
      refusesUnknownAgents: 'An agent that is named and does not exist is 404, one that the caller may not use 403',
      speaksForAUser: 'A key that names no user speaks for one of its own, as on the OpenAI routes',
      offersTheAgentsTools: 'Offered is what the agent is offered in a run, tools of MCP servers included',
      evaluatesEachCall: 'Policies, grants and what the tenant has switched off are asked at each call',
      reportsFailures:
        'A tool that fails is a result with `isError`; one that does not exist, or may not be used, is an error of the protocol',
      countsCalls: 'Calls of tools are limited in the rate of tools/invoke; other requests are not counted',
      isRecorded: 'Each call of a tool stands in the audit log',
      boundsResults: 'A result has 250,000 characters at most; what is longer is cut, and says so',
    },
    query: z.object({ agent: z.string().min(1).max(100).optional().describe('Id or key of the agent') }),
    headers: { 'X-GoClaw-Agent-Id': 'Id or key of the agent; its tools are served' },
    body: message,
    response: answers,
    errors: [400, 404, 429],
    callsTool: true,
    countedWhen: { field: 'method', is: 'tools/call' },
  },
})
