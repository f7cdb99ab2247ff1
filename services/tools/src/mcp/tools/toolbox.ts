/** The tools of MCP servers as agents have them: listed from memory, run over the connection of whoever they are run for. */
import { join } from 'node:path'
import { cutText, perObject, type Call, type Cache, type Logger, type SecretBox } from '@clawmesh/chassis'
import { uuid } from '@clawmesh/contracts'
import { LRUCache } from 'lru-cache'
import { z } from 'zod'
import { fails, says, type Tool, type ToolResult } from '../../tool/tool.ts'
import { toolError } from '../../tool/tool-error.ts'
import { userFolder } from '../../workspace/workspace-path.ts'
import { neutraliseMarkers } from '../../web/untrusted.ts'
import type { RemoteTool } from '../client/connect.ts'
import { placeOf } from '../client/programs.ts'
import { signedIn, targetOf, type McpTarget } from '../client/target.ts'
import type { ConnectionKey, Pool } from '../client/pool.ts'
import type { Elicit } from '../elicitation/elicit.ts'
import { OauthFault } from '../oauth/authorization.ts'
import { maySignInTo, oauthSettings } from '../oauth/settings.ts'
import { SignInNeeded, type Challenge } from '../oauth/types.ts'
import type { Oauth } from '../oauth/use-cases.ts'
import { openSecrets, serverSecrets, userSecrets } from '../secrets.ts'
import { connectionVersion, mayUse, type GrantedServer } from './access.ts'
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
/** For what users are asked in the middle of a call, at most. */
const mostAskedMs = 660_000
export const searchToolName = 'mcp_tool_search'
const searchParameters = z.object({
  query: z.string().max(1_000).describe('What the tool should do'),
  max_results: z.number().int().min(1).max(50).default(5),
})

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
  oauth: Pick<Oauth, 'begin' | 'widened' | 'markServer' | 'accountAuth' | 'exchangedAuth'>
  connections: () => Pool
  /** Takes what servers ask to users. */
  elicit: Elicit
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

const noList: readonly RemoteTool[] = []

/** What a connection depends on: nobody's calls go over one of another account, or of the one that the user had before. */
const versionOf = ({ server, own, signIn }: GrantedServer): string =>
  connectionVersion(server.connectionVersion, own?.id ?? signIn?.accountId ?? '')
const isSignedOut = ({ signIn }: GrantedServer): boolean => signIn !== undefined && signIn.accountId === undefined
/** Whether a user who is refused is asked to sign in: one with a key of their own has only a wrong one. */
const mayAsk = ({ own, server }: GrantedServer): boolean => own === undefined && maySignInTo(server)
const listName = ({ tenantId, serverId, userId, version }: ConnectionKey): string =>
  JSON.stringify([tenantId, serverId, userId ?? null, version])

/** For whom tools are called. */
interface Who {
  tenantId: string
  userId: string
  agentId: string
}

/** What a server says of its tool, for a model; looked at once, as lists are assembled often. */
const descriptionOf = perObject(({ description }: RemoteTool) =>
  neutraliseMarkers(cutText(description, mostDescription)),
)

/** In words of ours where there are any, else what the server said, cut. */
const failureOf = (thrown: unknown): string =>
  neutraliseMarkers(cutText(thrown instanceof Error ? thrown.message : String(thrown), mostFailure))

export const createToolboxes = (parts: Parts) => {
  const { rows, accesses, box, oauth, connections, log } = parts
  /** What servers have, by connection, outliving it. */
  const lists = new LRUCache<string, readonly RemoteTool[]>({ max: 5_000 })
  const assembled = new WeakMap<McpAccess, { lists: readonly unknown[]; tools: readonly ServedTool[] }>()

  const keyOf = (tenantId: string, userId: string, granted: GrantedServer): ConnectionKey => ({
    tenantId,
    serverId: granted.server.id,
    ...(granted.own === undefined && granted.signIn === undefined ? {} : { userId }),
    version: versionOf(granted),
  })

  const targetFor =
    (tenantId: string, userId: string, { server, sealed, ofInstallation, own, signIn }: GrantedServer) =>
    (): McpTarget => {
      if (server.transport === 'stdio' && ofInstallation === undefined && !parts.mayRunPrograms(tenantId))
        throw toolError('programs are closed to this tenant')
      const secrets = ofInstallation ?? openSecrets(box, sealed, { column: serverSecrets, tenantId, rowId: server.id })
      const users = own && openSecrets(box, own.sealed, { column: userSecrets, tenantId, rowId: own.id })
      // A program with a user's secrets keeps what it has where no other user's finds it.
      const folder = [tenantId, server.id, own === undefined ? 'shared' : join('users', userFolder(userId))]
      const target = {
        ...targetOf(server, secrets, users, parts.openVariables),
        place: placeOf(server.settings, folder),
      }
      if (signIn !== undefined) return signedIn(target, oauth.accountAuth(tenantId, server, userId))
      if (users === undefined || users.apiKey === '' || !oauthSettings(server.settings).exchanges) return target
      return signedIn(target, oauth.exchangedAuth(tenantId, server, users.apiKey, secrets))
    }

  /** Tells the model, and through it the user, where to sign in. */
  const askToSignIn = async (
    { tenantId, userId }: Who,
    { server, sealed }: GrantedServer,
    challenge: Challenge,
  ): Promise<ToolResult> => {
    try {
      const secrets = openSecrets(box, sealed, { column: serverSecrets, tenantId, rowId: server.id })
      const scope = (await oauth.widened(tenantId, server.id, userId, challenge.scope)) || undefined
      const { url, expiresAt } = await oauth.begin(tenantId, userId, server, secrets, { ...challenge, scope })
      const text = `The user has to sign in to the MCP server ${server.name}, or to allow it more than before. Give them this address to open in a browser, as it is; it is good until ${expiresAt.toISOString()}:\n${url}\nUntil they say that they have done so, do not try again.`
      return fails(text, { signIn: { server: server.name } })
    } catch (thrown) {
      if (!(thrown instanceof OauthFault)) throw thrown
      return fails(`nobody can be signed in to the MCP server ${server.name}: ${failureOf(thrown)}`)
    }
  }

  /** Stands for the tools of a server as long as the user is not signed in. */
  const signInTool = (who: Who, granted: GrantedServer): ServedTool => ({
    name: toolNameOf(granted.server)('sign_in'),
    originalName: 'sign_in',
    server: granted.server.displayName || granted.server.name,
    serverName: granted.server.name,
    description: `Ask for the address where the user signs in to the MCP server ${granted.server.name}. Its tools are there once they have done so.`,
    parameters: z.object({}),
    run: async () => ({ ...(await askToSignIn(who, granted, {})), isError: false }),
  })

  const served = (call: Who, granted: GrantedServer): ((remote: RemoteTool) => ServedTool) => {
    const { server } = granted
    const key = keyOf(call.tenantId, call.userId, granted)
    const timeoutMs = (server.timeoutSec || defaultTimeoutSec) * 1000
    const nameOf = toolNameOf(server)
    return (remote) => ({
      name: nameOf(remote.name),
      originalName: remote.name,
      server: server.displayName || server.name,
      serverName: server.name,
      description: descriptionOf(remote),
      parameters: anyObject,
      jsonSchema: remote.inputSchema,
      // While a user is asked the time of the call stands still.
      timeoutMs: timeoutMs + mostAskedMs,
      run: async (args, { signal, sessionKey }) => {
        const asked = {
          ...{ tenantId: call.tenantId, userId: call.userId, agentId: call.agentId, sessionKey },
          ...{ serverId: server.id, server: server.displayName || server.name },
        }
        const elicit = {
          name: JSON.stringify([call.userId, call.agentId, sessionKey]),
          // What is asked is kept with the row of its server.
          ask: async (params: unknown, leaving: AbortSignal) =>
            granted.ofInstallation === undefined
              ? parts.elicit(asked, params, leaving)
              : { action: 'decline' as const },
        }
        try {
          const result = await connections().use(
            key,
            targetFor(call.tenantId, call.userId, granted),
            signal,
            (connection) =>
              connection.call(remote.name, meantArguments(remote.inputSchema, args), { timeoutMs, signal, elicit }),
          )
          const shown = shownResult(result, server.name, remote.name)
          return result.isError === true ? fails(shown) : says(shown)
        } catch (thrown) {
          signal.throwIfAborted()
          if (thrown instanceof SignInNeeded && mayAsk(granted)) return askToSignIn(call, granted, thrown.challenge)
          return fails(`the tool of MCP server ${server.name} failed: ${failureOf(thrown)}`)
        }
      },
    })
  }

  /** The tools of a server as they are known; a server that was never asked is asked, and waited for a moment. */
  const listOf = async (
    tenantId: string,
    userId: string,
    granted: GrantedServer,
    wait: AbortSignal,
    /** Told that the server wants its users to sign in, which nobody knew. */
    marked: () => void,
  ): Promise<readonly RemoteTool[]> => {
    const key = keyOf(tenantId, userId, granted)
    const known = lists.get(listName(key))
    if (known !== undefined) return known
    await connections()
      .use(key, targetFor(tenantId, userId, granted), wait, async () => undefined)
      .catch(async (err: unknown) => {
        log.debug({ err, serverId: key.serverId }, 'an MCP server could not be asked for its tools')
        if (!(err instanceof SignInNeeded) || !mayAsk(granted) || granted.signIn !== undefined) return
        await oauth.markServer(tenantId, key.serverId)
        marked()
      })
    return lists.get(listName(key)) ?? noList
  }

  const serve = async (
    access: McpAccess,
    { tenantId, userId, agentId }: Who,
    marked: () => void,
  ): Promise<readonly ServedTool[]> => {
    const wait = AbortSignal.timeout(parts.firstListMs)
    const found = await Promise.all(
      access.servers.map(async (granted) => {
        const key = keyOf(tenantId, userId, granted)
        const known = isSignedOut(granted) ? noList : lists.get(listName(key))
        if (known !== undefined) connections().keepList(key)
        return known ?? Promise.race([listOf(tenantId, userId, granted, wait, marked), gone(wait)])
      }),
    )
    const before = assembled.get(access)
    if (before?.lists.every((list, place) => list === found[place]) === true) return before.tools
    const names = new Set<string>()
    const who = { tenantId, userId, agentId }
    const all = access.servers.flatMap((granted, place) =>
      isSignedOut(granted)
        ? [signInTool(who, granted)]
        : found[place]!.filter(({ name }) => mayUse(granted, name)).map(served(who, granted)),
    )
    const tools = all.filter(({ name }) => {
      if (!names.has(name)) return names.add(name)
      log.warn({ tenantId, tool: name }, 'two tools of MCP servers have one name; the first is kept')
      return false
    })
    assembled.set(access, { lists: found, tools })
    return tools
  }

  const searchTool = (
    deferred: readonly ServedTool[],
    activate: (names: readonly string[]) => Promise<void>,
  ): Tool => ({
    name: searchToolName,
    description: `Find more tools: ${deferred.length} tools of MCP servers are not shown. Those that are found can be called from then on.`,
    parameters: searchParameters,
    run: async ({ query, max_results: most }) => {
      const found = searchTools(deferred, String(query), Number(most))
      if (found.length > 0) await activate(found.map(({ name }) => name))
      const tools = found.map(({ name, originalName, server, description }) => ({
        name,
        original_name: originalName,
        server,
        description,
      }))
      return says(JSON.stringify({ tools, count: tools.length }), { metadata: { foundTools: found.length > 0 } })
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
      const read = async () => (isFresh ? load() : accesses.get(tenantId, `${agentId} ${userId}`, load))
      let access = await read()
      if (access === undefined || access.servers.length === 0)
        return { ...noTools, isPersonal: access?.isPersonal ?? false }
      const who = { tenantId, userId, agentId }
      let isMarked = false
      let tools = await serve(access, who, () => (isMarked = true))
      if (isMarked) {
        access = await load()
        tools = await serve(access, who, () => undefined)
      }
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
