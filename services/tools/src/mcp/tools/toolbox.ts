/** The tools of MCP servers as agents have them: listed from memory, run over the connection of whoever they are run for. */
import { cutText, type Call, type Cache, type Logger, type SecretBox } from '@clawmesh/chassis'
import { uuid } from '@clawmesh/contracts'
import { LRUCache } from 'lru-cache'
import { z } from 'zod'
import { fails, says, type Tool } from '../../tool/tool.ts'
import { toolError } from '../../tool/tool-error.ts'
import { neutraliseMarkers } from '../../web/untrusted.ts'
import type { RemoteTool } from '../client/connect.ts'
import { targetOf, type McpTarget } from '../client/target.ts'
import type { ConnectionKey, Pool } from '../client/pool.ts'
import { openSecrets, serverSecrets, userSecrets } from '../secrets.ts'
import { mayUse, type GrantedServer } from './access.ts'
import { meantArguments } from './arguments.ts'
import { toolNameOf } from './names.ts'
import { shownResult } from './result.ts'
import type { AccessRows, McpAccess } from './rows.ts'
import { searchTools, type Searched } from './search.ts'

/** How many are offered at once; of more the rest are found by searching. */
const mostOffered = 40
const mostDescription = 2_000
/** What a model may be told of a failure of others. */
const mostFailure = 1_000
const defaultTimeoutSec = 60
export const searchToolName = 'mcp_tool_search'

/** A tool of a server, under the name that it has here. */
interface ServedTool extends Tool, Searched {
  originalName: string
  serverName: string
}

/** The tools for an agent and a user, before any policy. */
export interface Toolbox {
  tools: readonly Tool[]
  /** Groups for policies: `mcp`, and `mcp:<server>`. */
  groups: Record<string, string[]>
  /** Of those that a policy left, the ones to be offered: the first, the found, and the search for the others. */
  offered: (allowed: readonly Tool[]) => Tool[]
  /** Whether another user of the agent may get other tools. */
  isPersonal: boolean
}

interface Parts {
  rows: AccessRows
  accesses: Cache<McpAccess>
  box: SecretBox
  connections: () => Pool
  /** Variables of ours that headers may name. */
  openVariables: readonly string[]
  /** Whether a tenant may run programs. */
  mayRunPrograms: (tenantId: string) => boolean
  /** How long a turn waits for servers that were not asked yet. */
  firstListMs: number
  log: Logger
}

export const noTools: Toolbox = { tools: [], groups: {}, offered: (allowed) => [...allowed], isPersonal: false }
const anyObject = z.looseObject({})

const versionOf = ({ server, own }: GrantedServer): string => `${server.connectionVersion} ${own?.id ?? ''}`
const listName = ({ tenantId, serverId, userId, version }: ConnectionKey): string =>
  JSON.stringify([tenantId, serverId, userId ?? null, version])

/** In words of ours where there are any, else what the server said, cut. */
const failureOf = (thrown: unknown): string =>
  neutraliseMarkers(cutText(thrown instanceof Error ? thrown.message : String(thrown), mostFailure))

export const createToolboxes = (parts: Parts) => {
  const { rows, accesses, box, connections, log } = parts
  /** What servers have, by connection, outliving it. */
  const lists = new LRUCache<string, readonly RemoteTool[]>({ max: 5_000 })
  const assembled = new WeakMap<McpAccess, { lists: readonly unknown[]; tools: readonly ServedTool[] }>()

  const keyOf = (tenantId: string, userId: string, granted: GrantedServer): ConnectionKey => ({
    tenantId,
    serverId: granted.server.id,
    ...(granted.own === undefined ? {} : { userId }),
    version: versionOf(granted),
  })

  const targetFor =
    (tenantId: string, { server, sealed, own }: GrantedServer) =>
    (): McpTarget => {
      if (server.transport === 'stdio' && !parts.mayRunPrograms(tenantId))
        throw toolError('programs are closed to this tenant')
      const secrets = openSecrets(box, sealed, { column: serverSecrets, tenantId, rowId: server.id })
      const users = own && openSecrets(box, own.sealed, { column: userSecrets, tenantId, rowId: own.id })
      return targetOf(server, secrets, users, parts.openVariables)
    }

  const served = (
    call: { tenantId: string; userId: string },
    granted: GrantedServer,
    remote: RemoteTool,
  ): ServedTool => {
    const { server } = granted
    const key = keyOf(call.tenantId, call.userId, granted)
    const timeoutMs = (server.timeoutSec || defaultTimeoutSec) * 1000
    return {
      name: toolNameOf(server, remote.name),
      originalName: remote.name,
      server: server.displayName || server.name,
      serverName: server.name,
      description: neutraliseMarkers(cutText(remote.description, mostDescription)),
      parameters: anyObject,
      jsonSchema: remote.inputSchema,
      timeoutMs: timeoutMs + 1_000,
      run: async (args, { signal }) => {
        try {
          const result = await connections().use(key, targetFor(call.tenantId, granted), signal, (connection) =>
            connection.call(remote.name, meantArguments(remote.inputSchema, args), { timeoutMs, signal }),
          )
          const shown = shownResult(result, server.name, remote.name)
          return result.isError === true ? fails(shown) : says(shown)
        } catch (thrown) {
          signal.throwIfAborted()
          return fails(`the tool of MCP server ${server.name} failed: ${failureOf(thrown)}`)
        }
      },
    }
  }

  /** The tools of a server as they are known; a server that was never asked is asked, and waited for a moment. */
  const listOf = async (
    tenantId: string,
    userId: string,
    granted: GrantedServer,
    wait: AbortSignal,
  ): Promise<readonly RemoteTool[]> => {
    const key = keyOf(tenantId, userId, granted)
    const known = lists.get(listName(key))
    if (known !== undefined) return known
    await connections()
      .use(key, targetFor(tenantId, granted), wait, async () => undefined)
      .catch((err: unknown) =>
        log.debug({ err, serverId: key.serverId }, 'an MCP server could not be asked for its tools'),
      )
    return lists.get(listName(key)) ?? []
  }

  const serve = async (access: McpAccess, tenantId: string, userId: string): Promise<readonly ServedTool[]> => {
    const wait = AbortSignal.timeout(parts.firstListMs)
    const found = await Promise.all(
      access.servers.map(async (granted) => {
        const known = lists.get(listName(keyOf(tenantId, userId, granted)))
        return known ?? Promise.race([listOf(tenantId, userId, granted, wait), gone(wait)])
      }),
    )
    const before = assembled.get(access)
    if (before?.lists.every((list, place) => list === found[place]) === true) return before.tools
    const names = new Set<string>()
    const tools = access.servers.flatMap((granted, place) =>
      found[place]!.filter(({ name }) => mayUse(granted, name)).flatMap((remote) => {
        const tool = served({ tenantId, userId }, granted, remote)
        if (names.has(tool.name)) {
          log.warn({ tenantId, tool: tool.name }, 'two tools of MCP servers have one name; the first is kept')
          return []
        }
        names.add(tool.name)
        return [tool]
      }),
    )
    assembled.set(access, { lists: found, tools })
    return tools
  }

  const searchTool = (
    deferred: readonly ServedTool[],
    activate: (names: readonly string[]) => Promise<void>,
  ): Tool => ({
    name: searchToolName,
    description: `Find more tools: ${deferred.length} tools of MCP servers are not shown. Those that are found can be called from then on.`,
    parameters: z.object({
      query: z.string().max(1_000).describe('What the tool should do'),
      max_results: z.number().int().min(1).max(50).default(5),
    }),
    run: async ({ query, max_results: most }) => {
      const found = searchTools(deferred, String(query), Number(most))
      if (found.length > 0) await activate(found.map(({ name }) => name))
      const tools = found.map(({ name, originalName, server, description }) => ({
        name,
        original_name: originalName,
        server,
        description,
      }))
      return says(JSON.stringify({ tools, count: tools.length }))
    },
  })

  return {
    /** Keeps what a server has said of its tools. True where that is news. */
    learn: (key: ConnectionKey, tools: readonly RemoteTool[]): boolean => {
      const name = listName(key)
      const before = lists.get(name)
      if (before !== undefined && JSON.stringify(before) === JSON.stringify(tools)) return false
      lists.set(name, tools)
      return true
    },

    /**
     * The tools that an agent may use for a user.
     * @param isFresh reads the rows instead of a cache, for who keeps the answer
     */
    toolbox: async (
      { caller: { tenantId } }: Call,
      agentId: string,
      userId: string,
      isFresh: boolean,
    ): Promise<Toolbox> => {
      // What is no id is no agent's, and nothing is granted to it.
      if (!uuid.safeParse(agentId).success) return noTools
      const load = () => rows.read(tenantId, agentId, userId)
      const access = isFresh ? await load() : await accesses.get(tenantId, `${agentId} ${userId}`, load)
      if (access === undefined || access.servers.length === 0)
        return { ...noTools, isPersonal: access?.isPersonal ?? false }
      const tools = await serve(access, tenantId, userId)
      const activated = new Set(access.activated)
      const activate = (names: readonly string[]) => rows.activate(tenantId, agentId, userId, names)
      const firsts = new Set(tools.slice(0, mostOffered).map(({ name }) => name))
      const isHidden = ({ name }: Tool) => !firsts.has(name) && !activated.has(name)
      const searches = tools.length > mostOffered
      const hidden = searches ? tools.filter(isHidden) : []
      const search = searches ? [searchTool(tools.slice(mostOffered), activate)] : []
      const callable = tools.map((tool): Tool =>
        searches && isHidden(tool)
          ? { ...tool, run: (args, context) => activate([tool.name]).then(() => tool.run(args, context)) }
          : tool,
      )
      const groups: Record<string, string[]> = { mcp: [...tools, ...search].map(({ name }) => name) }
      for (const { serverName, name } of tools) (groups[`mcp:${serverName}`] ??= []).push(name)
      const unseen = new Set(hidden.map(({ name }) => name))
      return {
        tools: [...callable, ...search],
        groups,
        offered: (allowed) => allowed.filter(({ name }) => !unseen.has(name)),
        isPersonal: access.isPersonal || searches,
      }
    },
  }
}

/** Nothing, once it is time to go on without. */
const gone = (signal: AbortSignal): Promise<readonly RemoteTool[]> =>
  new Promise((resolve) => signal.addEventListener('abort', () => resolve([]), { once: true }))
