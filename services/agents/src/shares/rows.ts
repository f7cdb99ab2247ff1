/** Rows of the shares of agents. */
import { event, newId, type ServiceDb } from '@clawmesh/chassis'
import type { PrismaClient } from '../db/client/client.ts'
import type { ShareRows } from './use-cases.ts'

export const createShareRows =
  (db: ServiceDb<PrismaClient>) =>
  (tenantId: string): ShareRows => {
    const { prisma, change } = db.forTenant(tenantId)
    // Who may use which agent is cached with the agents.
    const evict = [{ kind: 'agents', tenantId }] as const

    return {
      list: (agentId) =>
        prisma.agentShare.findMany({
          where: { tenantId, agentId },
          // Those of one moment by id.
          orderBy: [{ createdAt: 'asc' }, { id: 'asc' }],
        }),

      put: (agentId, { userId, role, grantedBy }, actor) =>
        change(
          async (tx) => {
            await tx.agentShare.upsert({
              where: { agentId_userId: { agentId, userId }, tenantId },
              create: { id: newId(), tenantId, agentId, userId, role, grantedBy },
              update: { role, grantedBy },
            })
            return { result: undefined, events: [event('agentShared', { id: agentId, userId, role, ...actor })], evict }
          },
          { missing: { kind: 'agent', id: agentId } },
        ),

      remove: (agentId, userId, actor) =>
        change(async (tx) => {
          const { count } = await tx.agentShare.deleteMany({ where: { tenantId, agentId, userId } })
          return {
            result: undefined,
            events: count === 0 ? [] : [event('agentShareRevoked', { id: agentId, userId, ...actor })],
            // Even when nothing was there: asking again mends a cache that missed the first time.
            evict,
          }
        }),
    }
  }
