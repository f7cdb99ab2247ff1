import { http } from '@clawmesh/contracts'
import { implementHttp } from '@clawmesh/chassis'
import { mask, masked } from '../secrets.ts'
import type { McpServer } from './types.ts'
import type { ServerUseCases } from './use-cases.ts'

/** Texts that are empty are left out. */
const toResponse = <S extends McpServer>(server: S) => ({
  ...server,
  displayName: server.displayName || null,
  command: server.command || null,
  url: server.url || null,
  toolPrefix: server.toolPrefix || null,
  apiKey: server.hasApiKey ? mask : null,
  headers: masked(server.headerNames),
  env: masked(server.envNames),
})

export const createServerHttp = (servers: ServerUseCases) =>
  implementHttp(http.mcpServers)({
    listMcpServers: async ({ caller }) => ({ servers: (await servers.list(caller)).map(toResponse) }),
    createMcpServer: async ({ call, body }) => toResponse(await servers.create(call, body)),
    getMcpServer: async ({ caller, params }) => toResponse(await servers.get(caller, params.id)),
    updateMcpServer: async ({ call, params, body }) => {
      await servers.update(call, params.id, body)
      return { status: 'updated' }
    },
    deleteMcpServer: async ({ call, params }) => {
      await servers.remove(call, params.id)
      return { status: 'deleted' }
    },
    testMcpConnection: ({ call, body }) => servers.test(call, body),
    reconnectMcpServer: async ({ call, params }) => {
      await servers.reconnect(call, params.id)
      return { status: 'reconnected' }
    },
    listMcpServerTools: async ({ call, params }) => {
      const tools = await servers.tools(call, params.id)
      return { tools: tools.map(({ name, description }) => ({ name, description: description || null })) }
    },
  })
