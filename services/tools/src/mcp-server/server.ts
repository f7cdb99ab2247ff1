/** MCP servers over the tools of agents: made anew for each request, so that any replica answers any of them. */
import {
  createMcpHandler,
  ProtocolError,
  ProtocolErrorCode,
  Server,
  type CallToolResult,
  type Tool as ListedTool,
} from '@modelcontextprotocol/server'
import { cutText, type Call } from '@clawmesh/chassis'
import { MeshError } from '@clawmesh/contracts'
import type { InvokeUseCases } from '../invoke/use-cases.ts'
import type { ToolCall } from '../invoke/types.ts'
import { parametersSchema, type Tool, type ToolResult } from '../tool/tool.ts'

/** In UTF-16 units; beyond what any tool says by itself, foreign content with the marks around it included. */
const mostText = 250_000

/** For whom tools are listed and called. */
export interface Served {
  call: Call
  facts: Omit<ToolCall, 'tool' | 'args'>
}

interface Parts {
  name: string
  version: string
  invoke: Pick<InvokeUseCases, 'offeredOf' | 'runOf'>
  /** Whether a tool is served here at all. */
  serves: (tool: string) => boolean
  /** Told of each call before it. */
  called: (call: Call, tool: string) => Promise<unknown>
}

/** Answers a request of streamable HTTP. */
export type AnswerMcp = (request: Request, body: unknown, served: Served) => Promise<Response>

const listed = (tool: Tool): ListedTool => ({
  name: tool.name,
  description: tool.description,
  inputSchema: { ...parametersSchema(tool), type: 'object' },
})

const shown = ({ output, isError }: ToolResult): CallToolResult => {
  const text = output.length > mostText ? `${cutText(output, mostText)}\n[cut: the result was longer]` : output
  return { content: [{ type: 'text', text }], isError }
}

const unknownTool = (name: string) =>
  new ProtocolError(ProtocolErrorCode.InvalidParams, `Unknown tool: ${cutText(name, 200)}`)

/** A failure of ours in words for the client; what is none of ours says nothing of itself. */
const faultOf = (thrown: unknown, tool: string): unknown => {
  if (!(thrown instanceof MeshError)) return thrown
  if (thrown.code === 'NOT_FOUND') return unknownTool(tool)
  return new ProtocolError(ProtocolErrorCode.InternalError, thrown.message)
}

export const createMcpServer = ({ name, version, invoke, serves, called }: Parts): AnswerMcp => {
  const serverOf = ({ call, facts }: Served): Server => {
    const server = new Server({ name, version }, { capabilities: { tools: { listChanged: false } } })
    server.setRequestHandler('tools/list', async () => {
      const tools = await invoke.offeredOf(call, facts.agent)
      return { tools: tools.filter((tool) => serves(tool.name)).map(listed) }
    })
    server.setRequestHandler('tools/call', async ({ params: { name: tool, arguments: args = {} } }) => {
      if (!serves(tool)) throw unknownTool(tool)
      await called(call, tool)
      try {
        return shown(await invoke.runOf(call, { ...facts, tool, args }))
      } catch (thrown) {
        throw faultOf(thrown, tool)
      }
    })
    return server
  }
  const handler = createMcpHandler(
    ({ authInfo }) => serverOf((authInfo!.extra as { served: Served }).served),
    // Nothing changes by itself, so there is nothing to listen for.
    { maxSubscriptions: 0 },
  )
  return (request, parsedBody, served) =>
    handler.fetch(request, { parsedBody, authInfo: { token: '', clientId: '', scopes: [], extra: { served } } })
}
