/** All that knows the tables of channels. Credentials are sealed on the way in and opened only to be changed. */
import { MeshError } from '@clawmesh/contracts'
import { isUniqueViolation, outboxRow, type Actor, type Database, type SecretBox } from '@clawmesh/chassis'
import type { ChannelInstance, Credentials, InstanceFields, InstanceFilter, JsonObject } from '../domain/types.ts'
import { PrismaClient, type ChannelInstance as InstanceRow } from './client/client.ts'
import type { ChannelInstanceWhereInput } from './client/models.ts'
import type { InputJsonObject } from './client/internal/prismaNamespace.ts'
import { instanceCredentials } from './secrets.ts'

const toInstance = ({ tenantId: _tenantId, credentials: _credentials, ...row }: InstanceRow): ChannelInstance => ({
  ...row,
  channelType: row.channelType as ChannelInstance['channelType'],
  config: row.config as JsonObject,
})

/** A text as part of a LIKE pattern in which it stands for itself. */
const literally = (text: string): string => text.replace(/[\\%_]/g, '\\$&')

const conflict = (thrown: unknown, name: string): unknown =>
  isUniqueViolation(thrown)
    ? new MeshError('ALREADY_EXISTS', 'error.already_exists', { kind: 'channel instance', id: name }, { cause: thrown })
    : thrown

interface StoreParts {
  database: Database
  secrets: SecretBox
  /** Called after each committed transaction that wrote an event. */
  published: () => void
}

/** The repository of channel instances; each function works within one tenant. */
export const createChannelStore = ({ database, secrets, published }: StoreParts) => {
  const client = new PrismaClient(database.tenantClientOptions)
  const place = (tenantId: string, rowId: string) => ({ column: instanceCredentials, tenantId, rowId })

  const open = ({ id, tenantId, credentials }: InstanceRow): Credentials =>
    credentials === null ? {} : (JSON.parse(secrets.open(credentials, place(tenantId, id))) as Credentials)

  const credentialColumns = (tenantId: string, id: string, credentials: Credentials) => {
    const credentialKeys = Object.keys(credentials)
    const sealed = secrets.seal(JSON.stringify(credentials), place(tenantId, id))
    return { credentialKeys, credentials: credentialKeys.length === 0 ? null : sealed }
  }

  const instances = (tenantId: string) => {
    const prisma = database.clientOf(client, tenantId)
    return {
      list: async ({ search, channelType, limit, offset }: InstanceFilter) => {
        const matches = search ? { contains: literally(search), mode: 'insensitive' as const } : undefined
        const where: ChannelInstanceWhereInput = {
          tenantId,
          ...(channelType ? { channelType } : {}),
          ...(matches === undefined
            ? {}
            : { OR: [{ name: matches }, { displayName: matches }, { channelType: matches }] }),
        }
        const [rows, total] = await Promise.all([
          prisma.channelInstance.findMany({ where, orderBy: { name: 'asc' }, take: limit, skip: offset }),
          prisma.channelInstance.count({ where }),
        ])
        return { instances: rows.map(toInstance), total }
      },

      find: async (id: string): Promise<ChannelInstance | undefined> => {
        const row = await prisma.channelInstance.findFirst({ where: { id, tenantId } })
        return row === null ? undefined : toInstance(row)
      },

      /** @throws ALREADY_EXISTS */
      insert: async (
        { config, credentials, ...plain }: InstanceFields & Pick<ChannelInstance, 'id' | 'createdBy'>,
        actor: Actor,
      ): Promise<ChannelInstance> => {
        const { id, name } = plain
        try {
          const row = await prisma.$transaction(async (tx) => {
            const created = await tx.channelInstance.create({
              data: {
                ...plain,
                tenantId,
                config: config as InputJsonObject,
                ...credentialColumns(tenantId, id, credentials),
              },
            })
            await tx.outbox.create({ data: outboxRow('channelInstanceCreated', tenantId, { id, ...actor }) })
            return created
          })
          published()
          return toInstance(row)
        } catch (thrown) {
          throw conflict(thrown, name)
        }
      },

      /**
       * Writes what `change` makes of the stored instance, which nobody else changes meanwhile.
       * False when there is none; nothing is written nor told when nothing changes. @throws ALREADY_EXISTS
       */
      update: async (
        id: string,
        actor: Actor,
        change: (stored: ChannelInstance, credentials: () => Credentials) => Partial<InstanceFields>,
      ): Promise<boolean> => {
        let name = ''
        try {
          const found = await prisma.$transaction(async (tx) => {
            await tx.$queryRaw`
            SELECT id FROM channels.channel_instances
            WHERE id = ${id}::uuid AND tenant_id = ${tenantId}::uuid FOR UPDATE`
            const row = await tx.channelInstance.findFirst({ where: { id, tenantId } })
            if (row === null) return false
            const fields = change(toInstance(row), () => open(row))
            if (Object.keys(fields).length === 0) return true
            const { config, credentials, ...plain } = fields
            name = plain.name ?? row.name
            await tx.channelInstance.update({
              where: { id, tenantId },
              data: {
                ...plain,
                ...(config === undefined ? {} : { config: config as InputJsonObject }),
                ...(credentials === undefined ? {} : credentialColumns(tenantId, id, credentials)),
              },
            })
            await tx.outbox.create({ data: outboxRow('channelInstanceUpdated', tenantId, { id, ...actor }) })
            return true
          })
          if (found) published()
          return found
        } catch (thrown) {
          throw conflict(thrown, name)
        }
      },

      /** False when there is none. */
      remove: async (id: string, actor: Actor): Promise<boolean> => {
        const removed = await prisma.$transaction(async (tx) => {
          const { count } = await tx.channelInstance.deleteMany({ where: { id, tenantId } })
          if (count > 0)
            await tx.outbox.create({ data: outboxRow('channelInstanceDeleted', tenantId, { id, ...actor }) })
          return count > 0
        })
        if (removed) published()
        return removed
      },

      removeOfAgent: async (agentId: string, actor: Actor): Promise<void> => {
        await prisma.$transaction(async (tx) => {
          // RETURNING tells of each row exactly once, whoever else handles the same event.
          const rows = await tx.$queryRaw<{ id: string }[]>`
          DELETE FROM channels.channel_instances
          WHERE tenant_id = ${tenantId}::uuid AND agent_id = ${agentId}::uuid RETURNING id`
          if (rows.length === 0) return
          await tx.outbox.createMany({
            data: rows.map(({ id }) => outboxRow('channelInstanceDeleted', tenantId, { id, ...actor })),
          })
        })
        published()
      },

      agentsOpenTo: async (userId: string): Promise<string[]> => {
        const named = JSON.stringify({ allow_from: [userId] })
        const rows = await prisma.$queryRaw<{ agent_id: string }[]>`
        SELECT DISTINCT agent_id FROM channels.channel_instances
        WHERE tenant_id = ${tenantId}::uuid AND enabled AND config @> ${named}::jsonb`
        return rows.map(({ agent_id }) => agent_id)
      },
    }
  }

  return { instances }
}

export type ChannelStore = ReturnType<typeof createChannelStore>
