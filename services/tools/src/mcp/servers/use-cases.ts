/** The MCP servers of a tenant: where agents may get more tools from. */
import { MeshError, type Caller } from '@clawmesh/contracts'
import { actorOf, newId, type Actor, type Call } from '@clawmesh/chassis'
import { checkPublicUrl } from '@clawmesh/chassis/fetch'
import type { TargetAuth } from '../client/target.ts'
import { isSignedInTo } from '../oauth/settings.ts'
import { mask, noSecrets, type McpSecrets } from '../secrets.ts'
import { trialFailure, type Trials } from './trials.ts'
import type { McpServer, NewServer, ServerChanges, ServerFields, ServerTrial, ServerWrite } from './types.ts'

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
  /** Makes every process open its connections anew. False when there is no such server. */
  reconnect: (id: string, actor: Actor) => Promise<boolean>
  /** @throws INTERNAL when the key is gone that they were sealed with */
  secretsOf: (id: string) => Promise<McpSecrets>
}

interface Parts {
  rowsOf: (tenantId: string) => ServerRows
  /** Private hosts and ranges that the operator opens. */
  allow: readonly string[]
  /** Whether servers of a tenant may be programs. */
  mayRunPrograms: (tenantId: string) => boolean
  trials: Trials
  /** Of the tokens of a user who is signed in to a server. */
  authOf: (tenantId: string, server: McpServer, userId: string) => TargetAuth
  /** Ends the connections of this process to a server. */
  dropConnections: (tenantId: string, serverId: string) => Promise<void>
  /** Removes what the program of a server has kept on this machine. */
  forgetFiles: (tenantId: string, serverId: string) => Promise<void>
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

/** `***` and an empty text mean "as stored", null none. */
const keyAfter = (given: string | null | undefined, stored: string): string =>
  given === undefined || given === mask || given === '' ? stored : (given ?? '')

const secretsAfter = ({ apiKey, headers, env, oauthClientSecret }: ServerChanges, stored: McpSecrets): McpSecrets => ({
  apiKey: keyAfter(apiKey, stored.apiKey),
  oauthClientSecret: keyAfter(oauthClientSecret, stored.oauthClientSecret),
  headers: headers === undefined ? stored.headers : unmasked(headers ?? {}, stored.headers),
  env: env === undefined ? stored.env : unmasked(env ?? {}, stored.env),
})

/** Where secrets are sent to. */
const destination = ({ transport, url, command }: Pick<McpServer, 'transport' | 'url' | 'command'>): string =>
  JSON.stringify([transport, transport === 'stdio' ? command : url])

export const createServerUseCases = ({
  rowsOf,
  allow,
  mayRunPrograms,
  trials,
  authOf,
  dropConnections,
  forgetFiles,
}: Parts) => {
  /** @throws INVALID_REQUEST when it cannot be reached, FORBIDDEN for a program where none may be run */
  const checkReachable = ({ tenantId }: Caller, server: Pick<McpServer, 'transport' | 'url' | 'command'>): void => {
    if (server.transport !== 'stdio') {
      if (server.url === '') throw missing('url')
      checkPublicUrl(server.url, { allow })
      return
    }
    if (server.command === '') throw missing('command')
    if (server.command.includes('\0')) throw invalid('command', 'control characters')
    if (!mayRunPrograms(tenantId)) throw new MeshError('FORBIDDEN', 'error.programs_closed')
  }

  return {
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
      const {
        apiKey,
        headers,
        env,
        oauthClientSecret,
        createdBy,
        command = '',
        args = [],
        url = '',
        ...fields
      } = server
      const reached = { transport: fields.transport, command, args, url }
      checkReachable(caller, reached)
      return rowsOf(caller.tenantId).insert(
        { ...fields, ...reached, id: newId(), createdBy: caller.userId || createdBy || '' },
        secretsAfter({ apiKey, headers, env, oauthClientSecret }, noSecrets),
        actorOf(call),
      )
    },

    /** @throws NOT_FOUND, INVALID_REQUEST, FORBIDDEN, ALREADY_EXISTS */
    update: async (call: Call, id: string, changes: ServerChanges): Promise<void> => {
      const { caller } = call
      const found = await rowsOf(caller.tenantId).update(id, actorOf(call), (stored, secrets) => {
        const { apiKey, headers, env, oauthClientSecret, ...fields } = changes
        const given = { apiKey, headers, env, oauthClientSecret }
        const after = {
          ...stored,
          ...Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)),
        }
        if (['transport', 'command', 'url'].some((field) => Object.hasOwn(fields, field))) checkReachable(caller, after)
        const moves = destination(after) !== destination(stored)
        const touches = moves || Object.values(given).some((part) => part !== undefined)
        // What is to be dropped need not be readable: a lost key can be mended by new secrets.
        return {
          fields,
          secrets: touches ? secretsAfter(given, moves ? noSecrets : secrets()) : undefined,
          moves,
        }
      })
      if (!found) throw serverNotFound(id)
      await dropConnections(caller.tenantId, id)
    },

    /** Fine when there is none. */
    remove: async (call: Call, id: string): Promise<void> => {
      const { tenantId } = call.caller
      await rowsOf(tenantId).remove(id, actorOf(call))
      await dropConnections(tenantId, id)
      await forgetFiles(tenantId, id)
    },

    /** Drops what is connected, on every replica; the next use connects. @throws NOT_FOUND */
    reconnect: async (call: Call, id: string): Promise<void> => {
      const { tenantId } = call.caller
      if (!(await rowsOf(tenantId).reconnect(id, actorOf(call)))) throw serverNotFound(id)
      await dropConnections(tenantId, id)
    },

    /** Connects once, without storing anything. @throws INVALID_REQUEST, FORBIDDEN for programs */
    test: async (
      { caller, signal }: Call,
      asked: ServerTrial,
    ): Promise<{ success: boolean; toolCount?: number; error?: string }> => {
      const { transport, command = '', args = [], url = '', apiKey = '', headers = {}, env = {} } = asked
      const known = (['stdio', 'sse', 'streamable-http'] as const).find((each) => each === transport)
      if (known === undefined) return { success: false, error: `unknown transport ${transport}` }
      const server = { transport: known, command, args: [...args], url }
      checkReachable(caller, server)
      try {
        const tools = await trials.toolsOf(
          server,
          { ...noSecrets, apiKey: apiKey ?? '', headers: headers ?? {}, env: env ?? {} },
          signal,
        )
        return { success: true, toolCount: tools.length }
      } catch (thrown) {
        return { success: false, error: trialFailure(thrown) }
      }
    },

    /** What a server offers, under its own names; nothing when it cannot be reached. @throws NOT_FOUND */
    tools: async ({ caller: { tenantId, userId }, signal }: Call, id: string) => {
      const rows = rowsOf(tenantId)
      const server = await rows.find(id)
      if (server === undefined) throw serverNotFound(id)
      if (server.transport === 'stdio' && !mayRunPrograms(tenantId)) return []
      const auth = isSignedInTo(server) ? authOf(tenantId, server, userId) : undefined
      return trials.toolsOf(server, await rows.secretsOf(id), signal, auth).catch(() => [])
    },
  }
}

export type ServerUseCases = ReturnType<typeof createServerUseCases>
