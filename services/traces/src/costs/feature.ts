/** What agents have cost: over the traces that are kept, and in a month. */
import type { Database, Feature } from '@clawmesh/chassis'
import type { PrismaOf } from '../prisma.ts'
import { createCostHttp } from './http.ts'
import { createCostRows } from './rows.ts'
import { createCostRpc } from './rpc.ts'
import { createCostUseCases } from './use-cases.ts'

export const createCosts = (database: Database, prismaOf: PrismaOf) => {
  const costs = createCostUseCases(createCostRows(database, prismaOf))
  return { http: createCostHttp(costs), rpc: createCostRpc(costs) } satisfies Feature & { rpc: object }
}
