/** The rows of mcp_user_credentials, sealed. They tell nobody of it, so that no log says who has which account. */
import { lockName, newId, type SecretBox, type ServiceDb } from '@clawmesh/chassis'
import type { PrismaClient } from '../../db/client/client.ts'
import { sealSecrets, userSecrets } from '../secrets.ts'
import { serverNotFound } from '../servers/use-cases.ts'
import type { CredentialRows } from './use-cases.ts'

export const createCredentialRows =
  (db: ServiceDb<PrismaClient>, box: SecretBox) =>
  (tenantId: string): CredentialRows => {
    const { prisma, change } = db.forTenant(tenantId)
    const evict = [{ kind: 'mcp', tenantId }] as const
    return {
      put: (serverId, userId, secrets) =>
        change(async (tx) => {
          // A server of another tenant would satisfy the foreign key, so it is looked for in one's own.
          if ((await tx.mcpServer.count({ where: { id: serverId, tenantId } })) === 0) throw serverNotFound(serverId)
          await lockName(tx, 'mcp credentials', serverId, userId)
          // A new row each time: sealed values are bound to theirs.
          await tx.mcpUserCredential.deleteMany({ where: { tenantId, serverId, userId } })
          const id = newId()
          await tx.mcpUserCredential.create({
            data: {
              id,
              tenantId,
              serverId,
              userId,
              secrets: sealSecrets(box, secrets, { column: userSecrets, tenantId, rowId: id }),
              hasApiKey: secrets.apiKey !== '',
              hasHeaders: Object.keys(secrets.headers).length > 0,
              hasEnv: Object.keys(secrets.env).length > 0,
            },
          })
          return { result: undefined, evict }
        }),

      status: async (serverId, userId) =>
        (await prisma.mcpUserCredential.findFirst({
          where: { tenantId, serverId, userId },
          select: { hasApiKey: true, hasHeaders: true, hasEnv: true },
        })) ?? undefined,

      remove: (serverId, userId) =>
        change(async (tx) => {
          await tx.mcpUserCredential.deleteMany({ where: { tenantId, serverId, userId } })
          return { result: undefined, evict }
        }),
    }
  }
