import type { IncomingHttpHeaders } from 'node:http'
import { http, MeshError, type Caller } from '@clawmesh/contracts'
import { implementHttp, packageVersion, streamed, waitForDrain, type Call, type HttpResponse } from '@clawmesh/chassis'
import type { InvokeUseCases } from '../invoke/use-cases.ts'
import { bridgeTools } from './bridge-tools.ts'
import { createMcpServer, type Served } from './server.ts'

const header = (headers: IncomingHttpHeaders, name: string): string => {
  const value = headers[name]
  // One character is a byte, and what the bytes say is UTF-8.
  return typeof value === 'string' ? Buffer.from(value, 'latin1').toString() : ''
}

const protocolHeader = /^(?:accept|content-type|mcp-.+)$/

/** What of a request the protocol is about. */
const requestOf = (headers: IncomingHttpHeaders, signal: AbortSignal): Request =>
  new Request('http://localhost/mcp', {
    method: 'POST',
    headers: Object.entries(headers).flatMap(([name, value]): [string, string][] =>
      protocolHeader.test(name) && typeof value === 'string' ? [[name, value]] : [],
    ),
    signal,
  })

const write = async (answer: Response, response: HttpResponse): Promise<void> => {
  response.writeHead(answer.status, Object.fromEntries(answer.headers))
  for await (const chunk of answer.body ?? []) {
    if (response.destroyed) break
    if (!response.write(chunk)) await waitForDrain(response, 'close')
  }
  response.end()
}

/** Who may do what the agent does for a user: that user, and no more than one who chats with it. */
const asUser = (caller: Caller): Caller =>
  caller.userId === '' ? caller : { ...caller, role: 'operator', userBound: true }

const bridgeServed = (call: Call, headers: IncomingHttpHeaders): Served => {
  const caller = asUser(call.caller)
  return {
    call: { ...call, caller },
    facts: {
      agent: header(headers, 'x-agent-id'),
      userId: caller.userId,
      sessionKey: '',
      channel: header(headers, 'x-channel'),
      chatId: header(headers, 'x-chat-id'),
      peerKind: header(headers, 'x-peer-kind') === 'group' ? 'group' : 'direct',
    },
  }
}

const endpointServed = (call: Call, agent: string): Served => {
  const { fallbackUserId, ...named } = call.caller
  const caller = { ...named, userId: named.userId || (fallbackUserId ?? '') }
  return {
    call: { ...call, caller },
    facts: {
      agent,
      userId: caller.userId,
      sessionKey: '',
      channel: 'mcp',
      chatId: '',
      peerKind: 'direct',
    },
  }
}

export const createMcpServerHttp = (invoke: InvokeUseCases) => {
  const bridge = createMcpServer({
    name: 'goclaw-bridge',
    version: '1.0.0',
    invoke,
    serves: (tool) => bridgeTools.has(tool) || tool.startsWith('mcp_'),
    called: async () => undefined,
  })
  const endpoint = createMcpServer({
    name: 'clawmesh',
    version: packageVersion,
    invoke,
    serves: () => true,
    called: invoke.record,
  })
  const answered = async (served: Served, isNamed: boolean, answer: () => Promise<Response>) => {
    // Whom the agent is closed to hears of it whatever is asked, not only where it is about tools.
    await invoke.checkAgent(served.call, served.facts.agent, isNamed)
    const given = await answer()
    return streamed((response) => write(given, response))
  }
  return [
    implementHttp(http.mcpBridge)({
      callMcpBridge: async ({ call, headers, body }) => {
        const served = bridgeServed(call, headers)
        const ask = () => bridge(requestOf(headers, call.signal), body, served)
        return answered(served, served.facts.agent !== '', ask)
      },
      openMcpBridgeStream: async () => {
        throw new MeshError('METHOD_NOT_ALLOWED', 'error.method_not_allowed')
      },
      closeMcpBridgeSession: async () => ({}),
    }),
    implementHttp(http.mcpEndpoint)({
      callMcp: async ({ call, headers, body, query }) => {
        const named = header(headers, 'x-goclaw-agent-id') || header(headers, 'x-goclaw-agent') || query.agent
        const served = endpointServed(call, named ?? 'default')
        const ask = () => endpoint(requestOf(headers, call.signal), body, served)
        return answered(served, named !== undefined, ask)
      },
    }),
  ]
}
