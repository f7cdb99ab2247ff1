/** The rows of mcp_servers. Secrets are sealed on the way in and opened only to be changed. */
import { event, type SecretBox, type ServiceDb } from '@clawmesh/chassis'
import type { McpServer as ServerRow, PrismaClient } from '../../db/client/client.ts'
import type { InputJsonObject } from '../../db/client/internal/prismaNamespace.ts'
import { openSecrets, secretColumnsOf, serverSecrets } from '../secrets.ts'
import type { McpServer, McpTransport } from './types.ts'
import type { ServerRows } from './use-cases.ts'

export const toServer = ({ tenantId: _tenantId, secrets: _secrets, ...row }: ServerRow): McpServer => ({
  ...row,
  transport: row.transport as McpTransport,
  settings: row.settings as Record<string, unknown>,
})

export const createServerRows =
  (db: ServiceDb<PrismaClient>, box: SecretBox) =>
  (tenantId: string): ServerRows => {
    const { prisma, change } = db.forTenant(tenantId)
    const evict = [{ kind: 'mcp', tenantId }] as const
    const conflict = (name: string) => ({ kind: 'MCP server', id: name })

    return {
      list: async () => {
        const rows = await prisma.mcpServer.findMany({
          where: { tenantId },
          orderBy: { name: 'asc' },
          include: { _count: { select: { agentGrants: true } } },
        })
        return rows.map(({ _count, ...row }) => ({ ...toServer(row), agentCount: _count.agentGrants }))
      },

      find: async (id) => {
        const row = await prisma.mcpServer.findFirst({ where: { id, tenantId } })
        return row === null ? undefined : toServer(row)
      },

      insert: ({ settings, ...fields }, secrets, actor) =>
        change(
          async (tx) => {
            const { id } = fields
            const row = await tx.mcpServer.create({
              data: {
                ...fields,
                settings: settings as InputJsonObject,
                tenantId,
                ...secretColumnsOf(box, secrets, { tenantId, rowId: id }),
              },
            })
            return { result: toServer(row), events: [event('mcpServerCreated', { id, ...actor })], evict }
          },
          { conflict: conflict(fields.name) },
        ),

      update: (id, actor, changeOf) => {
        let name = ''
        return change(
          async (tx) => {
            await tx.$queryRaw`
              SELECT id FROM tools.mcp_servers
              WHERE id = ${id}::uuid AND tenant_id = ${tenantId}::uuid FOR UPDATE`
            const row = await tx.mcpServer.findFirst({ where: { id, tenantId } })
            if (row === null) return { result: false }
            const place = { tenantId, rowId: id }
            const { fields, secrets, moves } = changeOf(toServer(row), () =>
              openSecrets(box, row.secrets, { ...place, column: serverSecrets }),
            )
            if (secrets === undefined && Object.values(fields).every((value) => value === undefined))
              return { result: true }
            const { settings, ...plain } = fields
            name = plain.name ?? row.name
            if (moves)
              await Promise.all([
                tx.mcpOauthClient.deleteMany({ where: { tenantId, serverId: id } }),
                tx.mcpOauthFlow.deleteMany({ where: { tenantId, serverId: id } }),
                tx.mcpOauthAccount.deleteMany({ where: { tenantId, serverId: id } }),
                tx.mcpUserCredential.deleteMany({ where: { tenantId, serverId: id } }),
              ])
            await tx.mcpServer.update({
              where: { id, tenantId },
              data: {
                ...plain,
                settings: settings as InputJsonObject | undefined,
                ...(secrets === undefined ? {} : secretColumnsOf(box, secrets, place)),
                connectionVersion: { increment: 1 },
                ...(moves ? { wantsSignIn: false } : {}),
              },
            })
            return { result: true, events: [event('mcpServerUpdated', { id, ...actor })], evict }
          },
          { conflict: () => conflict(name) },
        )
      },

      remove: (id, actor) =>
        change(async (tx) => {
          const { count } = await tx.mcpServer.deleteMany({ where: { id, tenantId } })
          return {
            result: undefined,
            events: count === 0 ? [] : [event('mcpServerDeleted', { id, ...actor })],
            evict,
          }
        }),

      reconnect: (id, actor) =>
        change(async (tx) => {
          const { count } = await tx.mcpServer.updateMany({
            where: { id, tenantId },
            data: { connectionVersion: { increment: 1 } },
          })
          if (count === 0) return { result: false }
          return { result: true, events: [event('mcpServerReconnected', { id, ...actor })], evict }
        }),

      secretsOf: async (id) => {
        const row = await prisma.mcpServer.findFirst({ where: { id, tenantId }, select: { secrets: true } })
        return openSecrets(box, row?.secrets ?? null, { column: serverSecrets, tenantId, rowId: id })
      },
    }
  }
