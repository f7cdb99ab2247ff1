/** What may be used of MCP servers, as the rows say, and which tools were found by searching. */
import type { ServiceDb } from '@clawmesh/chassis'
import type { PrismaClient } from '../../db/client/client.ts'
import { isSignedInTo, maySignInTo, oauthSettings } from '../oauth/settings.ts'
import { toServer } from '../servers/rows.ts'
import type { McpServer } from '../servers/types.ts'
import type { GrantedServer } from './access.ts'

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

export const createAccessRows = (db: ServiceDb<PrismaClient>) => ({
  read: async (tenantId: string, agentId: string, userId: string): Promise<McpAccess> => {
    const { prisma } = db.forTenant(tenantId)
    const grants = await prisma.mcpAgentGrant.findMany({
      where: { tenantId, agentId, enabled: true, server: { enabled: true } },
      include: { server: true },
    })
    if (grants.length === 0) return { servers: [], activated: [], isPersonal: false }
    const serverId = { in: grants.map((grant) => grant.serverId) }
    const [users, credentials, accounts, anyAccount, found] = await Promise.all([
      prisma.mcpUserGrant.findMany({ where: { tenantId, serverId } }),
      prisma.mcpUserCredential.findMany({ where: { tenantId, serverId } }),
      prisma.mcpOauthAccount.findMany({ where: { tenantId, serverId, userId }, select: { id: true, serverId: true } }),
      prisma.mcpOauthAccount.findFirst({ where: { tenantId, serverId }, select: { id: true } }),
      prisma.mcpActivatedTool.findMany({
        where: { tenantId, agentId, userId },
        orderBy: { activatedAt: 'desc' },
        take: mostActivated,
      }),
    ])
    const servers = grants.flatMap((grant): GrantedServer[] => {
      const user = users.find((each) => each.serverId === grant.serverId && each.userId === userId)
      const own = credentials.find((each) => each.serverId === grant.serverId && each.userId === userId)
      const server = toServer(grant.server)
      const account = maySignInTo(server) ? accounts.find((each) => each.serverId === server.id) : undefined
      const needsOwn = needsCredentials(server)
      if (user?.enabled === false || (needsOwn && own === undefined)) return []
      return [
        {
          server,
          sealed: grant.server.secrets,
          own: own && { id: own.id, sealed: own.secrets },
          signIn:
            // Who has signed in somewhere calls with their own token, whatever is known of the server.
            own === undefined && (isSignedInTo(server) || account !== undefined)
              ? { accountId: account?.id }
              : undefined,
          agent: { toolAllow: grant.toolAllow, toolDeny: grant.toolDeny },
          user: user && { toolAllow: user.toolAllow, toolDeny: user.toolDeny },
        },
      ]
    })
    return {
      servers: servers.sort((a, b) => (a.server.name < b.server.name ? -1 : 1)),
      activated: found.map(({ toolName }) => toolName),
      isPersonal:
        users.length > 0 ||
        credentials.length > 0 ||
        anyAccount !== null ||
        grants.some(({ server }) => needsCredentials(toServer(server)) || isSignedInTo(toServer(server))),
    }
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
