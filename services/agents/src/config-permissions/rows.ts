/** Rows of the rules about who may change an agent from a chat. */
import { event, newId, type ServiceDb } from '@clawmesh/chassis'
import type { PrismaClient } from '../db/client/client.ts'
import type { InputJsonObject } from '../db/client/internal/prismaNamespace.ts'
import type { ConfigPermission } from './types.ts'
import type { PermissionRows } from './use-cases.ts'

export const createPermissionRows =
  (db: ServiceDb<PrismaClient>) =>
  (tenantId: string): PermissionRows => {
    const { prisma, change } = db.forTenant(tenantId)

    return {
      list: async (agentId, configType) => {
        const rows = await prisma.configPermission.findMany({
          where: { tenantId, agentId, ...(configType === undefined ? {} : { configType }) },
          // Those of one moment by id.
          orderBy: [{ createdAt: 'asc' }, { id: 'asc' }],
        })
        return rows as unknown as ConfigPermission[]
      },

      put: (agentId, { scope, configType, userId, permission, grantedBy, metadata }, actor) =>
        change(
          async (tx) => {
            const name = { agentId, scope, configType, userId }
            const said = { permission, grantedBy, metadata: metadata as InputJsonObject }
            const { id } = await tx.configPermission.upsert({
              where: { agentId_scope_configType_userId: name, tenantId },
              create: { id: newId(), tenantId, ...name, ...said },
              update: said,
            })
            return { result: undefined, events: [event('configPermissionGranted', { id, ...name, ...actor })] }
          },
          { missing: { kind: 'agent', id: agentId } },
        ),

      remove: (agentId, { scope, configType, userId }, actor) =>
        change(async (tx) => {
          const name = { agentId, scope, configType, userId }
          const row = await tx.configPermission.findFirst({ where: { tenantId, ...name } })
          if (row === null) return { result: undefined }
          await tx.configPermission.deleteMany({ where: { tenantId, ...name } })
          return { result: undefined, events: [event('configPermissionRevoked', { id: row.id, ...name, ...actor })] }
        }),
    }
  }
