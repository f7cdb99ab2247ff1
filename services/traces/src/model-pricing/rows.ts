/** The prices that tenants have set. A change of one is told to all who count costs. */
import { MeshError } from '@clawmesh/contracts'
import { event, type ServiceDb } from '@clawmesh/chassis'
import type { PrismaClient } from '../db/client/client.ts'
import type { OwnPrice } from './types.ts'
import type { PriceRows } from './use-cases.ts'

export const createPriceRows =
  (db: ServiceDb<PrismaClient>) =>
  (tenantId: string): PriceRows => {
    const { prisma, change } = db.forTenant(tenantId)
    const evict = [{ kind: 'model_prices', tenantId }] as const

    type Row = Awaited<ReturnType<typeof prisma.modelPrice.findMany>>[number]
    const toPrice = ({ name, updatedAt, ...row }: Row): OwnPrice => ({
      name,
      updatedAt,
      inputPerMillion: Number(row.inputPerMillion),
      outputPerMillion: Number(row.outputPerMillion),
      cacheReadPerMillion: row.cacheReadPerMillion === null ? undefined : Number(row.cacheReadPerMillion),
      cacheCreatePerMillion: row.cacheCreatePerMillion === null ? undefined : Number(row.cacheCreatePerMillion),
    })

    return {
      all: async () => (await prisma.modelPrice.findMany({ where: { tenantId } })).map(toPrice),

      put: (name, { cacheReadPerMillion = null, cacheCreatePerMillion = null, ...price }, most, actor) =>
        change(async (tx) => {
          const where = { tenantId_name: { tenantId, name } }
          const others = { tenantId, name: { not: name } }
          if ((await tx.modelPrice.count({ where: others })) >= most)
            throw new MeshError('ALREADY_EXISTS', 'error.too_many_model_prices', { limit: most })
          const data = { ...price, cacheReadPerMillion, cacheCreatePerMillion, updatedAt: new Date() }
          await tx.modelPrice.upsert({ where, create: { ...data, tenantId, name }, update: data })
          return { result: undefined, events: [event('modelPriceSet', { id: name, ...actor })], evict }
        }),

      remove: (name, actor) =>
        change(async (tx) => {
          const { count } = await tx.modelPrice.deleteMany({ where: { tenantId, name } })
          if (count === 0) return { result: false }
          return { result: true, events: [event('modelPriceDeleted', { id: name, ...actor })], evict }
        }),
    }
  }
