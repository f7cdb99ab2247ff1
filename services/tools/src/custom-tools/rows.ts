/** The rows of custom_tools. Variables are sealed on the way in. */
import { event, likePattern, type SecretBox, type SecretColumn, type ServiceDb } from '@clawmesh/chassis'
import { envColumns, openEnv } from '../cli-credentials/env.ts'
import type { CustomTool as ToolRow, PrismaClient } from '../db/client/client.ts'
import type { InputJsonObject } from '../db/client/internal/prismaNamespace.ts'
import type { CustomTool } from './types.ts'
import type { CustomToolRows } from './use-cases.ts'

export const customToolEnv: SecretColumn = { table: 'custom_tools', column: 'encrypted_env' }

export const toCustomTool = ({
  tenantId: _tenantId,
  encryptedEnv: _sealed,
  envKeys: _names,
  ...row
}: ToolRow): CustomTool => ({ ...row, parameters: row.parameters as Record<string, unknown> })

export const createCustomToolRows =
  (db: ServiceDb<PrismaClient>, box: SecretBox) =>
  (tenantId: string): CustomToolRows => {
    const { prisma, change } = db.forTenant(tenantId)
    const evict = [{ kind: 'custom_tools', tenantId }] as const
    const conflict = (id: string) => ({ kind: 'tool name', id })

    return {
      page: async ({ agentId, search, enabled, limit, offset }) => {
        const part = { contains: likePattern(search), mode: 'insensitive' } as const
        const where = {
          tenantId,
          ...(agentId === undefined ? {} : { agentId }),
          ...(enabled === undefined ? {} : { enabled }),
          ...(search === '' ? {} : { OR: [{ name: part }, { description: part }] }),
        }
        const [rows, total] = await Promise.all([
          prisma.customTool.findMany({ where, orderBy: [{ name: 'asc' }, { id: 'asc' }], take: limit, skip: offset }),
          prisma.customTool.count({ where }),
        ])
        return { tools: rows.map(toCustomTool), total }
      },

      find: async (id) => {
        const row = await prisma.customTool.findFirst({ where: { id, tenantId } })
        return row === null ? undefined : toCustomTool(row)
      },

      insert: ({ parameters, ...fields }, env, actor) =>
        change(
          async (tx) => {
            const { id } = fields
            const row = await tx.customTool.create({
              data: {
                ...fields,
                tenantId,
                parameters: parameters as InputJsonObject,
                ...envColumns(box, env, { column: customToolEnv, tenantId, rowId: id }),
              },
            })
            return { result: toCustomTool(row), events: [event('customToolCreated', { id, ...actor })], evict }
          },
          { conflict: conflict(fields.name) },
        ),

      update: (id, { parameters, ...fields }, envOf, actor) => {
        let name = fields.name ?? ''
        return change(
          async (tx) => {
            await tx.$queryRaw`
              SELECT id FROM tools.custom_tools
              WHERE id = ${id}::uuid AND tenant_id = ${tenantId}::uuid FOR UPDATE`
            const row = await tx.customTool.findFirst({ where: { id, tenantId } })
            if (row === null) return { result: false }
            name = fields.name ?? row.name
            const place = { column: customToolEnv, tenantId, rowId: id }
            const env = envOf?.(() => openEnv(box, row.encryptedEnv, place))
            await tx.customTool.update({
              where: { id, tenantId },
              data: {
                ...fields,
                ...(parameters === undefined ? {} : { parameters: parameters as InputJsonObject }),
                ...(env === undefined ? {} : envColumns(box, env, place)),
              },
            })
            return { result: true, events: [event('customToolUpdated', { id, ...actor })], evict }
          },
          { conflict: () => conflict(name) },
        )
      },

      remove: (id, actor) =>
        change(async (tx) => {
          const { count } = await tx.customTool.deleteMany({ where: { id, tenantId } })
          return { result: undefined, events: count === 0 ? [] : [event('customToolDeleted', { id, ...actor })], evict }
        }),

      removeOfAgent: (agentId) =>
        change(async (tx) => {
          await tx.customTool.deleteMany({ where: { tenantId, agentId } })
          return { result: undefined, evict }
        }),
    }
  }
