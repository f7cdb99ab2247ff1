/** The rows of channel_instances. Credentials are sealed on the way in and opened only to be changed. */
import { event, likePattern, type SecretBox, type ServiceDb } from '@clawmesh/chassis'
import type { ChannelInstance as InstanceRow, PrismaClient } from '../db/client/client.ts'
import type { ChannelInstanceWhereInput } from '../db/client/models.ts'
import type { InputJsonObject } from '../db/client/internal/prismaNamespace.ts'
import { credentialColumns, openCredentials } from './sealed-credentials.ts'
import type { ChannelInstance, JsonObject } from './types.ts'
import type { InstanceRows } from './use-cases.ts'

const toInstance = ({ tenantId: _tenantId, credentials: _credentials, ...row }: InstanceRow): ChannelInstance => ({
  ...row,
  channelType: row.channelType as ChannelInstance['channelType'],
  config: row.config as JsonObject,
})

export const createInstanceRows =
  (db: ServiceDb<PrismaClient>, secrets: SecretBox) =>
  (tenantId: string): InstanceRows => {
    const { prisma, change } = db.forTenant(tenantId)
    const conflict = (name: string) => ({ kind: 'channel instance', id: name })

    return {
      list: async ({ search, channelType, limit, offset }) => {
        const matches = search ? { contains: likePattern(search), mode: 'insensitive' as const } : undefined
        const where: ChannelInstanceWhereInput = {
          tenantId,
          ...(channelType ? { channelType } : {}),
          ...(matches ? { OR: [{ name: matches }, { displayName: matches }, { channelType: matches }] } : {}),
        }
        const [rows, total] = await Promise.all([
          prisma.channelInstance.findMany({ where, orderBy: { name: 'asc' }, take: limit, skip: offset }),
          prisma.channelInstance.count({ where }),
        ])
        return { instances: rows.map(toInstance), total }
      },

      find: async (id) => {
        const row = await prisma.channelInstance.findFirst({ where: { id, tenantId } })
        return row === null ? undefined : toInstance(row)
      },

      insert: ({ config, credentials, ...plain }, actor) =>
        change(
          async (tx) => {
            const { id } = plain
            const columns = {
              ...plain,
              ...credentialColumns(secrets, { id, tenantId }, credentials),
              config: config as InputJsonObject,
            }
            const row = await tx.channelInstance.create({ data: { ...columns, tenantId } })
            return { result: toInstance(row), events: [event('channelInstanceCreated', { id, ...actor })] }
          },
          { conflict: conflict(plain.name) },
        ),

      update: (id, actor, fieldsFor) => {
        let name = ''
        return change(
          async (tx) => {
            await tx.$queryRaw`
              SELECT id FROM channels.channel_instances
              WHERE id = ${id}::uuid AND tenant_id = ${tenantId}::uuid FOR UPDATE`
            const row = await tx.channelInstance.findFirst({ where: { id, tenantId } })
            if (row === null) return { result: false }
            const fields = await fieldsFor(toInstance(row), () => openCredentials(secrets, row))
            if (Object.values(fields).every((value) => value === undefined)) return { result: true }
            const { config, credentials, ...plain } = fields
            name = plain.name ?? row.name
            await tx.channelInstance.update({
              where: { id, tenantId },
              data: {
                ...plain,
                ...credentialColumns(secrets, { id, tenantId }, credentials),
                config: config as InputJsonObject | undefined,
              },
            })
            return { result: true, events: [event('channelInstanceUpdated', { id, ...actor })] }
          },
          { conflict: () => conflict(name) },
        )
      },

      remove: (id, actor) =>
        change(async (tx) => {
          const { count } = await tx.channelInstance.deleteMany({ where: { id, tenantId } })
          if (count === 0) return { result: false }
          return { result: true, events: [event('channelInstanceDeleted', { id, ...actor })] }
        }),

      removeOfAgent: (agentId, actor) =>
        change(async (tx) => {
          // RETURNING names each row exactly once, whoever else handles the same event.
          const rows = await tx.$queryRaw<{ id: string }[]>`
            DELETE FROM channels.channel_instances
            WHERE tenant_id = ${tenantId}::uuid AND agent_id = ${agentId}::uuid RETURNING id`
          return {
            result: undefined,
            events: rows.map(({ id }) => event('channelInstanceDeleted', { id, ...actor })),
          }
        }),

      switchOffOfAgent: (agentId, actor) =>
        change(async (tx) => {
          const rows = await tx.$queryRaw<{ id: string }[]>`
            UPDATE channels.channel_instances SET enabled = false, updated_at = now()
            WHERE tenant_id = ${tenantId}::uuid AND agent_id = ${agentId}::uuid AND enabled RETURNING id`
          return {
            result: undefined,
            events: rows.map(({ id }) => event('channelInstanceUpdated', { id, ...actor })),
          }
        }),

      agentsOpenTo: async (userId) => {
        const named = JSON.stringify({ allow_from: [userId] })
        const rows = await prisma.$queryRaw<{ agent_id: string }[]>`
          SELECT DISTINCT agent_id FROM channels.channel_instances
          WHERE tenant_id = ${tenantId}::uuid AND enabled AND config @> ${named}::jsonb`
        return rows.map(({ agent_id }) => agent_id)
      },
    }
  }
