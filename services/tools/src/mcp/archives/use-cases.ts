/** MCP servers and the grants of agents on their way from one installation to another. No secret goes with them. */
import { createReadStream } from 'node:fs'
import { actorOf, type Actor, type Call, type Logger, type Upload } from '@clawmesh/chassis'
import {
  linesOf,
  openScratch,
  packArchive,
  recordOf,
  spoolRecords,
  unpackArchive,
  writeToFile,
  type Report,
  type Scratch,
} from '@clawmesh/chassis/archives'
import type { AgentGrant } from '../grants/types.ts'
import type { McpServer, NewServer } from '../servers/types.ts'
import {
  entries,
  grantLine,
  serverLine,
  toGrantLine,
  toServerLine,
  type GrantLine,
  type ServerLine,
} from './records.ts'

interface Parts {
  servers: (tenantId: string) => Promise<McpServer[]>
  grants: (tenantId: string) => Promise<AgentGrant[]>
  /** Registers a server with all checks. @throws ALREADY_EXISTS, and for what cannot be registered */
  create: (call: Call, server: NewServer) => Promise<McpServer>
  putGrant: (
    tenantId: string,
    serverId: string,
    grant: Pick<AgentGrant, 'agentId' | 'enabled' | 'toolAllow' | 'toolDeny' | 'configOverrides' | 'grantedBy'>,
    actor: Actor,
  ) => Promise<void>
  agentKeyOf: (call: Call, agentId: string) => Promise<string | undefined>
  agentIdOf: (call: Call, agentKey: string) => Promise<string | undefined>
  log: Logger
}

/** An archive that has come whole, and was found to be right. */
export interface ReceivedMcp {
  path: string
  remove: () => Promise<void>
}

export interface McpImportSummary {
  serversImported: number
  serversSkipped: number
  grantsApplied: number
}

const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

const serverRecord = (server: McpServer): object => ({
  name: server.name,
  display_name: server.displayName,
  transport: server.transport,
  command: server.command,
  args: server.args,
  url: server.url,
  tool_prefix: server.toolPrefix,
  timeout_sec: server.timeoutSec,
  settings: server.settings,
  enabled: server.enabled,
})

const each = async function* (records: readonly object[]): AsyncGenerator<object> {
  yield* records
}

/** The lines of an entry of an archive. */
const linesIn = async function* (path: string, name: string): AsyncGenerator<Buffer> {
  for await (const entry of unpackArchive(createReadStream(path) as AsyncIterable<Buffer>))
    if (entry.names.join('/') === name) yield* linesOf(entry)
}

const serversIn = async function* (path: string, tenantId: string): AsyncGenerator<ServerLine> {
  for await (const line of linesIn(path, entries.servers))
    yield toServerLine(await recordOf(serverLine, line, tenantId))
}

const grantsIn = async function* (path: string, tenantId: string): AsyncGenerator<GrantLine> {
  for await (const line of linesIn(path, entries.grants)) {
    const read = await recordOf(grantLine, line, tenantId).catch(() => undefined)
    if (read !== undefined) yield toGrantLine(read)
  }
}

export const archiveNameOf = (now: Date): string =>
  `mcp-servers-${now.toISOString().slice(0, 10).replaceAll('-', '')}.tar.gz`

export const createMcpArchives = (parts: Parts) => {
  const { log } = parts

  /** By name of the server and key of the agent; what was granted to agents that have gone is left out. */
  const grantRecords = async (call: Call, servers: readonly McpServer[]): Promise<object[]> => {
    const names = new Map(servers.map(({ id, name }) => [id, name]))
    const keys = new Map<string, string | undefined>()
    const records: { server_name: string; agent_key: string }[] = []
    for (const grant of await parts.grants(call.caller.tenantId)) {
      if (!keys.has(grant.agentId)) keys.set(grant.agentId, await parts.agentKeyOf(call, grant.agentId))
      const [server_name, agent_key] = [names.get(grant.serverId), keys.get(grant.agentId)]
      if (server_name === undefined || agent_key === undefined) continue
      const { enabled, toolAllow: tool_allow, toolDeny: tool_deny, configOverrides: config_overrides } = grant
      records.push({ server_name, agent_key, ...{ enabled, tool_allow, tool_deny, config_overrides } })
    }
    return records.sort((a, b) => byText(a.server_name, b.server_name) || byText(a.agent_key, b.agent_key))
  }

  const entriesOf = async function* (call: Call, report: Report, scratch: Scratch) {
    const servers = await parts.servers(call.caller.tenantId)
    const sections = [
      ['servers', async () => servers.map(serverRecord)],
      ['grants', () => grantRecords(call, servers)],
    ] as const
    for (const [phase, recordsOf] of sections) {
      await report({ phase, status: 'running' })
      const entry = await spoolRecords(scratch, entries[phase], each(await recordsOf()))
      if (entry !== undefined) yield entry
      await report({ phase, status: 'done', current: entry?.count ?? 0 })
    }
  }

  return {
    preview: async ({ caller: { tenantId } }: Call) => {
      const [servers, grants] = await Promise.all([parts.servers(tenantId), parts.grants(tenantId)])
      return { servers: servers.length, agentGrants: grants.length }
    },

    /** The bytes of an archive as it is made. @throws PAYLOAD_TOO_LARGE */
    pack: async function* (call: Call, report: Report): AsyncGenerator<Buffer> {
      const scratch = await openScratch()
      try {
        yield* packArchive(entriesOf(call, report, scratch))
      } finally {
        await scratch.remove()
      }
    },

    /** Takes in an archive, and reads it to its end. Whoever gets it removes it. @throws INVALID_REQUEST, PAYLOAD_TOO_LARGE */
    receive: async ({ caller }: Call, upload: Upload<unknown>): Promise<ReceivedMcp> => {
      const scratch = await openScratch()
      const path = scratch.file('archive.tar.gz')
      try {
        await upload(async (file) => void (await writeToFile(path, file)))
        for await (const server of serversIn(path, caller.tenantId)) void server
        return { path, remove: scratch.remove }
      } catch (thrown) {
        await scratch.remove()
        throw thrown
      }
    },

    import: async (call: Call, { path }: ReceivedMcp, report: Report): Promise<McpImportSummary> => {
      const { tenantId, userId } = call.caller
      const summary = { serversImported: 0, serversSkipped: 0, grantsApplied: 0 }
      await report({ phase: 'server', status: 'running' })
      const known = new Map((await parts.servers(tenantId)).map(({ name, id }) => [name, id]))
      for await (const { args, settings, ...server } of serversIn(path, tenantId)) {
        const { name } = server
        const made = known.has(name)
          ? undefined
          : await parts
              .create(call, { ...server, args: args ?? [], settings: settings ?? {} })
              .catch((err: unknown) => log.info({ err, tenantId, server: name }, 'a server of an archive is skipped'))
        if (made) known.set(name, made.id)
        summary[made ? 'serversImported' : 'serversSkipped']++
      }
      await report({ phase: 'server', status: 'done', current: summary.serversImported })
      await report({ phase: 'grant', status: 'running' })
      for await (const { serverName, agentKey, ...grant } of grantsIn(path, tenantId)) {
        const [serverId, agentId] = [known.get(serverName), await parts.agentIdOf(call, agentKey)]
        if (serverId === undefined || agentId === undefined) continue
        const lists = { toolAllow: grant.toolAllow ?? [], toolDeny: grant.toolDeny ?? [] }
        const { enabled, configOverrides } = grant
        const stored = { agentId, enabled, ...lists, configOverrides: configOverrides ?? {}, grantedBy: userId }
        await parts.putGrant(tenantId, serverId, stored, actorOf(call))
        summary.grantsApplied++
      }
      await report({ phase: 'grant', status: 'done', current: summary.grantsApplied })
      return summary
    },
  }
}

export type McpArchives = ReturnType<typeof createMcpArchives>
