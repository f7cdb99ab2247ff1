/** The MCP servers of a tenant: where agents may get more tools from. */
import { masterTenantId, MeshError, roleIncludes, type Caller } from '@clawmesh/contracts'
import { actorOf, newId, type Actor, type Call } from '@clawmesh/chassis'
import { checkPublicUrl } from '@clawmesh/chassis/fetch'
import { mask, noSecrets, type McpSecrets } from '../secrets.ts'
import type { StdioPolicy } from '../settings.ts'
import type { McpServer, NewServer, ServerChanges, ServerFields, ServerWrite } from './types.ts'

/** The servers of one tenant. */
export interface ServerRows {
  /** By name, each with how many agents it is granted to. */
  list: () => Promise<(McpServer & { agentCount: number })[]>
  find: (id: string) => Promise<McpServer | undefined>
  /** @throws ALREADY_EXISTS */
  insert: (
    server: ServerFields & Pick<McpServer, 'id' | 'createdBy'>,
    secrets: McpSecrets,
    actor: Actor,
  ) => Promise<McpServer>
  /**
   * Writes what `change` makes of the stored server, which nobody else changes meanwhile. False when there is none;
   * where nothing is to be written there is no event. @throws ALREADY_EXISTS; what `change` throws
   */
  update: (
    id: string,
    actor: Actor,
    change: (stored: McpServer, secrets: () => McpSecrets) => ServerWrite,
  ) => Promise<boolean>
  /** Fine when there is none. */
  remove: (id: string, actor: Actor) => Promise<void>
}

interface Parts {
  rowsOf: (tenantId: string) => ServerRows
  /** Private hosts and ranges that the operator opens. */
  allow: readonly string[]
  stdio: StdioPolicy
}

const invalid = (field: string, reason: string) =>
  new MeshError('INVALID_REQUEST', 'error.invalid_request', { field, reason })
const missing = (field: string) => new MeshError('INVALID_REQUEST', 'error.required', { field })

export const serverNotFound = (id: string): MeshError =>
  new MeshError('NOT_FOUND', 'error.not_found', { kind: 'MCP server', id })

/** Values that are given, those that are masked as they are stored; a masked one of which nothing is stored is none. */
const unmasked = (given: Record<string, string>, stored: Record<string, string>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(given).flatMap(([name, value]) => {
      const kept = value === mask ? stored[name] : value
      return kept === undefined ? [] : [[name, kept]]
    }),
  )

const secretsAfter = ({ apiKey, headers, env }: ServerChanges, stored: McpSecrets): McpSecrets => ({
  apiKey: apiKey === undefined || apiKey === mask || apiKey === '' ? stored.apiKey : (apiKey ?? ''),
  headers: headers === undefined ? stored.headers : unmasked(headers ?? {}, stored.headers),
  env: env === undefined ? stored.env : unmasked(env ?? {}, stored.env),
})

/** Where secrets are sent to. */
const destination = ({ transport, url, command }: Pick<McpServer, 'transport' | 'url' | 'command'>): string =>
  JSON.stringify([transport, transport === 'stdio' ? command : url])

export const createServerUseCases = ({ rowsOf, allow, stdio }: Parts) => {
  /** @throws INVALID_REQUEST when it cannot be reached, FORBIDDEN for a program of who may not run any */
  const checkReachable = (
    { tenantId, role }: Caller,
    server: Pick<McpServer, 'transport' | 'url' | 'command'>,
  ): void => {
    if (server.transport !== 'stdio') {
      if (server.url === '') throw missing('url')
      checkPublicUrl(server.url, { allow })
      return
    }
    if (server.command === '') throw missing('command')
    if (server.command.includes('\0')) throw invalid('command', 'control characters')
    const mayRun =
      stdio === 'all' || (stdio === 'master' && (tenantId === masterTenantId || roleIncludes(role, 'owner')))
    if (!mayRun) throw new MeshError('FORBIDDEN', 'error.system_owner_only', { action: 'run MCP servers as programs' })
  }

  return {
    checkReachable,

    list: ({ tenantId }: Caller) => rowsOf(tenantId).list(),

    /** @throws NOT_FOUND */
    get: async ({ tenantId }: Caller, id: string): Promise<McpServer> => {
      const server = await rowsOf(tenantId).find(id)
      if (server === undefined) throw serverNotFound(id)
      return server
    },

    /** @throws INVALID_REQUEST, FORBIDDEN, ALREADY_EXISTS */
    create: async (call: Call, server: NewServer): Promise<McpServer> => {
      const { caller } = call
      const { apiKey, headers, env, createdBy, command = '', args = [], url = '', ...fields } = server
      const reached = { transport: fields.transport, command, args, url }
      checkReachable(caller, reached)
      return rowsOf(caller.tenantId).insert(
        { ...fields, ...reached, id: newId(), createdBy: caller.userId || createdBy || '' },
        secretsAfter({ apiKey, headers, env }, noSecrets),
        actorOf(call),
      )
    },

    /** @throws NOT_FOUND, INVALID_REQUEST, FORBIDDEN, ALREADY_EXISTS */
    update: async (call: Call, id: string, changes: ServerChanges): Promise<void> => {
      const { caller } = call
      const found = await rowsOf(caller.tenantId).update(id, actorOf(call), (stored, secrets) => {
        const { apiKey, headers, env, ...fields } = changes
        const after = {
          ...stored,
          ...Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)),
        }
        if (['transport', 'command', 'url'].some((field) => Object.hasOwn(fields, field))) checkReachable(caller, after)
        const moves = destination(after) !== destination(stored)
        const touches = moves || [apiKey, headers, env].some((part) => part !== undefined)
        // What is to be dropped need not be readable: a lost key can be mended by new secrets.
        return {
          fields,
          secrets: touches ? secretsAfter({ apiKey, headers, env }, moves ? noSecrets : secrets()) : undefined,
        }
      })
      if (!found) throw serverNotFound(id)
    },

    remove: (call: Call, id: string): Promise<void> => rowsOf(call.caller.tenantId).remove(id, actorOf(call)),
  }
}

export type ServerUseCases = ReturnType<typeof createServerUseCases>
