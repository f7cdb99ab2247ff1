/** MCP servers of the installation: its configuration names them, and agents of all tenants may use them without a grant. */
import { derivedId } from '@clawmesh/chassis'
import { http, masterTenantId } from '@clawmesh/contracts'
import { z } from 'zod'
import { noSecrets } from '../secrets.ts'
import type { GrantedServer } from '../tools/access.ts'

const { shape } = http.mcpServers.operations.createMcpServer.body
const serverSchema = z
  .strictObject(shape)
  .omit({ name: true, oauth_client_secret: true, created_by: true })
  .refine(
    ({ transport, command, url }) => (transport === 'stdio' ? command : url),
    'a program needs command, others url',
  )

/** Servers by name. A slip in one is an error. */
export const sharedServersSchema = z.record(shape.name, serverSchema)
export type SharedServers = z.output<typeof sharedServersSchema>

/** The same on every replica, and no row's. */
const idOf = (name: string): string => derivedId(masterTenantId, `MCP server of the installation: ${name}`)

/** Each as if it was granted to everybody, whole. Nobody signs in to one, as nobody of a tenant may set it. */
export const sharedServersOf = (servers: SharedServers): GrantedServer[] =>
  Object.entries(servers).flatMap(([name, server]) => {
    const { transport, command = '', args = [], url = '', headers = {}, env = {}, api_key: apiKey = '' } = server
    if (!server.enabled) return []
    return [
      {
        server: {
          ...{ id: idOf(name), name, displayName: server.display_name, transport, command, args, url },
          ...{ toolPrefix: server.tool_prefix, timeoutSec: server.timeout_sec, enabled: true, createdBy: '' },
          settings: { ...server.settings, auth: 'none' },
          ...{ createdAt: new Date(0), updatedAt: new Date(0), connectionVersion: 0, wantsSignIn: false },
          ...{ hasApiKey: apiKey !== '', headerNames: Object.keys(headers), envNames: Object.keys(env) },
        },
        ofInstallation: { ...noSecrets, apiKey, headers, env },
        ...{ sealed: null, own: undefined, signIn: undefined, user: undefined },
        agent: { toolAllow: [], toolDeny: [] },
      },
    ]
  })
