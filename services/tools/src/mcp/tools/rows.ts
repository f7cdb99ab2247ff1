/** What may be used of MCP servers, as the rows say, and which tools were found by searching. */
import { snakeCase, type ServiceDb } from '@clawmesh/chassis'
import { Prisma, type McpServer as ServerRow, type PrismaClient } from '../../db/client/client.ts'
import { isSignedInTo, maySignInTo, oauthSettings } from '../oauth/settings.ts'
import { toServer } from '../servers/rows.ts'
import type { McpServer } from '../servers/types.ts'
import type { ConnectionKey } from '../client/pool.ts'
import { connectionVersion, type GrantedServer } from './access.ts'

/** Tools that a user has found and that are offered besides the first ones; the newest. */
const mostActivated = 40

/** What an agent and a user may use, in the order of the servers' names. */
export interface McpAccess {
  servers: GrantedServer[]
  /** Tools that were found by searching, as they are called here. */
  activated: string[]
  /** Whether another user of the agent may get other tools. */
  isPersonal: boolean
}

/** Whether only users with secrets of their own get the tools of a server. */
const needsCredentials = ({ settings }: McpServer): boolean =>
  settings['require_user_credentials'] === true || oauthSettings(settings).exchanges

/** A server that an agent was granted, and what is set for a user of it. */
interface Granted {
  agentAllow: string[]
  agentDeny: string[]
  /** Null where nothing is set for the user. */
  userEnabled: boolean | null
  userAllow: string[]
  userDeny: string[]
  ownId: string | null
  ownSecrets: string
  accountId: string | null
  /** Whether anything of it is set for any user. */
  hasUsers: boolean
  activated: string[]
}

/** A row taken apart: what is not of the server itself must not go where its object goes. */
const apart = (row: ServerRow & Granted): { server: McpServer; sealed: string | null; granted: Granted } => {
  const { agentAllow, agentDeny, userEnabled, userAllow, userDeny, ownId, ownSecrets, ...others } = row
  const { accountId, hasUsers, activated, ...server } = others
  return {
    server: toServer(server),
    sealed: server.secrets,
    granted: {
      ...{ agentAllow, agentDeny, userEnabled, userAllow, userDeny, ownId, ownSecrets },
      ...{ accountId, hasUsers, activated },
    },
  }
}

/** All of a server, named as the client names them. */
const serverColumns = Prisma.raw(
  Object.values(Prisma.McpServerScalarFieldEnum)
    .map((field) => `s.${snakeCase(field)} AS "${field}"`)
    .join(', '),
)

/** @param shared servers that everybody may use; before those of a tenant where names are the same */
export const createAccessRows = (db: ServiceDb<PrismaClient>, shared: readonly GrantedServer[]) => ({
  // One statement: every turn of an agent begins with this.
  read: async (tenantId: string, agentId: string, userId: string): Promise<McpAccess> => {
    const grants = await db.forTenant(tenantId).prisma.$queryRaw<(ServerRow & Granted)[]>`
      SELECT ${serverColumns}, g.tool_allow AS "agentAllow", g.tool_deny AS "agentDeny",
        u.enabled AS "userEnabled", u.tool_allow AS "userAllow", u.tool_deny AS "userDeny",
        c.id AS "ownId", c.secrets AS "ownSecrets", a.id AS "accountId",
        (EXISTS (SELECT FROM tools.mcp_user_grants any_u
           WHERE any_u.server_id = s.id AND any_u.tenant_id = ${tenantId}::uuid)
         OR EXISTS (SELECT FROM tools.mcp_user_credentials any_c
           WHERE any_c.server_id = s.id AND any_c.tenant_id = ${tenantId}::uuid)
         OR EXISTS (SELECT FROM tools.mcp_oauth_accounts any_a
           WHERE any_a.server_id = s.id AND any_a.tenant_id = ${tenantId}::uuid)) AS "hasUsers",
        ARRAY(SELECT tool_name::text FROM tools.mcp_activated_tools
          WHERE tenant_id = ${tenantId}::uuid AND agent_id = ${agentId}::uuid AND user_id = ${userId}
          ORDER BY activated_at DESC LIMIT ${mostActivated}) AS activated
      FROM tools.mcp_agent_grants g
      JOIN tools.mcp_servers s ON s.id = g.server_id AND s.tenant_id = ${tenantId}::uuid AND s.enabled
      LEFT JOIN tools.mcp_user_grants u
        ON u.server_id = s.id AND u.user_id = ${userId} AND u.tenant_id = ${tenantId}::uuid
      LEFT JOIN tools.mcp_user_credentials c
        ON c.server_id = s.id AND c.user_id = ${userId} AND c.tenant_id = ${tenantId}::uuid
      LEFT JOIN tools.mcp_oauth_accounts a
        ON a.server_id = s.id AND a.user_id = ${userId} AND a.tenant_id = ${tenantId}::uuid
      WHERE g.tenant_id = ${tenantId}::uuid AND g.agent_id = ${agentId}::uuid AND g.enabled`
    const all = grants.map(apart)
    const servers = all.flatMap(({ server, sealed, granted }): GrantedServer[] => {
      const own = granted.ownId === null ? undefined : { id: granted.ownId, sealed: granted.ownSecrets }
      const accountId = granted.accountId !== null && maySignInTo(server) ? granted.accountId : undefined
      if (granted.userEnabled === false || (needsCredentials(server) && own === undefined)) return []
      return [
        {
          server,
          sealed,
          own,
          // Who has signed in somewhere calls with their own token, whatever is known of the server.
          signIn: own === undefined && (isSignedInTo(server) || accountId !== undefined) ? { accountId } : undefined,
          agent: { toolAllow: granted.agentAllow, toolDeny: granted.agentDeny },
          user: granted.userEnabled === null ? undefined : { toolAllow: granted.userAllow, toolDeny: granted.userDeny },
        },
      ]
    })
    const activatedWithoutGrant = async (): Promise<string[]> =>
      shared.length === 0
        ? []
        : (
            await db.forTenant(tenantId).prisma.mcpActivatedTool.findMany({
              where: { tenantId, agentId, userId },
              orderBy: { activatedAt: 'desc' },
              take: mostActivated,
            })
          ).map(({ toolName }) => toolName)
    return {
      servers: [...shared, ...servers].sort(({ server: { name: a } }, { server: { name: b } }) =>
        a === b ? 0 : a < b ? -1 : 1,
      ),
      activated: grants[0]?.activated ?? (await activatedWithoutGrant()),
      isPersonal: all.some(
        ({ server, granted }) => granted.hasUsers || needsCredentials(server) || isSignedInTo(server),
      ),
    }
  },

  /** Versions that connections may have, by server: of those that are on, with the secrets and sign-ins that there are. */
  versionsOf: async (
    tenantId: string,
    keys: readonly Pick<ConnectionKey, 'serverId' | 'userId'>[],
  ): Promise<Map<string, Set<string>>> => {
    const servers = [...new Set(keys.map(({ serverId }) => serverId))]
    const users = [...new Set(keys.flatMap(({ userId }) => userId ?? []))]
    const rows = await db.forTenant(tenantId).prisma.$queryRaw<{ id: string; version: number; own: string[] }[]>`
      SELECT s.id, s.connection_version AS version,
        ARRAY(SELECT c.id::text FROM tools.mcp_user_credentials c
          WHERE c.server_id = s.id AND c.tenant_id = ${tenantId}::uuid AND c.user_id = ANY(${users}::text[])
          UNION ALL SELECT a.id::text FROM tools.mcp_oauth_accounts a
          WHERE a.server_id = s.id AND a.tenant_id = ${tenantId}::uuid AND a.user_id = ANY(${users}::text[])) AS own
      FROM tools.mcp_servers s
      WHERE s.tenant_id = ${tenantId}::uuid AND s.enabled AND s.id = ANY(${servers}::uuid[])`
    return new Map(
      rows.map(({ id, version, own }) => [id, new Set(['', ...own].map((each) => connectionVersion(version, each)))]),
    )
  },

  activate: async (tenantId: string, agentId: string, userId: string, names: readonly string[]): Promise<void> => {
    const activatedAt = new Date()
    await db.forTenant(tenantId).change(async (tx) => {
      for (const toolName of names) {
        const key = { tenantId, agentId, userId, toolName }
        await tx.mcpActivatedTool.upsert({
          where: { tenantId_agentId_userId_toolName: key },
          create: { ...key, activatedAt },
          update: { activatedAt },
        })
      }
      return { result: undefined, evict: [{ kind: 'mcp', tenantId }] }
    })
  },
})

export type AccessRows = ReturnType<typeof createAccessRows>
