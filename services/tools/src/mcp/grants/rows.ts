/** The rows of mcp_agent_grants and mcp_user_grants. */
import { event, newId, type ServiceDb } from '@clawmesh/chassis'
import type { PrismaClient } from '../../db/client/client.ts'
import type { InputJsonObject } from '../../db/client/internal/prismaNamespace.ts'
import type { GrantRows } from './use-cases.ts'

export const createGrantRows =
  (db: ServiceDb<PrismaClient>) =>
  (tenantId: string): GrantRows => {
    const { prisma, change } = db.forTenant(tenantId)
    const evict = [{ kind: 'mcp', tenantId }] as const

    const gone = (id: string) => ({ missing: { kind: 'MCP server', id } })

    return {
      hasServer: async (id) => (await prisma.mcpServer.count({ where: { id, tenantId } })) > 0,

      list: async (of) => {
        const rows = await prisma.mcpAgentGrant.findMany({
          where: { tenantId, ...of },
          // Those of one moment by id.
          orderBy: [{ createdAt: 'asc' }, { id: 'asc' }],
        })
        return rows.map((row) => ({ ...row, configOverrides: row.configOverrides as Record<string, unknown> }))
      },

      putAgent: (serverId, { agentId, ...grant }, actor) =>
        change(async (tx) => {
          const { configOverrides = {}, enabled = true, toolAllow, toolDeny, grantedBy } = grant
          const replaced = {
            toolAllow: [...toolAllow],
            toolDeny: [...toolDeny],
            grantedBy,
            enabled,
            configOverrides: configOverrides as InputJsonObject,
          }
          await tx.mcpAgentGrant.upsert({
            where: { serverId_agentId: { serverId, agentId }, tenantId },
            create: { id: newId(), tenantId, serverId, agentId, ...replaced },
            update: replaced,
          })
          return {
            result: undefined,
            events: [event('mcpServerAgentGranted', { id: serverId, agentId, ...actor })],
            evict,
          }
        }, gone(serverId)),

      putUser: (serverId, { userId, ...grant }, actor) =>
        change(async (tx) => {
          const replaced = { ...grant, enabled: true }
          await tx.mcpUserGrant.upsert({
            where: { serverId_userId: { serverId, userId }, tenantId },
            create: { id: newId(), tenantId, serverId, userId, ...replaced },
            update: replaced,
          })
          return {
            result: undefined,
            events: [event('mcpServerUserGranted', { id: serverId, userId, ...actor })],
            evict,
          }
        }, gone(serverId)),

      removeAgent: (serverId, agentId, actor) =>
        change(async (tx) => {
          const { count } = await tx.mcpAgentGrant.deleteMany({ where: { tenantId, serverId, agentId } })
          const events = count === 0 ? [] : [event('mcpServerAgentRevoked', { id: serverId, agentId, ...actor })]
          return { result: undefined, events, evict }
        }),

      removeUser: (serverId, userId, actor) =>
        change(async (tx) => {
          const { count } = await tx.mcpUserGrant.deleteMany({ where: { tenantId, serverId, userId } })
          const events = count === 0 ? [] : [event('mcpServerUserRevoked', { id: serverId, userId, ...actor })]
          return { result: undefined, events, evict }
        }),

      removeOfAgent: (agentId) =>
        change(async (tx) => {
          await tx.mcpAgentGrant.deleteMany({ where: { tenantId, agentId } })
          await tx.mcpAccessRequest.deleteMany({ where: { tenantId, agentId } })
          await tx.mcpActivatedTool.deleteMany({ where: { tenantId, agentId } })
          return { result: undefined, evict }
        }),
    }
  }
