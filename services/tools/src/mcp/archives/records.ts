/** The lines of an archive of MCP servers, under the names that they have there. */
import { http } from '@clawmesh/contracts'
import { fromContract, type RequestShape } from '@clawmesh/chassis'
import { z } from 'zod'

const { body } = http.mcpServers.operations.createMcpServer
const { name, transport, display_name, tool_prefix, timeout_sec, settings, enabled, command, url, args } = body.shape
const names = z.array(z.string().max(255)).max(1_000).nullish()

export const serverLine = z.object({
  name,
  display_name,
  transport,
  command,
  args: args.nullish(),
  url,
  tool_prefix,
  timeout_sec,
  settings: settings.nullish(),
  enabled,
})

export const grantLine = z.object({
  server_name: z.string().max(255),
  agent_key: z.string().max(255),
  enabled: z.boolean().default(true),
  tool_allow: names,
  tool_deny: names,
  config_overrides: z.looseObject({}).nullish(),
})

export type ServerLine = RequestShape<typeof serverLine>
export type GrantLine = RequestShape<typeof grantLine>

export const toServerLine = (line: z.output<typeof serverLine>): ServerLine =>
  fromContract(serverLine, line) as ServerLine
export const toGrantLine = (line: z.output<typeof grantLine>): GrantLine => fromContract(grantLine, line) as GrantLine

export const entries = { servers: 'servers.jsonl', grants: 'grants.jsonl' } as const
