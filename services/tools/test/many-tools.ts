import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { keptConnections } from '../../../test/support/limits.ts'

/** An MCP server in this process with so many tools, and as little else as the protocol allows. */
export const manyTools = async (count: number) => {
  const headers: IncomingHttpHeaders[] = []
  const server = createServer(keptConnections, (request, response) => {
    headers.push(request.headers)
    if (request.method !== 'POST') return void response.writeHead(405).end()
    void json(request).then((asked) => {
      const { id, method } = asked as { id?: number; method: string }
      if (id === undefined) return response.writeHead(202).end()
      const schema = { type: 'object', properties: { text: { type: 'string', description: 'what is to be told' } } }
      const listed = Array.from({ length: count }, (_, at) => ({
        name: `tool_${at}`,
        description: `Tells what it was told, number ${at}`,
        inputSchema: schema,
      }))
      const results: Record<string, object> = {
        initialize: {
          protocolVersion: '2025-06-18',
          capabilities: { tools: {} },
          serverInfo: { name: 'm', version: '1' },
        },
        'tools/list': { tools: listed },
      }
      const result = results[method]
      const answer = result === undefined ? { error: { code: -32601, message: 'unknown' } } : { result }
      response.writeHead(200, { 'content-type': 'application/json' })
      return response.end(JSON.stringify({ jsonrpc: '2.0', id, ...answer }))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    base: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    /** Of all requests so far. */
    headers,
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}
