/** Counts what a tenant has. */
import type { ServiceDb } from '@clawmesh/chassis'
import type { PrismaClient } from '../db/client/client.ts'
import type { TenantStatus } from './types.ts'

/** Agents at work that are named, at most. */
const namedAgents = 500

export const createStatusRows =
  (db: ServiceDb<PrismaClient>) =>
  async (tenantId: string): Promise<TenantStatus> => {
    const { prisma } = db.forTenant(tenantId)
    const [running, agents, sessions] = await Promise.all([
      prisma.agent.findMany({
        where: { tenantId, sessions: { some: { leaseRunId: { not: null } } } },
        select: { agentKey: true, model: true },
        orderBy: { agentKey: 'asc' },
        take: namedAgents,
      }),
      prisma.agent.count({ where: { tenantId } }),
      prisma.session.count({ where: { tenantId } }),
    ])
    return { running, agents, sessions }
  }
