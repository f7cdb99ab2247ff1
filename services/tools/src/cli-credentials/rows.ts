/** The rows of secure_cli_binaries and secure_cli_user_credentials. Variables are sealed on the way in. */
import { event, newId, type SecretBox, type ServiceDb } from '@clawmesh/chassis'
import type {
  PrismaClient,
  SecureCliBinary as BinaryRow,
  SecureCliUserCredential as UserRow,
} from '../db/client/client.ts'
import { binaryEnv, envColumns, openEnv, userEnv } from './env.ts'
import type { CliCredential, CliUserCredential } from './types.ts'
import { credentialNotFound, type CliRows } from './use-cases.ts'

export const toCredential = ({ tenantId: _tenantId, encryptedEnv: _sealed, ...row }: BinaryRow): CliCredential => row
const toUser = ({ tenantId: _tenantId, encryptedEnv: _sealed, ...row }: UserRow): CliUserCredential => row

export const createCliRows =
  (db: ServiceDb<PrismaClient>, box: SecretBox) =>
  (tenantId: string): CliRows => {
    const { prisma, change } = db.forTenant(tenantId)
    const evict = [{ kind: 'secure_cli', tenantId }] as const
    const conflict = (id: string) => ({ kind: 'credential', id })

    return {
      list: async () => {
        const rows = await prisma.secureCliBinary.findMany({
          where: { tenantId },
          orderBy: [{ binaryName: 'asc' }, { agentId: { sort: 'asc', nulls: 'last' } }],
        })
        return rows.map(toCredential)
      },

      find: async (id) => {
        const row = await prisma.secureCliBinary.findFirst({ where: { id, tenantId } })
        return row === null ? undefined : toCredential(row)
      },

      insert: (fields, env, actor) =>
        change(
          async (tx) => {
            const { id } = fields
            const row = await tx.secureCliBinary.create({
              data: { ...fields, tenantId, ...envColumns(box, env, { column: binaryEnv, tenantId, rowId: id }) },
            })
            return { result: toCredential(row), events: [event('secureCliCreated', { id, ...actor })], evict }
          },
          { conflict: conflict(fields.binaryName) },
        ),

      update: (id, actor, changeOf) => {
        let name = ''
        return change(
          async (tx) => {
            await tx.$queryRaw`
              SELECT id FROM tools.secure_cli_binaries
              WHERE id = ${id}::uuid AND tenant_id = ${tenantId}::uuid FOR UPDATE`
            const row = await tx.secureCliBinary.findFirst({ where: { id, tenantId } })
            if (row === null) return { result: false }
            const place = { column: binaryEnv, tenantId, rowId: id }
            const { fields, env, dropsUsers } = changeOf(toCredential(row), () => openEnv(box, row.encryptedEnv, place))
            name = fields.binaryName ?? row.binaryName
            if (dropsUsers) await tx.secureCliUserCredential.deleteMany({ where: { tenantId, binaryId: id } })
            await tx.secureCliBinary.update({
              where: { id, tenantId },
              data: { ...fields, ...(env === undefined ? {} : envColumns(box, env, place)) },
            })
            return { result: true, events: [event('secureCliUpdated', { id, ...actor })], evict }
          },
          { conflict: () => conflict(name) },
        )
      },

      remove: (id, actor) =>
        change(async (tx) => {
          const { count } = await tx.secureCliBinary.deleteMany({ where: { id, tenantId } })
          return { result: undefined, events: count === 0 ? [] : [event('secureCliDeleted', { id, ...actor })], evict }
        }),

      removeOfAgent: (agentId) =>
        change(async (tx) => {
          await tx.secureCliBinary.deleteMany({ where: { tenantId, agentId } })
          return { result: undefined, evict }
        }),

      listUsers: async (binaryId) => {
        const rows = await prisma.secureCliUserCredential.findMany({
          where: { tenantId, binaryId },
          orderBy: [{ createdAt: 'asc' }, { id: 'asc' }],
        })
        return rows.map(toUser)
      },

      readUser: (binaryId, userId, actor) =>
        change(async (tx) => {
          const row = await tx.secureCliUserCredential.findFirst({ where: { tenantId, binaryId, userId } })
          if (row === null) return { result: undefined }
          return { result: toUser(row), events: [event('secureCliUserRead', { id: binaryId, userId, ...actor })] }
        }),

      putUser: (binaryId, userId, actor, changeOf) =>
        change(async (tx) => {
          // Whoever writes another user of the program waits for this: a rename must not miss one.
          const [found] = await tx.$queryRaw<unknown[]>`
            SELECT id FROM tools.secure_cli_binaries
            WHERE id = ${binaryId}::uuid AND tenant_id = ${tenantId}::uuid FOR UPDATE`
          if (found === undefined) throw credentialNotFound(binaryId)
          const stored = await tx.secureCliUserCredential.findFirst({ where: { tenantId, binaryId, userId } })
          const id = stored?.id ?? newId()
          const place = { column: userEnv, tenantId, rowId: id }
          const columns = envColumns(
            box,
            changeOf(() => openEnv(box, stored?.encryptedEnv ?? null, place)),
            place,
          )
          if (stored) await tx.secureCliUserCredential.update({ where: { id, tenantId }, data: columns })
          else await tx.secureCliUserCredential.create({ data: { id, tenantId, binaryId, userId, ...columns } })
          return {
            result: undefined,
            events: [event('secureCliUserSet', { id: binaryId, userId, ...actor })],
            evict,
          }
        }),

      removeUser: (binaryId, userId, actor) =>
        change(async (tx) => {
          const { count } = await tx.secureCliUserCredential.deleteMany({ where: { tenantId, binaryId, userId } })
          const events = count === 0 ? [] : [event('secureCliUserDeleted', { id: binaryId, userId, ...actor })]
          return { result: undefined, events, evict }
        }),
    }
  }
